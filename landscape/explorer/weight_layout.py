"""The page of weight surfaces before anything is drawn in it."""

from typing import Any

from dash import dcc, html

from landscape.explorer.about import about
from landscape.explorer.controls import choice, graph, menu, notice, said, slider
from landscape.explorer.sources import Source, Sources, readable
from landscape.explorer.spatial_layout import grid_of
from landscape.explorer.state import CUTS, View
from landscape.explorer.weight_shown import GREEK, directions, fields_of, frames
from landscape.explorer.words import TIMES, shown
from landscape.plots.style import spelled
from landscape.store import WEIGHT_AXES

PERIOD = 900  # milliseconds for which a surface stands still while they are played


def weight_body(sources: Sources, source: Source, view: View) -> html.Main:
    """The page, with every control where the view has it.

    Args:
        sources: all files.
        source: the one that is explored.
        view: what is asked for.

    Raises:
        InputError: the file cannot be read, or its centre is not computed yet.
    """
    told = source.summary()
    alike = [other.label for other in sources.alike(source)]
    beside = [label for label in alike if label in view.beside] or [source.label]
    axes = directions(told.axes)
    at = view.at if len(view.at) == len(axes) else (0.0,) * len(axes)
    places = {axis.name: axis.nearest(v) for axis, v in zip(axes, at, strict=True)}
    counts = {axis.name: len(axis.values) for axis in axes}
    titles = {axis.name: axis.title for axis in axes}
    sliders = [
        slider(
            f"w-{name}",
            f"{GREEK[name]}  {titles.get(name, '')}",
            counts.get(name, 0),
            places.get(name, 0),
        )
        for name in WEIGHT_AXES
    ]
    return html.Main(
        [
            dcc.Store(id="w-grid", data=grid_of(told)),
            dcc.Store(id="w-held"),
            dcc.Store(id="w-camera", data=list(view.camera)),
            dcc.Interval(id="w-clock", interval=PERIOD, disabled=True),
            _side(sources, source, view, alike, beside),
            html.Section(
                [
                    _toolbar(source, view, len(axes)),
                    notice("w-notice"),
                    html.Div(id="w-remark", className="remark"),
                    html.Div(
                        [
                            graph("w-surface", _label(len(axes))),
                            html.Div(
                                graph("w-contour", "Contours, linked to the surfaces"),
                                tabIndex=0,
                                className="focusable",
                                title="arrow keys move the cursor, a click puts it down",
                            ),
                        ],
                        id="w-figures",
                        className="figures one",
                    ),
                    html.Div(sliders, className="sliders"),
                    html.Div(id="w-values", className="values"),
                ],
                className="middle",
                **said("Surfaces"),
            ),
        ],
        className="weights",
    )


def _label(axes: int) -> str:
    return {1: "Lines along the direction", 2: "Surfaces in 3-D"}.get(axes, "Nested surfaces")


def _side(
    sources: Sources, source: Source, view: View, alike: list[str], beside: list[str]
) -> html.Section:
    several = len(alike) > 1
    count = len(frames(sources, source, beside))
    player: dict[str, Any] = {"type": "button", "className": "action"}
    mode = view.mode if several else "beside"
    return html.Section(
        [
            html.Div(
                [
                    html.Span("Surfaces on one scale", className="label"),
                    dcc.Checklist(
                        id="w-beside",
                        options=[{"value": label, "label": label} for label in alike],
                        value=beside,
                        className="files",
                    ),
                    choice(
                        "w-mode",
                        "Shown",
                        {"beside": "side by side", "sequence": "in turn"},
                        mode,
                    ),
                    html.Div(
                        [
                            html.Button("Play", id="w-play", **player),
                            slider("w-frame", "surface", count, min(view.frame, count - 1)),
                        ],
                        id="w-player",
                        className="player" if mode == "sequence" else "hidden",
                    ),
                ],
                className="block" if several else "hidden",
            ),
            html.Div(_paths(source), className="block legend"),
            about(source.summary()),
        ],
        className="list",
        **said("Surfaces and facts"),
    )


def _paths(source: Source) -> list[Any]:
    """The key to the marks that lie in the plane."""
    part = source.surface()
    signs = [("cross", "trained weights"), ("ring", "cursor")]
    if any(str(name).startswith("path_") for name in part.data_vars):
        signs.append(("dot", "checkpoints or other networks"))
    return [html.Span([html.I(className=sign), text], className="sign") for sign, text in signs]


def _toolbar(source: Source, view: View, axes: int) -> html.Div:
    part = source.surface()
    names = fields_of(part)
    told = [(name, shown(_words(part, name)).replace(r"\$", "$")) for name in names]
    percent = round(100 * view.quantile)
    plane = view.plane if view.plane in CUTS else CUTS[0]
    planes = {cut: f" {TIMES} ".join(GREEK[axis] for axis in cut.split("-")) for cut in CUTS}
    return html.Div(
        [
            menu("w-field", "Show", told, view.field if view.field in names else names[0]),
            choice(
                "w-scale", "Scale", {s: s for s in ("auto", "linear", "log", "clipped")}, view.scale
            ),
            html.Div(
                [
                    html.Label("clip above", htmlFor="w-quantile"),
                    dcc.Input(
                        id="w-quantile",
                        type="range",
                        min=50,
                        max=99,
                        step=1,
                        value=percent,
                        className="range",
                    ),
                    html.Span(id="w-quantile-text", className="value"),
                ],
                id="w-clip",
                className="slider short" if view.scale == "clipped" else "hidden",
            ),
            html.Div(
                choice("w-plane", "Contours over", planes, plane),
                className="" if axes == 3 else "hidden",
            ),
        ],
        className="toolbar",
    )


def _words(part: Any, name: str) -> str:
    told = str(part[name].attrs.get("long_name", ""))
    own = spelled(name)
    return f"{own} ({told})" if told and told != own else own


def axes(many: int) -> str:
    """How many axes, in words."""
    return f"{many} axis" if many == 1 else f"{many} axes"


def known(sources: Sources) -> list[tuple[str, str]]:
    """Labels of all files, and what the list of files calls them."""
    options = []
    for source in sources:
        told = readable(source)
        kind = "cannot be read" if told is None else f"{told.kind}, {axes(len(told.axes))}"
        options.append((source.label, f"{source.label} ({kind})"))
    return options
