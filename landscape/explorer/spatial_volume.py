"""All of one image's surface: the decision border and surfaces of equal loss over three axes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from jaxtyping import Float

from landscape.explorer import marks
from landscape.explorer.spatial_figures import Way, value_label
from landscape.plots.interactive_parts import colour_axis, drawn, star
from landscape.plots.interactive_volume import shells
from landscape.plots.page_words import axis_label, setting
from landscape.plots.prepare import POSE_AXES, clean_pose, worst_pose
from landscape.plots.scales import Scale
from landscape.text import page_text

CURSOR_TRACE = 0
MOST = 64  # points along an axis that a browser turns with ease
SIDES = {"x": 1.25, "y": 0.9, "z": 0.9}
CAMERA = {"eye": {"x": 1.5, "y": -1.7, "z": 1.05}, "center": {"x": 0.05, "y": 0, "z": -0.1}}

Cube = Float[np.ndarray, "x y z"]


def volume(
    cubes: Mapping[str, xr.Dataset],
    at: Sequence[float],
    scale: Scale,
    levels: str,
    ways: Mapping[str, Sequence[Way]],
) -> go.Figure:
    """The whole surface of one image, to turn: where predictions change, and how high the loss is.

    Args:
        cubes: of one or two models, by label; of the second only the border is drawn.
        at: the cursor.
        scale: of the loss.
        levels: "border", "loss" or "both".
        ways: of first-order attacks, by label.
    """
    first = next(iter(cubes.values()))
    traces: list[Any] = [marks.ball(*at)]  # the first one: it is moved without the others
    layout: dict[str, Any] = {"margin": {"l": 0, "r": 0, "t": 4, "b": 0}, "scene": _scene(first)}
    sheet = _sheet(first, scale)
    if levels != "border" and not sheet:
        grid, loss = _points(first, "loss")
        traces.append(shells(grid, loss, scale))
    if levels != "border" or sheet:
        colours = colour_axis(scale, value_label(first, "loss"))
        colours["colorbar"] |= {"thickness": 10, "len": 0.7}
        layout["coloraxis"] = colours
    borders = {}
    if levels != "loss" and not sheet:
        for (label, cube), colour in zip(cubes.items(), (marks.FIRST, marks.SECOND), strict=False):
            borders[label] = _border(cube, label, colour)
    without = [label for label, border in borders.items() if not border]
    layout["annotations"] = [
        marks.caption(f"{page_text(label)}: no decision border on this grid", 0.5, 0.02 + 0.06 * i)
        for i, label in enumerate(without)
    ]
    figure = marks.frame(**layout)
    traces += [*sheet, *(one for border in borders.values() for one in border), *_places(first)]
    figure.add_traces(traces + [trace for some in ways.values() for trace in _ways(some)])
    return figure


def _points(cube: xr.Dataset, name: str) -> tuple[tuple[Cube, ...], Cube]:
    """Coordinates and values, of every second, third, ... point where there are too many."""
    steps = {a: slice(None, None, -(-cube.sizes[a] // MOST)) for a in POSE_AXES}
    part = cube.isel(steps)
    grid = np.meshgrid(*(part[axis].values for axis in POSE_AXES), indexing="ij")
    return grid, part[name].transpose(*POSE_AXES).values.astype(np.float64)


def _sheet(cube: xr.Dataset, scale: Scale) -> list[go.Surface]:
    """The loss in colours where one axis has a single value, so that there is no volume."""
    if sum(cube.sizes[axis] == 1 for axis in POSE_AXES) != 1:
        return []
    grid, loss = _points(cube, "loss")
    places = {letter: values.squeeze() for letter, values in zip("xyz", grid, strict=True)}
    flat = loss.squeeze()
    return [
        go.Surface(
            **places,
            surfacecolor=drawn(scale, flat),
            coloraxis="coloraxis",
            opacity=0.85,
            customdata=flat,
            hovertemplate="loss %{customdata:.4g}<extra></extra>",
        )
    ]


def _border(cube: xr.Dataset, label: str, colour: str) -> list[go.Isosurface]:
    """Where the margin is 0; nothing where it never is, or where an axis has a single value."""
    grid, margin = _points(cube, "margin")
    finite = margin[np.isfinite(margin)]
    if min(margin.shape) < 2 or not finite.size or finite.min() >= 0 or finite.max() < 0:
        return []
    low, high = finite.min(), finite.max()
    return [
        go.Isosurface(
            **{axis: places.ravel() for axis, places in zip("xyz", grid, strict=True)},
            value=np.nan_to_num(margin, nan=low, posinf=high, neginf=low).ravel(),
            isomin=0,
            isomax=0,
            surface_count=1,
            opacity=0.45,
            colorscale=[[0, colour], [1, colour]],
            showscale=False,
            caps={f"{axis}_show": False for axis in "xyz"},
            name="decision border",
            hovertemplate=f"{page_text(label)}: decision border<extra></extra>",
        )
    ]


def _places(cube: xr.Dataset) -> list[go.Scatter3d]:
    """The unmoved image and the worst pose."""
    clean, worst = clean_pose(cube), worst_pose(cube)
    x, y, z = ([value] for value in worst.pose.values())
    told = "<br>".join(setting(cube[axis], value) for axis, value in worst.pose.items())
    mark = star(x=x, y=y, z=z, hovertemplate=f"<b>worst pose</b><br>{told}<extra></extra>")
    x, y, z = ([value] for value in clean.pose.values())
    cross: dict[str, Any] = {"symbol": "cross", "size": 5, "color": "white"}
    cross["line"] = {"color": "black", "width": 1}
    centre = go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=cross, name="unmoved image")
    centre.hovertemplate = "unmoved image<extra></extra>"
    return [centre, mark]


def _ways(ways: Sequence[Way]) -> list[go.Scatter3d]:
    if not ways:
        return []
    breaks = np.full((1, 3), np.nan)
    joined = np.concatenate([part for way in ways for part in (way, breaks)])
    look: dict[str, Any] = {"hoverinfo": "skip", "showlegend": False, "name": "attack"}
    traces = [
        go.Scatter3d(
            **dict(zip("xyz", joined.T, strict=True)),
            mode="lines",
            line={"color": marks.WAY_END, "width": 4},
            **look,
        )
    ]
    for index, symbol, colour in ((0, "circle", "white"), (-1, "diamond", marks.WAY_END)):
        there = np.stack([way[index] for way in ways])
        mark = {
            "symbol": symbol,
            "size": 4,
            "color": colour,
            "line": {"color": "black", "width": 1},
        }
        places = dict(zip("xyz", there.T, strict=True))
        traces.append(go.Scatter3d(**places, mode="markers", marker=mark, **look))
    return traces


def _scene(cube: xr.Dataset) -> dict[str, Any]:
    axes: dict[str, Any] = {}
    for letter, name in zip("xyz", POSE_AXES, strict=True):
        values = cube[name].values
        span = [float(values[0]), float(values[-1])]
        if span[0] == span[1]:
            span = [span[0] - 0.5, span[1] + 0.5]
        axes[f"{letter}axis"] = {
            "title": {"text": axis_label(cube[name]), "font": {"size": 11}},
            "range": span[::-1] if name == "shift_y" else span,  # down is down
            "tickfont": {"size": 10},
            "nticks": 5,
        }
    return {**axes, "aspectmode": "manual", "aspectratio": SIDES, "camera": CAMERA} | {
        "uirevision": "keep"
    }
