"""A volume of weight space as a page: surfaces of equal loss, one inside the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from jaxtyping import Float

from landscape.plots.interactive_parts import (
    CAMERA,
    PAGE_WIDTH,
    colour_axis,
    new_page,
    not_finite_look,
)
from landscape.plots.options import PlotOptions
from landscape.plots.page_words import axis_label
from landscape.plots.paths import LINE, marked, off_surface
from landscape.plots.prepare import not_finite
from landscape.plots.scales import Scale, scale_of
from landscape.plots.style import heading
from landscape.store import WEIGHT_AXES, complete_part, in_memory
from landscape.text import page_text

SHELLS = 6
MOST = 64  # points along an axis: a browser turns a quarter of a million of them, not a million
SIDES = {"x": 0.9, "y": 0.9, "z": 0.9}  # what leaves room for the labels

Volume = Float[np.ndarray, "x y z"]


def volume(data: xr.Dataset, options: PlotOptions) -> go.Figure:
    """The loss over three directions as nested surfaces of equal loss, to turn and to look into.

    Points whose loss is inf or nan are marked; the surfaces take them for the highest loss, -inf
    for the lowest. Of more than `MOST` points along an axis every second, third, ... one is shown.
    """
    part, remark = thinned(complete_part(data, "loss"))
    loss = part["loss"].transpose(*WEIGHT_AXES).values
    scale = scale_of(loss)
    page = new_page(heading(data, off_surface(data), remark, width=PAGE_WIDTH))
    grid = np.meshgrid(*(part[name].values for name in WEIGHT_AXES), indexing="ij")
    page.add_trace(shells(grid, loss, scale))
    for name, mask in not_finite(loss).items():
        there = {axis: places[mask] for axis, places in zip("xyz", grid, strict=True)}
        page.add_trace(go.Scatter3d(**there, **not_finite_look(name, 3), hoverinfo="name"))
    centre = {"symbol": "cross", "size": 5, "color": "black"}
    look: dict[str, Any] = {"mode": "markers", "marker": centre, "showlegend": False}
    page.add_trace(go.Scatter3d(x=[0], y=[0], z=[0], name="centre", **look))
    if (places := marked(data)) is not None:
        x, y, z = places.coordinates.T
        look = {
            "mode": "lines+markers" if places.is_path else "markers",
            "text": [page_text(name) for name in places.names],
        }
        look |= {"marker": {"size": 3, "color": LINE["color"]}, "showlegend": False}
        page.add_trace(go.Scatter3d(x=x, y=y, z=z, **look))
    axes = {
        f"{axis}axis": {"title": {"text": axis_label(part[name])}}
        for axis, name in zip("xyz", WEIGHT_AXES, strict=True)
    }
    page.update_layout(
        scene={**axes, "camera": CAMERA, "aspectmode": "manual", "aspectratio": SIDES},
        coloraxis=colour_axis(scale, axis_label(part["loss"])),
    )
    return page


def thinned(part: xr.Dataset) -> tuple[xr.Dataset, str]:
    """What of a volume is shown, in memory, and a remark if that is not all of it."""
    steps = {axis: -(-part.sizes[axis] // MOST) for axis in WEIGHT_AXES}
    centred = {axis: slice(part.sizes[axis] // 2 % n, None, n) for axis, n in steps.items()}
    shown = in_memory(part.isel({axis: at for axis, at in centred.items() if steps[axis] > 1}))
    if max(steps.values()) == 1:
        return shown, ""
    sides = (" x ".join(str(p.sizes[axis]) for axis in WEIGHT_AXES) for p in (shown, part))
    return shown, "{} of {} points".format(*sides)


def shells(
    grid: Sequence[Volume], values: Volume, scale: Scale, of: str = "loss", **where: str
) -> go.Isosurface:
    """Surfaces of equal values, one inside the other.

    Args:
        grid: the coordinates of all points.
        values: measured there; inf and nan are taken for the highest, -inf for the lowest.
        scale: of the colours; the surfaces are evenly spaced on it.
        of: what the values are called.
        where: `scene`.
    """
    low, high = scale.ends
    heights = np.where(np.isfinite(values), scale.position(values), high)
    heights[np.isneginf(values)] = low
    return go.Isosurface(
        **{axis: places.ravel() for axis, places in zip("xyz", grid, strict=True)},
        value=heights.ravel(),
        isomin=low + 0.08 * (high - low),
        isomax=low + 0.8 * (high - low),
        surface_count=SHELLS,
        opacity=0.35,
        caps={f"{axis}_show": False for axis in "xyz"},
        coloraxis="coloraxis",
        customdata=values.ravel(),
        hovertemplate=f"{of} %{{customdata:.4g}}<extra></extra>",
        **where,
    )
