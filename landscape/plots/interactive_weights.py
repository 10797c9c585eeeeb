"""A weight surface as a page: a surface to turn beside its contours, or lines along a direction."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from landscape.plots.interactive_parts import (
    PAGE_WIDTH,
    colour_axis,
    drawn,
    level_lines,
    new_page,
    not_finite_marks,
    scene,
    surface_or_line,
    ticks,
)
from landscape.plots.options import PlotOptions
from landscape.plots.prepare import complete_part
from landscape.plots.scales import Scale, scale_of
from landscape.plots.style import LINE_COLOURS, axis_label, heading, long_name

SCENE = [0.0, 0.52]  # shares of the page's width
CONTOUR = [0.62, 0.98]


def plane(data: xr.Dataset, options: PlotOptions) -> go.Figure:
    """The loss as a surface beside its contours, with buttons for a linear or logarithmic scale."""
    part = complete_part(data)
    values = part["loss"].transpose("beta", "alpha").values
    scales = _scales(values)
    chosen = scale_of(values).log
    page = new_page(heading(data, width=PAGE_WIDTH))
    sets = {log: _plane_traces(part, scale) for log, scale in scales.items()}
    for log, traces in sets.items():
        for trace in traces:
            trace.visible = log == chosen
        page.add_traces(traces)
    shown_at = [log for log, traces in sets.items() for _ in traces]
    page.update_layout(
        **_spacing(part, scales[chosen]),
        xaxis={"title": {"text": axis_label(part["alpha"])}, "domain": CONTOUR, "zeroline": False}
        | {"constrain": "domain"},
        yaxis={"title": {"text": axis_label(part["beta"])}, "zeroline": False}
        | ({"scaleanchor": "x", "constrain": "domain"} if min(values.shape) > 1 else {}),
    )
    if len(scales) > 1:
        buttons = [
            {
                "method": "update",
                "label": "logarithmic" if log else "linear",
                "args": [{"visible": [at == log for at in shown_at]}, _spacing(part, scale)],
            }
            for log, scale in scales.items()
        ]
        active = list(scales).index(chosen)
        place = {"x": 0.0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "direction": "right"}
        page.update_layout(
            updatemenus=[{"type": "buttons", "active": active, "buttons": buttons, **place}]
        )
    return page


def line(data: xr.Dataset, options: PlotOptions) -> go.Figure:
    """Loss and accuracy along one direction, with bars of one standard error."""
    part = complete_part(data)
    scale = scale_of(part["loss"].values)
    page = new_page(heading(data, width=PAGE_WIDTH))
    page.add_traces([_line_trace(part, "loss", "y"), _line_trace(part, "accuracy", "y2")])
    x, loss = part["alpha"].values, part["loss"].values
    bottom = np.full((1, 1), scale.low)
    for mark in not_finite_marks(x, bottom[0], loss[None, :], scale, xaxis="x", yaxis="y"):
        page.add_trace(mark)
    title = {"text": axis_label(part["loss"]), "font": {"color": LINE_COLOURS["loss"]}}
    other = {"text": axis_label(part["accuracy"]), "font": {"color": LINE_COLOURS["accuracy"]}}
    page.update_layout(
        xaxis={"title": {"text": axis_label(part["alpha"])}},
        yaxis={"title": title, "type": "log" if scale.log else "linear"},
        yaxis2={"title": other, "overlaying": "y", "side": "right", "tickformat": ".0%"}
        | {"range": [0, 1.02], "showgrid": False, "tickmode": "linear", "dtick": 0.2},
        hovermode="x unified",
    )
    return page


def _scales(values: np.ndarray) -> dict[bool, Scale]:
    """The linear scale and, where no loss forbids it, the logarithmic one."""
    scales = {False: scale_of(values, log=False)}
    finite = values[np.isfinite(values)]
    positive = np.unique(finite[finite > 0])
    if len(positive) > 1 and not (finite < 0).any():
        scales[True] = scale_of(values, log=True)
    return scales


def _spacing(part: xr.Dataset, scale: Scale) -> dict[str, Any]:
    """What of the layout depends on the scale."""
    return {
        "scene": scene(part, "alpha", "beta", scale, SCENE),
        "coloraxis": colour_axis(scale, axis_label(part["loss"])),
    }


def _plane_traces(part: xr.Dataset, scale: Scale) -> list[Any]:
    cut = part.transpose("beta", "alpha", ...)
    x, y, loss = cut["alpha"].values, cut["beta"].values, cut["loss"].values
    z = drawn(scale, loss)
    names = ("loss", "loss_stderr", "accuracy", "accuracy_stderr")
    hover = {
        "customdata": np.stack([cut[name].values for name in names], axis=-1),
        "hovertemplate": (
            f"{long_name(cut['alpha'])} %{{x:.4g}}<br>{long_name(cut['beta'])} %{{y:.4g}}<br>"
            "loss %{customdata[0]:.4g} ± %{customdata[1]:.2g}<br>"
            "accuracy %{customdata[2]:.2%} ± %{customdata[3]:.2%}<extra></extra>"
        ),
    }
    plane_axes = {"xaxis": "x", "yaxis": "y"}
    colours = go.Heatmap(x=x, y=y, z=z, coloraxis="coloraxis", **plane_axes, **hover)
    levels = ticks(scale)["tickvals"]
    lines = level_lines(x, y, z, levels, **plane_axes) if min(z.shape) > 1 and levels else []
    centre = go.Scatter(
        x=[0],
        y=[0],
        mode="markers",
        name="trained weights",
        marker={"symbol": "cross", "size": 11, "color": "white", "line": {"width": 1.5}},
        hovertemplate="trained weights<extra></extra>",
    )
    return [
        surface_or_line(x, y, z, **hover),
        *not_finite_marks(x, y, loss, scale, scene="scene"),
        colours,
        *lines,
        *not_finite_marks(x, y, loss, scale, **plane_axes),
        centre,
    ]


def _line_trace(part: xr.Dataset, name: str, yaxis: str) -> go.Scatter:
    values = part[name].values
    return go.Scatter(
        x=part["alpha"].values,
        y=np.where(np.isfinite(values), values, np.nan),
        error_y={"array": part[f"{name}_stderr"].values, "thickness": 1, "width": 2},
        line={"color": LINE_COLOURS[name], "dash": "solid" if name == "loss" else "dash"},
        mode="lines+markers",
        name=name,
        yaxis=yaxis,
    )
