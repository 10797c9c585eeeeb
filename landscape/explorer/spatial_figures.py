"""Figures of one image's surface: the plane through the cursor, and the lines along each axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from jaxtyping import Float

from landscape.explorer import marks
from landscape.explorer.scaling import chosen_scale
from landscape.plots.interactive_parts import colour_axis, not_finite_look, star
from landscape.plots.interactive_spatial import plane_traces
from landscape.plots.page_words import axis_label, long_name, setting, unit_symbol
from landscape.plots.prepare import (
    POSE_AXES,
    PosePoint,
    cell_edges,
    clean_pose,
    misclassified,
    not_finite,
    plane,
    point_at,
    worst_pose,
)
from landscape.plots.scales import Scale
from landscape.text import page_text

Way = Float[np.ndarray, "step 3"]
LOOKS = ((marks.FIRST, "solid"), (marks.SECOND, "dash"))


@dataclass(frozen=True, eq=False)
class Shown:
    """What the figures of a pose are made of.

    Attributes:
        cubes: the surfaces of one image, of one or two files, by label.
        at: the cursor: rotation, shift_x, shift_y.
        plane: the two axes of the heat map.
        field: loss or margin.
        scale: of the values of all cubes.
        ways: of first-order attacks, by label.
    """

    cubes: Mapping[str, xr.Dataset]
    at: tuple[float, ...]
    plane: tuple[str, str]
    field: str
    scale: Scale
    ways: Mapping[str, Sequence[Way]]

    @property
    def first(self) -> xr.Dataset:
        """The surface of the file that is explored."""
        return next(iter(self.cubes.values()))


def common_scale(cubes: Mapping[str, xr.Dataset], field: str, wanted: str) -> Scale:
    """One scale for all planes of all surfaces."""
    values = np.concatenate([cube[field].values.ravel() for cube in cubes.values()])
    return chosen_scale(values.astype(np.float64), wanted, 0.95)


def nearest_pose(cube: xr.Dataset, at: Sequence[float]) -> PosePoint:
    """What was measured at the pose of the grid that is nearest to a place on each axis."""
    there = (
        np.abs(cube[axis].values - value).argmin()
        for axis, value in zip(POSE_AXES, at, strict=True)
    )
    return point_at(cube, *there)


def value_label(cube: xr.Dataset, field: str) -> str:
    """The short name of what is measured, with its unit."""
    unit = unit_symbol(cube[field])
    return f"{field} ({unit})" if unit else field


def heat_maps(shown: Shown) -> go.Figure:
    """The plane through the cursor, of one model or of two beside each other."""
    layout: dict[str, Any] = {
        "margin": {"l": 54, "r": 8, "t": 44 if len(shown.cubes) > 1 else 26, "b": 40},
        "coloraxis": colour_axis(shown.scale, value_label(shown.first, shown.field)),
        "hovermode": "closest",
        "uirevision": f"{shown.plane} {len(shown.cubes)}",  # another plane begins unzoomed
        "annotations": [],
    }
    panels, traces = marks.domains(len(shown.cubes), 0.06), []
    for number, (label, cube) in enumerate(shown.cubes.items()):
        traces += _plane(shown, label, cube, _axes(number))
        layout |= _frame(shown, cube, number, panels[number])
        layout["annotations"].append(_caption(shown, label, cube, panels[number]))
    figure = marks.frame(**layout)
    figure.add_traces(traces)
    return figure


def _axes(number: int) -> dict[str, str]:
    return {"xaxis": f"x{marks.suffix(number)}", "yaxis": f"y{marks.suffix(number)}"}


def _plane(shown: Shown, label: str, cube: xr.Dataset, axes: dict[str, str]) -> list[Any]:
    x, y = shown.plane
    point, worst, clean = nearest_pose(cube, shown.at), worst_pose(cube), clean_pose(cube)
    traces = plane_traces(plane(cube, x, y, point), x, y, shown.scale, shown.field, **axes)
    (fixed,) = set(POSE_AXES) - {x, y}
    tell: dict[str, Any] = {"mode": "markers", "showlegend": False, **axes}
    if clean.pose[fixed] == point.pose[fixed]:
        cross = {"symbol": "cross", "size": 9, "color": "white"}
        cross["line"] = {"color": "black", "width": 1}
        here = {"x": [clean.pose[x]], "y": [clean.pose[y]], "name": "unmoved image"}
        traces.append(go.Scatter(**here, marker=cross, hovertemplate="unmoved image", **tell))
    if worst.pose[fixed] == point.pose[fixed]:
        mark = star(x=[worst.pose[x]], y=[worst.pose[y]], hovertemplate="worst pose")
        mark.update(axes)
        traces.append(mark)
    traces += _ways(shown.ways.get(label, ()), (x, y), axes)
    return [*traces, *marks.ring(point.pose[x], point.pose[y], **axes)]


def _ways(ways: Sequence[Way], axes: tuple[str, str], where: dict[str, str]) -> list[go.Scatter]:
    """Ways of an attack as they look from above the plane: dots where they start, crosses at ends.

    A thin dark line lies under each white one, so that it is seen on bright colours, too.
    """
    if not ways:
        return []
    columns = [POSE_AXES.index(axis) for axis in axes]
    breaks = np.full((1, 2), np.nan)
    joined = np.concatenate([part for way in ways for part in (way[:, columns], breaks)])
    ends = {"start": np.stack([w[0, columns] for w in ways])}
    ends["end"] = np.stack([w[-1, columns] for w in ways])
    look: dict[str, Any] = {"hoverinfo": "skip", "showlegend": False, **where}
    line = {"x": joined[:, 0], "y": joined[:, 1], "mode": "lines", "name": "attack"}
    edge = {"color": "black", "width": 1}
    signs = {
        "start": {"symbol": "circle", "size": 7, "color": marks.WAY, "line": edge},
        "end": {"symbol": "x", "size": 9, "color": marks.WAY_END, "line": edge},
    }
    return [
        go.Scatter(**line, line={"color": "rgba(0,0,0,0.55)", "width": 3.5}, **look),
        go.Scatter(**line, line={"color": marks.WAY, "width": 1.6}, **look),
        *(
            go.Scatter(x=p[:, 0], y=p[:, 1], mode="markers", name=n, marker=signs[n], **look)
            for n, p in ends.items()
        ),
    ]


def _frame(
    shown: Shown, cube: xr.Dataset, number: int, domain: tuple[float, float]
) -> dict[str, Any]:
    x, y = shown.plane
    right, up = (cell_edges(cube[axis].values)[[0, -1]].tolist() for axis in (x, y))
    if y == "shift_y":
        up.reverse()  # down is down
    own = marks.suffix(number)
    across = {"title": {"text": axis_label(cube[x]), "standoff": 4}, "range": right}
    along = {"title": {"text": axis_label(cube[y]) if number == 0 else ""}, "range": up}
    plain = {"zeroline": False, "showgrid": False, "ticks": "outside", "ticklen": 3}
    shared = {"matches": "x"} if number else {}
    return {
        f"xaxis{own}": {**across, **plain, **shared, "domain": domain, "anchor": f"y{own}"},
        f"yaxis{own}": {**along, **plain, "anchor": f"x{own}"}
        | ({"matches": "y", "showticklabels": False} if number else {}),
    }


def _caption(
    shown: Shown, label: str, cube: xr.Dataset, domain: tuple[float, float]
) -> dict[str, Any]:
    (fixed,) = set(POSE_AXES) - set(shown.plane)
    held = setting(cube[fixed], nearest_pose(cube, shown.at).pose[fixed])
    two = len(shown.cubes) > 1
    text = f"<b>{page_text(label)}</b><br>{held}" if two else held
    return marks.caption(text, sum(domain) / 2, 1.0, yshift=2, yanchor="bottom")


def profiles(shown: Shown) -> go.Figure:
    """The value along each axis through the cursor, of one model or two on one scale.

    A filled dot is a pose that is classified rightly, a cross one that is not. What is no number is
    marked on the floor.
    """
    height: dict[str, Any] = {"type": "log" if shown.scale.log else "linear", "zeroline": False}
    height |= marks.even_ticks(shown.scale)
    low, high = shown.scale.ends
    slack = 0.05 * (high - low)
    height["range"] = [low - slack, high + slack]
    layout: dict[str, Any] = {"hovermode": "closest", "shapes": []}
    layout["margin"] = {"l": 54, "r": 8, "t": 8, "b": 40}
    traces = []
    for number, (axis, domain) in enumerate(zip(POSE_AXES, marks.domains(3, 0.035), strict=True)):
        own = marks.suffix(number)
        title = value_label(shown.first, shown.field) if number == 0 else ""
        layout[f"xaxis{own}"] = {"domain": domain, "anchor": f"y{own}", "zeroline": False}
        layout[f"xaxis{own}"]["title"] = {"text": axis_label(shown.first[axis]), "standoff": 4}
        layout[f"yaxis{own}"] = {**height, "anchor": f"x{own}", "title": {"text": title}}
        layout[f"yaxis{own}"]["showticklabels"] = number == 0
        for (label, cube), look in zip(shown.cubes.items(), LOOKS, strict=False):
            traces += _profile(shown, label, cube, number, look)
        at = nearest_pose(shown.first, shown.at).pose[axis]
        here = {"x0": at, "x1": at, "y0": 0, "y1": 1, "xref": f"x{own}", "yref": f"y{own} domain"}
        layout["shapes"].append({**here, "line": {"color": marks.CURSOR, "width": 1}})
        if shown.field == "margin":  # the border between right and wrong
            zero = {"x0": 0, "x1": 1, "y0": 0, "y1": 0, "xref": f"x{own} domain"}
            line = {"color": "#8c959f", "width": 1}
            layout["shapes"].append({**zero, "yref": f"y{own}", "line": line})
    figure = marks.frame(**layout)
    figure.add_traces(traces)
    return figure


def _profile(
    shown: Shown, label: str, cube: xr.Dataset, number: int, look: tuple[str, str]
) -> list[go.Scatter]:
    axis, (colour, dash) = POSE_AXES[number], look
    point = nearest_pose(cube, shown.at)
    line = cube.sel({other: point.pose[other] for other in POSE_AXES if other != axis})
    x, y = line[axis].values, line[shown.field].values.astype(np.float64)
    wrong = misclassified(line["loss"].values, line["margin"].values)
    where = {**_axes(number), "name": page_text(label), "showlegend": False}
    told = f"{page_text(label)}<br>{long_name(line[axis])} %{{x:.4g}}<br>"
    told += f"{shown.field} %{{customdata[1]:.4g}}<extra></extra>"
    many = len(x) > 60
    sizes = np.where(wrong, 6, 3 if many else 5)
    traces = [
        go.Scatter(
            x=x,
            y=marks.within(shown.scale, y),
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 1.8},
            marker={"symbol": np.where(wrong, "x", "circle"), "size": sizes, "color": colour},
            customdata=np.stack([np.full(len(x), number), y], axis=1),
            hovertemplate=told,
            **where,
        )
    ]
    floor = 10 ** shown.scale.ends[0] if shown.scale.log else shown.scale.ends[0]
    for kind, mask in not_finite(y).items():
        mark = not_finite_look(kind, 8, shown.field) | where
        traces.append(go.Scatter(x=x[mask], y=np.full(int(mask.sum()), floor), **mark))
    return traces
