"""What happens live on the page of a spatial surface: probabilities, and the first-order attack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from dash import Dash, Input, Output, State, html, no_update

from landscape.errors import InputError
from landscape.explorer.controls import telling
from landscape.explorer.pose_panel import axes_of
from landscape.explorer.spatial_figures import nearest_pose
from landscape.explorer.spatial_page import SLIDERS, SpatialPage, place
from landscape.explorer.words import number

if TYPE_CHECKING:  # it needs torch
    from landscape.explorer.live import Said

NEAR = 0.9  # of the highest loss on the grid: there a way has arrived
DIGITS = 3  # of the ways that the browser keeps


@dataclass(frozen=True, eq=False)
class LivePage:
    """Callbacks of the page that run a network, as plain functions.

    Attributes:
        page: the page, whose `live` is there.
    """

    page: SpatialPage

    def register(self, app: Dash) -> None:
        """Tell the application which of them answers what."""
        image, compare, opened = "s-image", "s-compare", State("opened", "data")
        app.callback(
            Output("s-live", "children"),
            Output("s-live-notice", "children"),
            Input(image, "data"),
            *(Input(name, "value") for name in SLIDERS),
            Input(compare, "value"),
            Input("version", "data"),
            opened,
        )(telling(1, self.say))
        app.callback(
            Output("s-ways", "data"),
            Output("s-attack-notice", "children"),
            Input("s-attack", "n_clicks"),
            State(image, "data"),
            State(compare, "value"),
            opened,
            prevent_initial_call=True,
            running=[
                (Output("s-attack", "disabled"), True, False),
                (Output("s-attack", "children"), "Climbing …", "First-order attack"),
            ],
        )(telling(1, self.attack))

    def say(
        self,
        image: int,
        rotation: Any,
        shift_x: Any,
        shift_y: Any,
        compare: str,
        version: Any,
        opened: str,
    ) -> tuple[html.Div]:
        """The likeliest classes at the cursor, of one model or two."""
        sources, live = self.page.sources, self.page.live
        assert live is not None
        cubes = self.page.cubes(opened, compare, image)
        at = place(sources[opened].summary(), (rotation, shift_x, shift_y))
        columns = []
        for label, cube in cubes.items():
            heading = [html.H3(label)] if len(cubes) > 1 else []
            if refusal := live.refusal(sources[label]):
                columns.append(html.Div([*heading, html.P(refusal, className="remark")]))
                continue
            point = nearest_pose(cube, at)
            said = live.say(sources[label], cube, axes_of(point))
            bars = _bars(said, sources[label].summary().class_name, int(cube["label"]))
            columns.append(html.Div([*heading, *bars, _difference(said, point.loss)]))
        return (html.Div(columns, className="columns"),)

    def attack(
        self, clicks: int | None, image: int, compare: str, opened: str
    ) -> tuple[Mapping[str, Any] | Any]:
        """The ways of the attack on an image, and how far they got."""
        live = self.page.live
        assert live is not None
        if not clicks:
            return (no_update,)
        ways, told, refusals = {}, [], []
        cubes = self.page.cubes(opened, compare, image)
        for label, cube in cubes.items():
            if refusal := live.refusal(self.page.sources[label]):
                refusals.append(refusal)
                continue
            found = live.climb(self.page.sources[label], cube)
            ways[label] = [np.round(way, DIGITS).tolist() for way in found.ways]
            loss = cube["loss"].values
            top = float(np.max(loss[np.isfinite(loss)], initial=0.0))
            arrived = sum(best >= NEAR * top for best in found.best)
            whose = f"{label}: " if len(cubes) > 1 else ""
            told.append(
                f"{whose}{arrived} of {len(found.best)} reach {NEAR:.0%} of the highest loss"
            )
        if not ways:
            raise InputError(" ".join(refusals))
        return ({"image": image, "ways": ways, "told": "; ".join(told)},)


def _bars(said: "Said", name: Any, label: int) -> list[html.Div]:
    """Probabilities as bars; the true class is marked."""
    return [
        html.Div(
            [
                html.Span(name(index) + (" ✓" if index == label else ""), className="class"),
                html.Span(
                    html.Span(className="fill", style={"width": f"{100 * share:.2f}%"}),
                    className="bar true" if index == label else "bar",
                ),
                html.Span(f"{share:.1%}", className="value"),
            ],
            className="likely",
        )
        for index, share in zip(said.classes, said.probabilities, strict=True)
    ]


def _difference(said: "Said", stored: float) -> html.P:
    text = f"live loss {number(said.loss)}, file {number(stored)}"
    off = abs(said.loss - stored)
    if np.isfinite(off):
        text += f", they differ by {number(off, 2)}"
    why = "the file keeps pixels in 8 bits; images that had more are not quite the same"
    return html.P(text, className="remark", title=why)
