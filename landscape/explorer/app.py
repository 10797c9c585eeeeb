"""The Dash application: the frame around the pages, and how they follow the URL and the files."""

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, dcc, html, no_update, set_props

from landscape.errors import InputError
from landscape.explorer.browser import register_browser
from landscape.explorer.controls import menu, notice
from landscape.explorer.live_page import LivePage
from landscape.explorer.sources import Source, Sources, readable
from landscape.explorer.spatial_layout import spatial_body
from landscape.explorer.spatial_page import SpatialPage
from landscape.explorer.state import View, from_query, to_query
from landscape.explorer.weight_layout import known, weight_body
from landscape.explorer.weight_page import WeightPage
from landscape.explorer.weight_shown import chosen

if TYPE_CHECKING:  # it needs torch
    from landscape.models import Checkpoint

log = logging.getLogger("landscape.explorer")

PERIOD = 2000  # milliseconds between two looks at a file that is being written
TRACE = 1500  # characters of what went wrong
SEVERAL = 3  # files, up to which each is named in the head of the page
KEYS = (
    ("← → ↑ ↓", "move the cursor in the plane"),
    ("Page Up / Page Down, k / j", "previous / next image"),
    ("space", "play or stop surfaces in turn"),
    ("?", "show or hide these keys"),
)


def make_app(
    files: Sequence[Path],
    *,
    checkpoints: Sequence[Path] = (),
    load: "Callable[[Path], Checkpoint] | None" = None,
) -> Dash:
    """The explorer of some surfaces.

    Args:
        files: surfaces, finished or not; those that cannot be read are told of in the page.
        checkpoints: networks to be asked live; each serves the files that name its weights.
        load: how checkpoints are read, `load_checkpoint` by default; weights from elsewhere do not
            say which network they belong to.

    Raises:
        InputError: a checkpoint cannot be used.
    """
    sources = Sources(files)
    live = None
    if checkpoints:
        from landscape.explorer.live import Live

        live = Live(checkpoints) if load is None else Live(checkpoints, load)
    app = Dash(
        "landscape.explorer",
        title="landscape explorer",
        update_title="",
        assets_folder=str(Path(__file__).parent / "assets"),
        serve_locally=True,
        suppress_callback_exceptions=True,
        on_error=_unexpected,
    )
    app.layout = _frame()
    page = SpatialPage(sources, live)
    page.register(app)
    if live is not None:
        LivePage(page).register(app)
    WeightPage(sources).register(app)
    Watch(sources, live is not None).register(app)
    register_browser(app)
    return app


def _frame() -> html.Div:
    keys = [html.Div([html.Kbd(key), html.Span(text)]) for key, text in KEYS]
    return html.Div(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Interval(id="tick", interval=PERIOD, disabled=True),
            dcc.Store(id="version"),
            dcc.Store(id="query"),
            dcc.Store(id="key"),
            dcc.Store(id="again", data=0),
            html.Header(
                [
                    html.H1("landscape"),
                    html.Div(id="states", className="states", role="status"),
                    html.Details(
                        [html.Summary("Keys"), html.Div(keys, className="keys")], id="keys"
                    ),
                ]
            ),
            notice("notice"),
            html.Div(id="body"),
        ],
        className="explorer",
    )


class Watch:
    """What the page is of: the file that the URL names, as it is on the disk now."""

    def __init__(self, sources: Sources, live: bool) -> None:
        """Keep them.

        Args:
            sources: all files.
            live: whether checkpoints were given.
        """
        self._sources, self._live = sources, live

    def register(self, app: Dash) -> None:
        """Tell the application which function answers what."""
        query, version = State("query", "data"), State("version", "data")
        app.callback(
            Output("body", "children"),
            Output("version", "data"),
            Output("query", "data"),
            Output("notice", "children"),
            Input("url", "search"),
            Input("again", "data"),
            query,
        )(self.body)
        app.callback(
            Output("url", "search"),
            Input("file", "value"),
            State("opened", "data"),
            query,
            prevent_initial_call=True,
        )(self.choose)
        app.callback(
            Output("version", "data", allow_duplicate=True),
            Output("again", "data"),
            Input("tick", "n_intervals"),
            query,
            version,
            State("again", "data"),
            State("shape", "data"),
            prevent_initial_call=True,
        )(self.look)
        app.callback(
            Output("states", "children"),
            Output("tick", "disabled"),
            Input("version", "data"),
            Input("query", "data"),
        )(self.states)

    def body(self, search: str | None, again: int, query: str | None) -> tuple[Any, Any, str, str]:
        """The page that a URL asks for, the state of its files, what was understood, no notice."""
        view = from_query(query if again and query else search)
        source = self._sources.get(view.file) or next(iter(self._sources))
        shape = shape_of(source)
        try:
            source.look(now=True)
            told = source.summary()
            if told.kind == "spatial":
                main = spatial_body(self._sources, source, view, self._live)
            elif told.kind == "weights":
                main = weight_body(self._sources, source, view)
            else:
                main = _message(
                    f"{source.label} is of the kind {told.kind!r}, which has no interactive view; "
                    "landscape plot draws it."
                )
        except InputError as error:
            main = _message(str(error))
        here = menu("file", "File", known(self._sources), source.label)
        stores = [dcc.Store(id="opened", data=source.label), dcc.Store(id="shape", data=shape)]
        page = html.Div([*stores, here, main], className="page")
        known_view = replace(view, file=source.label)
        return page, self._version(view, source), to_query(known_view), ""

    def choose(self, wanted: str | None, opened: str, query: str | None) -> Any:
        """The URL of another file, with what is asked for of any file."""
        if wanted is None or wanted == opened:
            return no_update
        old = from_query(query)
        view = View(file=wanted, scale=old.scale, quantile=old.quantile, sort=old.sort)
        own, other = readable(self._sources[opened]), readable(self._sources[wanted])
        if own is not None and other is not None and own.kind == other.kind == "spatial":
            view = replace(old, file=wanted, compare="")
        return to_query(view)

    def look(
        self, ticks: int | None, query: str | None, version: Any, again: int, shape: str
    ) -> tuple[Any, Any]:
        """The state of the files that are shown, if it is another one than it was."""
        view, source = self._asked(query)
        for label in self._watched(view, source):
            self._sources[label].look(now=True)
        new = self._version(view, source)
        rebuilt = again + 1 if shape_of(source) != shape else no_update
        return new if new != version else no_update, rebuilt

    def states(self, version: Any, query: str | None) -> tuple[Any, bool]:
        """How far the files are, and whether nothing more is to come of them."""
        view, source = self._asked(query)
        watched = {name: readable(self._sources[name]) for name in self._watched(view, source)}
        open_ones = {name: one for name, one in watched.items() if one is None or not one.complete}
        some = watched if len(watched) <= SEVERAL else open_ones
        told = [
            html.Span(
                [html.B(label), " ", "cannot be read" if summary is None else summary.state],
                className="state open" if label in open_ones else "state",
            )
            for label, summary in some.items()
        ]
        if len(watched) > SEVERAL:
            rest = f"{len(watched) - len(open_ones)} of {len(watched)} files complete"
            told.insert(0, html.Span(rest, className="state"))
        return told, not open_ones

    def _asked(self, query: str | None) -> tuple[View, Source]:
        view = from_query(query)
        return view, self._sources.get(view.file) or next(iter(self._sources))

    def _watched(self, view: View, source: Source) -> list[str]:
        """The labels of the files that are shown."""
        told = readable(source)
        if told is None or told.kind == "spatial":
            return [source.label, *([view.compare] if self._sources.get(view.compare) else [])]
        shown, compared = chosen(self._sources, source, view.beside, view.mode, view.frame)
        return list(dict.fromkeys([*shown, *compared]))

    def _version(self, view: View, source: Source) -> Mapping[str, str]:
        return {label: str(self._sources[label].look()) for label in self._watched(view, source)}


def shape_of(source: Source) -> str:
    """What of a file decides which page it has: kind and axes, or the sentence of what is wrong."""
    try:
        told = source.summary()
        if told.kind == "weights":
            source.surface()
    except InputError as error:
        return f"error: {error}"
    return f"{told.kind} {[len(axis.values) for axis in told.axes]} {len(told.images)}"


def _message(text: str) -> html.Main:
    return html.Main(html.Div(text, className="notice large", role="alert"))


def _unexpected(error: Exception) -> None:
    """What no callback foresaw: the page says so and goes on, the terminal gets the rest."""
    if isinstance(error, InputError):  # the callbacks that draw say it where it is seen
        return
    said = "".join(traceback.format_exception(error))
    log.error("the explorer could not answer:\n%s", said[-TRACE:])
    text = f"This could not be shown ({type(error).__name__}); the terminal says more."
    set_props("notice", {"children": text})
