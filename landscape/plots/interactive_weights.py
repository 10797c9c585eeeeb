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
    not_finite_legend,
    not_finite_look,
    not_finite_marks,
    scene,
    surface_or_line,
    ticks,
)
from landscape.plots.options import PlotOptions
from landscape.plots.page_words import axis_label, long_name, spelled
from landscape.plots.panels import Columns, Grid, Rows
from landscape.plots.paths import LINE, has_trained, marked, off_surface
from landscape.plots.prepare import drawn_fields, not_finite
from landscape.plots.scales import Scale, can_be_logarithmic, scale_of
from landscape.plots.style import LINE_COLOURS, heading
from landscape.plots.weight_line import colour_of, lines_of
from landscape.store import complete_part, in_memory, swept_axes
from landscape.text import page_text

SCENE = [0.0, 0.52]  # shares of the page's width
CONTOUR = [0.62, 0.98]


def plane(data: xr.Dataset, options: PlotOptions) -> go.Figure:
    """The loss as a surface beside its contours, with buttons for a linear or logarithmic scale."""
    part = in_memory(complete_part(data))
    values = part["loss"].transpose("beta", "alpha").values
    scales = _scales(values)
    chosen = scale_of(values).log
    page = new_page(heading(data, off_surface(data), width=PAGE_WIDTH))
    sets = {log: _plane_traces(part, scale) for log, scale in scales.items()}
    for log, traces in sets.items():
        for trace in traces:
            trace.visible = log == chosen
        page.add_traces(traces)
    entries = not_finite_legend(values)
    page.add_traces(entries)
    shown_at = [log for log, traces in sets.items() for _ in traces] + [None] * len(entries)
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
                "args": [
                    {"visible": [at in (None, log) for at in shown_at]},
                    _spacing(part, scale),
                ],
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
    """Losses and accuracies along a direction or curve, with bars of one standard error."""
    part = in_memory(complete_part(data))
    (axis,) = swept_axes(part)
    losses, accuracies, _ = lines_of(part)
    scale = scale_of(np.concatenate([part[name].values for name in losses]))
    page = new_page(heading(data, width=PAGE_WIDTH))
    lines = [(name, "y", colour_of(losses, name), scale.low) for name in losses]
    lines += [(name, "y2", colour_of(accuracies, name), 0.0) for name in accuracies]
    page.add_traces([_line_trace(part, *line[:3]) for line in lines])
    for number, line in enumerate(lines):
        page.add_traces(_line_marks(part, *line, size=max(5, 11 - 2 * number)))
    title = {"text": axis_label(part["loss"]), "font": {"color": LINE_COLOURS["loss"]}}
    page.update_layout(
        xaxis={"title": {"text": axis_label(part[axis])}},
        yaxis={"title": title, "type": "log" if scale.log else "linear"},
        hovermode="x unified",
        legend={"x": 0.5, "xanchor": "center", "y": -0.12},
    )
    if accuracies:
        text = axis_label(part[accuracies[0]])
        other = {"text": text, "font": {"color": LINE_COLOURS["accuracy"]}}
        page.update_layout(
            yaxis2={"title": other, "overlaying": "y", "side": "right", "tickformat": ".0%"}
            | {"range": [0, 1.02], "showgrid": False, "tickmode": "linear", "dtick": 0.2},
        )
    return page


def _scales(values: np.ndarray) -> dict[bool, Scale]:
    """The linear scale and, where no loss forbids it, the logarithmic one."""
    scales = {False: scale_of(values, log=False)}
    if can_be_logarithmic(values):
        scales[True] = scale_of(values, log=True)
    return scales


def _spacing(part: xr.Dataset, scale: Scale) -> dict[str, Any]:
    """What of the layout depends on the scale."""
    return {
        "scene": scene(part, "alpha", "beta", scale, SCENE),
        "coloraxis": colour_axis(scale, axis_label(part["loss"])),
    }


def _plane_traces(part: xr.Dataset, scale: Scale) -> list[Any]:
    contours = contour_traces(part, scale, xaxis="x", yaxis="y")
    return [*surface_traces(part, scale, scene="scene"), *contours]


def surface_traces(
    part: xr.Dataset, scale: Scale, of: str = "loss", *, scene: str = "scene"
) -> list[Any]:
    """A surface over alpha and beta, with marks on the floor where a value is no number.

    Args:
        part: a weight surface over two axes, or one of which the third is held.
        scale: of heights and colours.
        of: the variable that is shown.
        scene: where it is drawn.
    """
    cut, x, y, values = _cut(part, of)
    told = _hover(cut, _place(cut))
    surface = surface_or_line(x, y, drawn(scale, values), **told)
    surface.scene = scene
    return [surface, *not_finite_marks(x, y, values, scale, spelled(of), scene=scene)]


def contour_traces(part: xr.Dataset, scale: Scale, of: str = "loss", **axes: str) -> list[Any]:
    """Colours and level lines over alpha and beta, the trained weights, and what else lies there.

    Args:
        part: see `surface_traces`; a third direction is held at the coordinate gamma.
        scale: of the colours; the lines are at its levels.
        of: the variable that is shown.
        axes: `xaxis` and `yaxis`.
    """
    cut, x, y, values = _cut(part, of)
    z = drawn(scale, values)
    colours = go.Heatmap(x=x, y=y, z=z, coloraxis="coloraxis", **axes, **_hover(cut, _place(cut)))
    levels = ticks(scale)["tickvals"]
    lines = level_lines(x, y, z, levels, **axes) if min(z.shape) > 1 and levels else []
    centre = go.Scatter(
        x=[0],
        y=[0],
        mode="markers",
        name="trained weights",
        showlegend=False,
        marker={"symbol": "cross", "size": 11, "color": "white", "line": {"width": 1.5}},
        hovertemplate="trained weights<extra></extra>",
        **axes,
    )
    marks = not_finite_marks(x, y, values, scale, spelled(of), **axes)
    trained = [centre] if has_trained(part) else []
    return [colours, *lines, *marks, *trained, *_place_traces(part, axes)]


def _cut(part: xr.Dataset, of: str) -> tuple[xr.Dataset, Columns, Rows, Grid]:
    """A plane with its coordinates and values."""
    cut = part.transpose("beta", "alpha", ...)
    return cut, cut["alpha"].values, cut["beta"].values, cut[of].values


def _place(cut: xr.Dataset) -> str:
    return f"{long_name(cut['alpha'])} %{{x:.4g}}<br>{long_name(cut['beta'])} %{{y:.4g}}<br>"


def _hover(cut: xr.Dataset, place: str) -> dict[str, Any]:
    """What is told of a point: all that was measured there, with standard errors."""
    columns: list[np.ndarray] = []
    lines: list[str] = []
    for name in drawn_fields(cut):
        form = ".2%" if name.endswith("accuracy") else ".4g"
        text = f"{spelled(name)} %{{customdata[{len(columns)}]:{form}}}"
        columns.append(cut[name].values)
        if (error := f"{name}_stderr") in cut:
            text += f" ± %{{customdata[{len(columns)}]:{form.replace('4', '2')}}}"
            columns.append(cut[error].values)
        lines.append(text)
    template = place + "<br>".join(lines) + "<extra></extra>"
    return {"customdata": np.stack(columns, axis=-1), "hovertemplate": template}


def _place_traces(part: xr.Dataset, plane_axes: dict[str, str]) -> list[go.Scatter]:
    """Checkpoints and other networks, where they lie in the plane."""
    places = marked(part)
    if places is None:
        return []
    colour = {"color": LINE["color"]}
    return [
        go.Scatter(
            x=places.coordinates[:, 0],
            y=places.coordinates[:, 1],
            mode="lines+markers" if places.is_path else "markers",
            line=colour,
            marker={"size": 6 if places.is_path else 10, "line": {"width": 1, "color": "white"}},
            name="path" if places.is_path else "other networks",
            text=[
                f"{name}: {share:.0%} outside the plane"
                for name, share in zip(map(page_text, places.names), places.residual, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
            **plane_axes,
        )
    ]


def _line_marks(
    part: xr.Dataset, name: str, yaxis: str, colour: str, bottom: float, *, size: int
) -> list[go.Scatter]:
    """Marks at the bottom where a line is broken, one inside the other where several are."""
    (axis,) = swept_axes(part)
    marks = []
    for kind, mask in not_finite(part[name].values).items():
        look = not_finite_look(kind, size)
        look["marker"] |= {} if name == "loss" else {"color": colour}
        look |= {"name": f"{spelled(name)} is {kind}", "yaxis": yaxis}
        x = part[axis].values[mask]
        marks.append(go.Scatter(x=x, y=np.full(len(x), bottom), cliponaxis=False, **look))
    return marks


def _line_trace(part: xr.Dataset, name: str, yaxis: str, colour: str) -> go.Scatter:
    (axis,) = swept_axes(part)
    values, error = part[name].values, part.get(f"{name}_stderr")
    return go.Scatter(
        x=part[axis].values,
        y=np.where(np.isfinite(values), values, np.nan),
        error_y=None if error is None else {"array": error.values, "thickness": 1, "width": 2},
        line={"color": colour, "dash": "solid" if yaxis == "y" else "dash"},
        mode="lines+markers",
        name=spelled(name),
        yaxis=yaxis,
    )
