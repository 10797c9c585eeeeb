"""Figures of weight surfaces: in 3-D and as contours, each panel on the common scale.

The traces of the cursor come first in every figure, `CURSOR` of them for each panel, so that they
are moved without the others.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from jaxtyping import Float

from landscape.explorer import marks
from landscape.explorer.weight_shown import GREEK, Shown, nearest
from landscape.plots.interactive_parts import (
    colour_axis,
    drawn,
    not_finite_look,
    scene,
    ticks,
)
from landscape.plots.interactive_volume import shells, thinned
from landscape.plots.interactive_weights import contour_traces, surface_traces
from landscape.plots.page_words import axis_label, setting, spelled
from landscape.plots.paths import LINE, marked
from landscape.plots.prepare import not_finite
from landscape.store import WEIGHT_AXES
from landscape.text import page_text

CURSOR = 3  # traces of a panel: two for the cursor, one for the pointer
ACROSS = 4  # panels in a row
SCENES = 8  # in 3-D at once: browsers give up the first of more than about sixteen
WHOLE = [0.0, 1.0]

Points = Float[np.ndarray, "n 2"]
CAMERA = {"eye": {"x": 1.3, "y": -1.55, "z": 0.95}, "center": {"x": 0, "y": 0, "z": -0.12}}


def _panels(count: int, gap: float = 0.05) -> list[tuple[list[float], list[float]]]:
    """Shares of the width and of the height for each panel, row by row."""
    across = min(count, ACROSS)
    down = -(-count // across)
    columns, rows = marks.domains(across, gap), marks.domains(down, 0.12)[::-1]
    return [(list(columns[i % across]), list(rows[i // across])) for i in range(count)]


def surfaces(shown: Shown) -> go.Figure:
    """A surface for each of the first files over two directions, or nested shells over three."""
    three = len(shown.axes) == 3
    figure = marks.frame(margin={"l": 0, "r": 0, "t": 24 if len(shown.parts) > 1 else 4, "b": 0})
    parts = list(shown.parts.items())[:SCENES]
    panels = _panels(len(parts))
    cursors, rest = [], []
    for number, (label, part) in enumerate(parts):
        name = f"scene{marks.suffix(number)}"
        make = _volume if three else _surface
        own, others, layout = make(shown, part, name)
        cursors += own
        rest += others
        across, up = panels[number]
        layout |= {"domain": {"x": across, "y": up}, "camera": CAMERA, "uirevision": "keep"}
        figure.update_layout({name: layout})
        if len(shown.parts) > 1:
            figure.add_annotation(_title(label, across, up))
    figure.add_traces([*cursors, *rest])
    bar = colour_axis(shown.scale, axis_label(shown.first[shown.field]))
    figure.update_layout(coloraxis={**bar, "showscale": three})
    return figure


def _surface(shown: Shown, part: xr.Dataset, name: str) -> tuple[list[Any], list[Any], Any]:
    point = nearest(part, shown.at)
    x, y, value = (float(point[n]) for n in ("alpha", "beta", shown.field))
    height = marks.on_scale(shown.scale, value)
    pointer = marks.ball(x, y, height, scene=name)
    pointer.update(name="pointer", visible=False, marker={"color": marks.WAY_END})
    cursor = [
        marks.pole(x, y, shown.scale, scene=name),
        marks.ball(x, y, height, scene=name),
        pointer,
    ]
    traces = surface_traces(part, shown.scale, shown.field, scene=name)
    for trace in traces:
        if trace.type == "surface":
            trace.contours = {"z": _lines(shown)}
            trace.lighting = {"ambient": 0.72, "diffuse": 0.55, "specular": 0.08, "roughness": 0.9}
    layout = scene(part, "alpha", "beta", shown.scale, WHOLE, shown.field)
    low, high = shown.scale.ends
    room = 0.01 * (high - low)  # what lies at the very end would be half cut away
    layout["zaxis"] |= {"range": [low - room, high + room], "tickfont": {"size": 10}}
    layout["zaxis"] |= {"title": {"text": ""}}  # the bar has it
    for letter, axis in (("x", "alpha"), ("y", "beta")):
        look = {"range": _range(shown, part, axis), "nticks": 5, "tickfont": {"size": 10}}
        layout[f"{letter}axis"] |= {**look, "title": _axis_title(shown, part, axis)}
    return cursor, traces + _lifted(shown, part, name), layout


def _axis_title(shown: Shown, part: xr.Dataset, axis: str) -> dict[str, Any]:
    """The name of an axis in a scene, a letter where there is little room."""
    text = axis_label(part[axis]) if len(shown.parts) == 1 else GREEK[axis]
    return {"text": text, "font": {"size": 11}}


def _lines(shown: Shown) -> dict[str, Any]:
    """Level lines on a surface, where the levels are evenly spaced."""
    low, high = shown.scale.ends
    top = high - 0.01 * (high - low)  # there is no line where a surface is cut off
    levels = [level for level in ticks(shown.scale)["tickvals"] if level < top]
    steps = np.diff(levels)
    even = len(steps) > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0)
    if not even:
        return {"show": False}
    look = {"show": True, "color": "rgba(255,255,255,0.75)", "width": 1}
    return {**look, "start": levels[0], "end": levels[-1], "size": float(steps[0])}


def _lifted(shown: Shown, part: xr.Dataset, name: str) -> list[go.Scatter3d]:
    """Checkpoints or other networks, on the surface over the places where they lie."""
    places = marked(part)
    if places is None:
        return []
    look: dict[str, Any] = {"showlegend": False, "scene": name}
    traces = []
    if places.is_path:
        way = _finer(places.coordinates)
        line = {"line": {"color": LINE["color"], "width": 5}, "mode": "lines", "name": "path"}
        heights = _heights(shown, part, way)
        traces.append(go.Scatter3d(x=way[:, 0], y=way[:, 1], z=heights, hoverinfo="skip", **line))
    x, y = places.coordinates.T
    mark = {"size": 3.5, "color": LINE["color"], "line": {"color": "white", "width": 1}}
    names = [page_text(one) for one in places.names]
    told = {"text": names, "hovertemplate": "%{text}<extra></extra>", "name": "networks"}
    heights = _heights(shown, part, places.coordinates)
    traces.append(go.Scatter3d(x=x, y=y, z=heights, mode="markers", marker=mark, **told))
    for trace in traces:
        trace.update(look)
    return traces


def _finer(way: Points, steps: int = 16) -> Float[np.ndarray, "m 2"]:
    """A way with points in between, so that it can follow a surface."""
    ends, places = np.arange(len(way)), np.linspace(0, len(way) - 1, steps * (len(way) - 1) + 1)
    return np.stack([np.interp(places, ends, column) for column in way.T], axis=1)


def _heights(shown: Shown, part: xr.Dataset, points: Points) -> Float[np.ndarray, " n"]:
    """Where a surface, as it is drawn, stands above points; nan beside it."""
    from scipy.interpolate import RegularGridInterpolator

    z = drawn(shown.scale, part[shown.field].transpose("alpha", "beta").values)
    if min(z.shape) < 2:
        return np.full(len(points), shown.scale.ends[0])
    axes = (part["alpha"].values, part["beta"].values)
    low, high = shown.scale.ends
    found: np.ndarray = RegularGridInterpolator(axes, z, bounds_error=False)(points)
    return found + 0.01 * (high - low)


def _volume(shown: Shown, part: xr.Dataset, name: str) -> tuple[list[Any], list[Any], Any]:
    point = nearest(part, shown.at)
    here = [float(point[axis]) for axis in shown.axes]
    pointer = marks.ball(*here, scene=name)
    pointer.update(name="pointer", visible=False)
    cursor = [marks.ball(*here, scene=name), marks.ball(*here, scene=name), pointer]
    thin, _ = thinned(part[[shown.field]])
    grid = np.meshgrid(*(thin[axis].values for axis in shown.axes), indexing="ij")
    values = thin[shown.field].transpose(*shown.axes).values.astype(np.float64)
    traces: list[Any] = [shells(grid, values, shown.scale, spelled(shown.field), scene=name)]
    for kind, mask in not_finite(values).items():
        there = {letter: places[mask] for letter, places in zip("xyz", grid, strict=True)}
        look = not_finite_look(kind, 3, spelled(shown.field))
        traces.append(go.Scatter3d(**there, **look, hoverinfo="name", scene=name))
    layout: dict[str, Any] = {"aspectmode": "manual", "aspectratio": dict.fromkeys("xyz", 0.9)}
    for letter, axis in zip("xyz", shown.axes, strict=True):
        title = _axis_title(shown, part, axis)
        layout[f"{letter}axis"] = {"title": title, "range": _range(shown, part, axis), "nticks": 5}
    return cursor, traces, layout


def contours(shown: Shown) -> go.Figure:
    """Contours of each file over two directions, the third held at the cursor."""
    x, y = shown.plane if len(shown.axes) == 3 else ("alpha", "beta")
    figure = marks.frame(
        margin={"l": 54, "r": 8, "t": 24, "b": 40},
        coloraxis=colour_axis(shown.scale, axis_label(shown.first[shown.field])),
        hovermode="closest",
        uirevision=f"{x} {y} {len(shown.parts)}",  # another plane begins unzoomed
    )
    alike = len({axis_label(part[y]) for part in shown.parts.values()}) == 1
    panels = _panels(len(shown.parts), 0.05 if alike else 0.09)
    cursors, rest = [], []
    for number, (label, part) in enumerate(shown.parts.items()):
        own = marks.suffix(number)
        axes: dict[str, Any] = {"xaxis": f"x{own}", "yaxis": f"y{own}"}
        point = nearest(part, shown.at)
        here = float(point[x]), float(point[y])
        pointer = go.Scatter(x=[here[0]], y=[here[1]], mode="markers", hoverinfo="skip", **axes)
        edge = {"color": "white", "width": 1.5}
        pointer.update(name="pointer", visible=False, showlegend=False)
        pointer.update(marker={"size": 9, "color": marks.WAY_END, "line": edge})
        cursors += [*marks.ring(*here, **axes), pointer]
        cut, held = _cut(shown, part, (x, y))
        rest += contour_traces(cut, shown.scale, shown.field, **axes)
        across, up = panels[number]
        figure.update_layout(_plane_axes(shown, part, (x, y), number, across, up))
        title = [page_text(label)] if len(shown.parts) > 1 else []
        text = "<br>".join([*title, *held])
        if text:
            figure.add_annotation(_title(text, across, up, raw=True))
    figure.add_traces([*cursors, *rest])
    return figure


def _cut(shown: Shown, part: xr.Dataset, plane: tuple[str, str]) -> tuple[xr.Dataset, list[str]]:
    """A plane of a volume under the names that contours know, and what it holds fixed."""
    if len(shown.axes) < 3:
        return part, []
    (held,) = set(shown.axes) - set(plane)
    point = nearest(part, {held: shown.at[held]})
    told = [setting(part[held], float(point[held]))]
    places = [name for name in part.variables if str(name).startswith("path")]
    known = dict(zip((*plane, held), WEIGHT_AXES, strict=True))
    return point.drop_vars(places).rename(known), told


def _plane_axes(
    shown: Shown,
    part: xr.Dataset,
    plane: tuple[str, str],
    number: int,
    across: list[float],
    up: list[float],
) -> dict[str, Any]:
    own, plain = marks.suffix(number), {"zeroline": False, "showgrid": False, "ticks": "outside"}
    x, y = plane
    title = axis_label(part[y])
    told = across[0] == 0 or title != axis_label(shown.first[y])
    equal = {"scaleanchor": f"x{own}", "constrain": "domain"} if part[y].size > 1 else {}
    return {
        f"xaxis{own}": {**plain, "title": {"text": axis_label(part[x]), "standoff": 4}}
        | {
            "domain": across,
            "anchor": f"y{own}",
            "range": _range(shown, part, x),
            "constrain": "domain",
        },
        f"yaxis{own}": {**plain, "title": {"text": title if told else "", "standoff": 2}}
        | {"domain": up, "anchor": f"x{own}", "range": _range(shown, part, y), **equal},
    }


def _range(shown: Shown, part: xr.Dataset, axis: str) -> list[float]:
    """The ends of an axis: those of all surfaces if it is the same one in all of them."""
    same = len({axis_label(other[axis]) for other in shown.parts.values()}) == 1
    own = float(part[axis].min()), float(part[axis].max())
    low, high = shown.spans[axis] if same else own
    return [low, high] if low < high else [low - 0.5, high + 0.5]


def _title(
    label: str, across: list[float], up: list[float], *, raw: bool = False
) -> dict[str, Any]:
    return {
        "text": label if raw else f"<b>{page_text(label)}</b>",
        "x": sum(across) / 2,
        "y": up[1],
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "yanchor": "bottom",
        "showarrow": False,
    }
