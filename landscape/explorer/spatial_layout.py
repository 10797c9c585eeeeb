"""The page of a spatial surface before anything is drawn in it."""

from typing import Any

import numpy as np
from dash import dcc, html

from landscape.explorer import controls
from landscape.explorer.controls import choice, graph, menu, notice, said, slider
from landscape.explorer.marks import FIRST
from landscape.explorer.sources import Source, Sources, Summary
from landscape.explorer.state import PLANES, View
from landscape.explorer.words import TIMES, shown
from landscape.plots.prepare import POSE_AXES

BACK, ON = (
    "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
    "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
)
PAGE = 50  # images in the list at a time
SHORT = {"rotation": "rotation", "shift_x": "shift right", "shift_y": "shift down"}


def spatial_body(sources: Sources, source: Source, view: View, live: bool) -> html.Main:
    """The page, with every control where the view has it.

    Args:
        sources: all files.
        source: the one that is explored.
        view: what is asked for.
        live: whether checkpoints were given.

    Raises:
        InputError: the file cannot be read.
    """
    told = source.summary()
    image = image_of(told, view)
    return html.Main(
        [
            dcc.Store(id="s-page", data=int(np.flatnonzero(told.images == image)[0]) // PAGE),
            dcc.Store(id="s-image", data=image),
            dcc.Store(id="s-order"),
            dcc.Store(id="s-ways"),
            dcc.Store(id="s-camera", data=list(view.camera)),
            dcc.Store(id="s-grid", data=grid_of(told)),
            _images(view),
            html.Section(
                [
                    _toolbar(sources, source, view),
                    notice("s-notice"),
                    html.Div(
                        graph("s-heat", "Heat map of the plane through the cursor"),
                        tabIndex=0,
                        className="focusable",
                        title="arrow keys move the cursor, a click puts it down",
                    ),
                    html.Div(id="s-remark", className="remark"),
                    html.Div(_sliders(told, view), className="sliders"),
                    graph("s-profiles", "Profiles along each axis through the cursor"),
                ],
                className="middle",
                **said("Plane and profiles"),
            ),
            html.Section(
                [
                    html.Div(id="s-pose", className="pose"),
                    _live(live),
                    choice(
                        "s-levels",
                        "Volume",
                        {"border": "decision border", "loss": "loss levels", "both": "both"},
                        view.levels,
                    ),
                    notice("s-volume-notice"),
                    graph("s-volume", "Surfaces over rotation and both shifts"),
                ],
                className="side",
                **said("Image at the cursor, and the volume"),
            ),
        ],
        className="spatial",
    )


def image_of(told: Summary, view: View) -> int:
    """The image that is shown: the one asked for if the file has it."""
    held: list[int] = told.images.tolist()
    return held[0] if view.image is None or view.image not in held else view.image


def plane_of(view: View) -> str:
    """The plane that is shown."""
    return view.plane if view.plane in PLANES else PLANES[0]


def grid_of(told: Summary) -> list[dict[str, Any]]:
    """What the browser must know of the axes to move the cursor by itself."""
    return [
        {"name": axis.name, "values": axis.values.tolist(), "unit": axis.unit} for axis in told.axes
    ]


def _images(view: View) -> html.Section:
    turn: dict[str, Any] = {"className": "turn", "type": "button"}
    return html.Section(
        [
            choice("s-sort", "Sort", {"number": "number", "loss": "loss"}, view.sort),
            html.Div(
                [
                    html.Button(BACK, id="s-back", **turn, **said("previous page")),
                    html.Span(id="s-pages", className="value"),
                    html.Button(ON, id="s-on", **turn, **said("next page")),
                ],
                className="pager",
            ),
            notice("s-list-notice"),
            dcc.Loading(
                html.Div(id="s-list", className="images"),
                type="dot",
                delay_show=300,
                color=FIRST,
            ),
        ],
        className="list",
        **said("Images"),
    )


def _toolbar(sources: Sources, source: Source, view: View) -> html.Div:
    others = [other.label for other in sources.comparable(source)]
    options = [("", "nothing"), *((label, label) for label in others)]
    planes = {name: f" {TIMES} ".join(SHORT[axis] for axis in name.split("-")) for name in PLANES}
    scale = view.scale if view.scale != "clipped" else "auto"
    field = view.field if view.field in ("loss", "margin") else "loss"
    compare = view.compare if view.compare in others else ""
    return html.Div(
        [
            choice("s-plane", "Plane", planes, plane_of(view)),
            choice("s-field", "Show", {"loss": "loss", "margin": "margin"}, field),
            choice("s-scale", "Scale", {s: s for s in ("auto", "linear", "log")}, scale),
            menu("s-compare", "Compare with", options, compare)
            if others
            else html.Div(dcc.Dropdown(id="s-compare", value=""), className="hidden"),
        ],
        className="toolbar",
    )


def _sliders(told: Summary, view: View) -> list[html.Div]:
    by_name = {axis.name: axis for axis in told.axes}
    at = view.at if len(view.at) == len(POSE_AXES) else (0.0,) * len(POSE_AXES)
    return [
        slider(
            f"s-{name}", SHORT[name], len(by_name[name].values), by_name[name].nearest(at[number])
        )
        for number, name in enumerate(POSE_AXES)
    ]


def _live(live: bool) -> html.Div:
    button = html.Button(
        "First-order attack",
        id="s-attack",
        type="button",
        className="action" if live else "hidden",
        title="gradient ascent in the pose from a few starts, drawn in plane and volume",
    )
    hint: list[Any] = [
        "Probabilities and attacks need the network: start with ",
        html.Code("--checkpoint"),
    ]
    return html.Div(
        [
            html.Div([] if live else hint, id="s-live", className="live"),
            html.Div([button, html.Span(id="s-attack-told", className="remark")], className="row"),
            controls.notice("s-live-notice"),
            controls.notice("s-attack-notice"),
        ]
    )


def badge(label: str, found: str, number: int, loss: str, wrong: bool, picture: str) -> html.Button:
    """An image in the list; a click on it is seen by the browser's part of the explorer."""
    small = html.Img(src=picture, alt="", className="thumb") if picture else None
    change: list[Any] = [label, *([html.Span(" → "), html.B(found)] if wrong else [])]
    marked: dict[str, Any] = {"data-image": str(number)}
    return html.Button(
        [
            small,
            html.Span(
                [
                    html.Span(change, className="change"),
                    html.Span(f"worst loss {loss}" if wrong else f"holds, {loss}"),
                    html.Span(f"image {number}", className="faint"),
                ],
                className="told",
            ),
        ],
        className="entry wrong" if wrong else "entry",
        type="button",
        title=shown(
            f"image {number}, {label}: "
            + (f"misclassified as {found}" if wrong else "never misclassified on this grid")
        ),
        **marked,
    )
