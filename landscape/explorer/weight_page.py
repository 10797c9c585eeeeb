"""What happens on the page of weight surfaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import Dash, Input, Output, Patch, State, html

from landscape.explorer import marks
from landscape.explorer.controls import index, table, telling
from landscape.explorer.scaling import remark
from landscape.explorer.sources import Sources
from landscape.explorer.state import View, to_query
from landscape.explorer.weight_figures import ACROSS, CURSOR, SCENES, contours, surfaces
from landscape.explorer.weight_lines import lines
from landscape.explorer.weight_shown import (
    Shown,
    chosen,
    directions,
    fields_of,
    gather,
    nearest,
)
from landscape.explorer.words import TO, number, shown
from landscape.plots.style import spelled
from landscape.store import WEIGHT_AXES

SLIDERS = [f"w-{axis}" for axis in WEIGHT_AXES]
ROW, LINES = 360, 330  # pixels


@dataclass(frozen=True, eq=False)
class WeightPage:
    """Callbacks of the page, as plain functions.

    Attributes:
        sources: all files.
    """

    sources: Sources

    def register(self, app: Dash) -> None:
        """Tell the application which of them answers what."""
        asked = ["w-beside", "w-mode", "w-frame", "w-field", "w-scale", "w-quantile", "w-plane"]
        controls = [Input(name, "value") for name in asked]
        sliders = [Input(name, "value") for name in SLIDERS]
        opened = State("opened", "data")
        app.callback(
            Output("w-surface", "figure"),
            Output("w-contour", "figure"),
            Output("w-figures", "className"),
            Output("w-figures", "style"),
            Output("w-remark", "children"),
            Output("w-notice", "children"),
            *controls,
            Input("w-held", "data"),
            Input("version", "data"),
            *(State(name, "value") for name in SLIDERS),
            opened,
            State("w-camera", "data"),
        )(telling(5, self.draw))
        app.callback(
            Output("w-surface", "figure", allow_duplicate=True),
            Output("w-contour", "figure", allow_duplicate=True),
            *sliders,
            *(State(name, "value") for name in asked),
            opened,
            prevent_initial_call=True,
        )(self.move)
        app.callback(
            Output("w-values", "children"),
            *sliders,
            *controls,
            Input("version", "data"),
            opened,
        )(self.values)
        app.callback(
            Output("query", "data", allow_duplicate=True),
            *sliders,
            *controls,
            opened,
            Input("w-camera", "data"),
            prevent_initial_call="initial_duplicate",
        )(self.describe)

    def shown(self, sliders: Sequence[Any], asked: Sequence[Any], opened: str) -> Shown:
        """What is asked for, read."""
        beside, mode, frame, field, scale, quantile, plane = asked
        source = self.sources[opened]
        labels = chosen(self.sources, source, beside or (), mode, index(frame, 10**6))
        return gather(
            self.sources,
            labels,
            field=field,
            scale=scale,
            quantile=share(quantile),
            at=self.place(sliders, opened),
            plane=plane,
        )

    def place(self, sliders: Sequence[Any], opened: str) -> dict[str, float]:
        """Where the sliders put the cursor, by axis."""
        axes = directions(self.sources[opened].summary().axes)
        return {
            axis.name: float(axis.values[index(value, len(axis.values))])
            for axis, value in zip(axes, sliders, strict=False)
        }

    def draw(self, *arguments: Any) -> tuple[Any, ...]:
        """Both figures, how they stand, and a remark on the scale.

        Args:
            arguments: seven controls, what is held and the version, three sliders, the file, the
                camera.
        """
        asked, sliders, (opened, camera) = arguments[:7], arguments[9:12], arguments[12:]
        view = self.shown(sliders, asked, opened)
        note = remark(view.scale, asked[4])
        count = len(view.parts)
        rows = -(-count // ACROSS)
        if count > SCENES and len(view.axes) > 1:
            note = "; ".join(filter(None, [note, f"the first {SCENES} are shown in 3-D"]))
        if len(view.axes) == 1:
            upper, lower = lines(view), self._accuracies(view, asked, opened, sliders)
            return upper, lower, "figures stacked", {"--row": f"{LINES}px"}, note
        look = "figures stacked" if count > 1 else "figures one"
        height = {"--row": f"{(ROW - 40 * (count > 2)) * rows}px"}
        return marks.seen_from(surfaces(view), camera), contours(view), look, height, note

    def _accuracies(
        self, view: Shown, asked: Sequence[Any], opened: str, sliders: Sequence[Any]
    ) -> go.Figure:
        """Below the lines of another quantity, those of the accuracy; or of the loss below them."""
        wanted = "loss" if view.field.endswith("accuracy") else "accuracy"
        if wanted not in fields_of(view.first):
            return marks.empty()
        return lines(self.shown(sliders, (*asked[:3], wanted, "auto", *asked[5:]), opened))

    def move(self, *arguments: Any) -> tuple[Patch, Patch]:
        """The cursor in both figures, which stay as they are.

        Args:
            arguments: three sliders, seven controls, the file.
        """
        view = self.shown(arguments[:3], arguments[3:10], arguments[10])
        above, below = Patch(), Patch()
        if len(view.axes) == 1:
            for change in (above, below):
                change["data"][0]["x"] = [view.at["alpha"]] * 2
            return above, below
        x, y = view.plane if len(view.axes) == 3 else ("alpha", "beta")
        for panel, part in enumerate(view.parts.values()):
            point = nearest(part, view.at)
            for trace in (CURSOR * panel, CURSOR * panel + 1):
                below["data"][trace]["x"] = [float(point[x])]
                below["data"][trace]["y"] = [float(point[y])]
            for trace, place in _in_scene(view, point, CURSOR * panel) if panel < SCENES else ():
                for letter, values in zip("xyz", place, strict=True):
                    above["data"][trace][letter] = values
        return above, below

    def values(self, *arguments: Any) -> Any:
        """Everything that was measured at the cursor, a column for each surface.

        Args:
            arguments: three sliders, seven controls, the version, the file.
        """
        try:
            view = self.shown(arguments[:3], arguments[3:10], arguments[11])
        except ValueError:  # it is told where the figures stand
            return []
        points = {label: nearest(part, view.at) for label, part in view.parts.items()}
        names = [n for n in fields_of(view.first) if not n.endswith("_stderr")]
        rows = [
            (shown(spelled(name)), *(_measured(point, name) for point in points.values()))
            for name in names
        ]
        place = [
            (axis, *(number(float(point[axis])) for point in points.values())) for axis in view.axes
        ]
        return html.Div(table([*place, *rows], ["at the cursor", *points]), className="scroll")

    def describe(self, *arguments: Any) -> str:
        """The query that reproduces the page.

        Args:
            arguments: three sliders, seven controls, the file, the camera.
        """
        sliders, asked, (opened, camera) = arguments[:3], arguments[3:10], arguments[10:]
        beside, mode, frame, field, scale, quantile, plane = asked
        at = self.place(sliders, opened)
        view = View(
            file=opened,
            beside=tuple(beside or ()) if list(beside or ()) != [opened] else (),
            mode=mode,
            frame=index(frame, 10**6) if mode == "sequence" else 0,
            field=field,
            scale=scale,
            quantile=share(quantile),
            plane=plane if len(at) == 3 else "",
            at=tuple(at.values()),
            camera=tuple(camera or ()),
        )
        return to_query(view)


def share(percent: Any) -> float:
    """A quantile from the slider of percents."""
    return min(max(index(percent, 100), 50), 99) / 100


def _in_scene(view: Shown, point: Any, first: int) -> list[tuple[int, list[list[float]]]]:
    """The traces of the cursor in a scene, and their coordinates."""
    if len(view.axes) == 3:
        ball = [[float(point[axis])] for axis in view.axes]
        return [(first, ball), (first + 1, ball)]
    x, y = float(point["alpha"]), float(point["beta"])
    height = marks.on_scale(view.scale, float(point[view.field]))
    return [(first, [[x, x], [y, y], list(view.scale.ends)]), (first + 1, [[x], [y], [height]])]


def _measured(point: Any, name: str) -> str:
    """A value with its standard error."""
    if name not in point:
        return TO
    value, error = float(point[name]), point.get(f"{name}_stderr")
    if name.endswith("accuracy"):
        told, off = f"{value:.2%}", f"{float(error):.2%}" if error is not None else ""
    else:
        told, off = number(value), number(float(error), 2) if error is not None else ""
    return f"{told} ± {off}" if off and np.isfinite(value) else told
