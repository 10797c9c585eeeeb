"""A volume of weight space as a page: surfaces of equal loss, one inside the other."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from landscape.plots.interactive_parts import CAMERA, PAGE_WIDTH, colour_axis, new_page
from landscape.plots.options import PlotOptions
from landscape.plots.paths import LINE, marked, off_surface
from landscape.plots.scales import scale_of
from landscape.plots.style import axis_label, heading
from landscape.store import complete_part

SHELLS = 6
SIDES = {"x": 0.9, "y": 0.9, "z": 0.9}  # what leaves room for the labels


def volume(data: xr.Dataset, options: PlotOptions) -> go.Figure:
    """The loss over three directions as nested surfaces of equal loss, to turn and to look into."""
    part = complete_part(data).transpose("alpha", "beta", "gamma", ...)
    loss = part["loss"].values
    scale = scale_of(loss)
    page = new_page(heading(data, off_surface(data), width=PAGE_WIDTH))
    names = ("alpha", "beta", "gamma")
    grid = np.meshgrid(*(part[name].values for name in names), indexing="ij")
    values = np.where(np.isfinite(loss), scale.position(loss), scale.ends[1])
    low, high = scale.ends
    page.add_trace(
        go.Isosurface(
            **{axis: places.ravel() for axis, places in zip("xyz", grid, strict=True)},
            value=values.ravel(),
            isomin=low + 0.08 * (high - low),
            isomax=low + 0.8 * (high - low),
            surface_count=SHELLS,
            opacity=0.35,
            caps={f"{axis}_show": False for axis in "xyz"},
            coloraxis="coloraxis",
            customdata=loss.ravel(),
            hovertemplate="loss %{customdata:.4g}<extra></extra>",
        )
    )
    centre = {"symbol": "cross", "size": 5, "color": "black"}
    page.add_trace(go.Scatter3d(x=[0], y=[0], z=[0], mode="markers", marker=centre, name="centre"))
    if (places := marked(data)) is not None:
        x, y, z = places.coordinates.T
        look = {"mode": "lines+markers" if places.is_path else "markers", "text": places.names}
        page.add_trace(
            go.Scatter3d(x=x, y=y, z=z, marker={"size": 3, "color": LINE["color"]}, **look)
        )
    axes = {
        f"{axis}axis": {"title": {"text": axis_label(part[name])}}
        for axis, name in zip("xyz", names, strict=True)
    }
    page.update_layout(
        scene={**axes, "camera": CAMERA, "aspectmode": "manual", "aspectratio": SIDES},
        coloraxis=colour_axis(scale, axis_label(part["loss"])),
    )
    return page
