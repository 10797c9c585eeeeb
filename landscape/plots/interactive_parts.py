"""What the interactive pages share: their look, and traces in the colours of the paper figures."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.colors import to_hex

from landscape.plots.page_words import axis_label
from landscape.plots.panels import Columns, Grid, Rows
from landscape.plots.prepare import not_finite
from landscape.plots.scales import Scale
from landscape.plots.style import LOSS_COLOURS, NOT_FINITE_COLOURS, WORST
from landscape.text import page_text

PAGE_WIDTH = 12.0  # inches of a browser window, about
CAMERA = {"eye": {"x": 1.6, "y": -1.9, "z": 1.15}, "center": {"x": -0.06, "y": -0.06, "z": -0.08}}
NOT_FINITE_SYMBOLS = {"inf": "diamond", "-inf": "diamond-open", "nan": "square"}


def new_page(title: str, *, top: int = 90) -> go.Figure:
    """An empty page: white, with a legible title."""
    figure = go.Figure()
    figure.update_layout(
        title={"text": page_text(title), "x": 0.5, "font": {"size": 18}},
        template="plotly_white",
        font={"family": "sans-serif", "size": 13},
        height=760,
        margin={"l": 70, "r": 30, "t": top, "b": 60},
        uirevision="keep",  # a change of image or scale leaves the camera where it is
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": -0.09, "yanchor": "top"}
        | {"itemsizing": "constant"},
        showlegend=True,
    )
    return figure


def ticks(scale: Scale) -> dict[str, Any]:
    """The round levels of a scale as plotly's ticks."""
    inside = [level for level in scale.levels if scale.low <= level <= scale.high]
    values = [math.log10(level) if scale.log else level for level in inside]
    return {"tickmode": "array", "tickvals": values, "ticktext": [f"{level:g}" for level in inside]}


def colour_axis(scale: Scale, label: str) -> dict[str, Any]:
    """The map from heights to colours that all traces of a page share."""
    low, high = scale.ends
    bar = {"title": {"text": label, "side": "right"}, "thickness": 14, "len": 0.85, **ticks(scale)}
    shares = np.linspace(0, 1, 33)
    colours = [[share, to_hex(colormaps[LOSS_COLOURS](share))] for share in shares.tolist()]
    return {"colorscale": colours, "cmin": low, "cmax": high, "colorbar": bar}


def scene(
    data: xr.Dataset, x: str, y: str, scale: Scale, domain: list[float], of: str = "loss"
) -> dict[str, Any]:
    """Three labelled axes; the height, that of `of`, is even in the spacing of the scale."""
    low, high = scale.ends
    height = {"title": {"text": axis_label(data[of])}, "range": [low, high], **ticks(scale)}
    return {
        "domain": {"x": domain, "y": [0, 1]},
        "xaxis": {"title": {"text": axis_label(data[x])}},
        "yaxis": {"title": {"text": axis_label(data[y])}},
        "zaxis": height,
        "aspectmode": "manual",
        "aspectratio": {"x": 1, "y": 1, "z": 0.72},
        "camera": CAMERA,
        "uirevision": "keep",
    }


def drawn(scale: Scale, values: Grid) -> Grid:
    """Heights and colours; what is not finite is left open."""
    position = scale.position(values.astype(np.float64))
    return np.where(np.isfinite(position), position, np.nan)


def surface_or_line(x: Columns, y: Rows, z: Grid, **hover: Any) -> go.Surface | go.Scatter3d:
    """A surface, or a line where an axis has a single point."""
    if min(z.shape) > 1:
        return go.Surface(x=x, y=y, z=z, coloraxis="coloraxis", **hover)
    grid_x, grid_y = np.meshgrid(x, y)
    flat = {
        name: value.reshape(z.size, *value.shape[2:])
        for name, value in hover.items()
        if isinstance(value, np.ndarray)
    }
    return go.Scatter3d(
        x=grid_x.ravel(),
        y=grid_y.ravel(),
        z=z.ravel(),
        mode="lines+markers",
        showlegend=False,
        **{**hover, **flat},
    )


def not_finite_look(name: str, size: int, of: str = "loss") -> dict[str, Any]:
    """How points are marked where the variable `of` is inf, -inf or nan."""
    colour = NOT_FINITE_COLOURS["edgecolor"]
    marker = {"symbol": NOT_FINITE_SYMBOLS[name], "color": colour, "size": size}
    return {"mode": "markers", "marker": marker, "name": f"{of} is {name}"}


def not_finite_legend(values: Float[np.ndarray, "..."]) -> list[go.Scatter]:
    """Legend entries for the marks that `values` need, whichever of them are visible."""
    return [
        go.Scatter(x=[None], y=[None], showlegend=True, **not_finite_look(name, 7))
        for name in not_finite(values)
    ]


def not_finite_marks(
    x: Columns, y: Rows, values: Grid, scale: Scale, of: str = "loss", **axes: str
) -> list[Any]:
    """Marks at the points whose value is inf or nan: on the floor of a scene, or on a plane.

    Args:
        x: coordinates of the columns.
        y: coordinates of the rows.
        values: measured at (y, x).
        scale: its low end is the floor.
        of: what the values are called.
        axes: `scene="scene"`, or `xaxis` and `yaxis` of a plane.
    """
    marks = []
    for name, mask in not_finite(values).items():
        rows, columns = np.nonzero(mask)
        style = {
            **not_finite_look(name, 4 if "scene" in axes else 7, of),
            "hovertemplate": f"%{{x:.4g}}, %{{y:.4g}}: {of} is {name}<extra></extra>",
            "showlegend": False,
        }
        if "scene" in axes:
            marks.append(
                go.Scatter3d(
                    x=x[columns], y=y[rows], z=[scale.ends[0]] * len(rows), **style, **axes
                )
            )
        else:
            marks.append(go.Scatter(x=x[columns], y=y[rows], **style, **axes))
    return marks


def level_lines(x: Columns, y: Rows, z: Grid, levels: list[float], **axes: str) -> list[go.Contour]:
    """White lines where z passes evenly spaced or, one trace each, any other levels."""
    steps = np.diff(levels)
    if len(levels) > 1 and np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        runs = [(levels[0], levels[-1], float(steps[0]))]
    else:
        runs = [(level, level, 1.0) for level in levels]
    return [
        go.Contour(
            x=x,
            y=y,
            z=z,
            contours={"start": start, "end": end, "size": size, "coloring": "none"},
            line={"color": "white", "width": 1 if len(levels) > 1 else 2},
            showscale=False,
            showlegend=False,
            hoverinfo="skip",
            **axes,
        )
        for start, end, size in runs
    ]


def star(**where: Any) -> go.Scatter | go.Scatter3d:
    """The mark of the worst pose, on a plane or, where `z` is given, in a scene."""
    three = "z" in where
    trace = go.Scatter3d if three else go.Scatter
    return trace(
        mode="markers",
        name="worst pose",
        showlegend=False,
        marker={
            "symbol": "diamond" if three else "star",  # scenes have no stars
            "size": 7 if three else 15,
            "color": WORST["color"],
            "line": {"color": "white", "width": 1},
        },
        **where,
    )
