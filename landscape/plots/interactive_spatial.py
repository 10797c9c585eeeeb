"""A spatial surface as a page: choose an image, slide through the shifts down, turn the surface."""

from dataclasses import dataclass, field
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
    not_finite_marks,
    scene,
    star,
    surface_or_line,
)
from landscape.plots.options import PlotOptions
from landscape.plots.page_words import axis_label, class_name, long_name, setting, unit_symbol
from landscape.plots.prepare import PLANES, PosePoint, cell_edges, pick_images, plane, worst_pose
from landscape.plots.scales import Scale, scale_of
from landscape.plots.style import heading, left_out
from landscape.store import complete_part

IMAGES = 16
ROWS = ((0.76, 1.0), (0.38, 0.62), (0.0, 0.24))  # of the planes, as shares of the page's height


@dataclass
class _Traces:
    """All traces of the page; each shows for one image or (None) all, likewise for a shift down."""

    traces: list[Any] = field(default_factory=list)
    shown_at: list[tuple[int | None, int | None]] = field(default_factory=list)

    def add(self, trace: Any, image: int | None = None, step: int | None = None) -> None:
        self.traces.append(trace)
        self.shown_at.append((image, step))

    def visible(self, image: int, step: int) -> list[bool]:
        return [i in (None, image) and s in (None, step) for i, s in self.shown_at]


def figure(data: xr.Dataset, options: PlotOptions) -> go.Figure:
    """The surface over rotation and shift right beside the three planes through the worst pose."""
    shown = pick_images(complete_part(data), options.images, at_most=IMAGES)
    images = [shown.isel(image=n) for n in range(shown.sizes["image"])]
    scale = scale_of(shown["loss"].values)
    traces = _Traces()
    for n, image in enumerate(images):
        _add_image(traces, n, image, scale)
    for entry in not_finite_legend(shown["loss"].values):
        traces.add(entry)
    worst_steps = [_step(image, worst_pose(image)) for image in images]
    page = new_page(heading(data, left_out(data, shown), width=PAGE_WIDTH), top=130)
    page.add_traces(traces.traces)
    for trace, visible in zip(page.data, traces.visible(0, worst_steps[0]), strict=True):
        trace.visible = visible
    page.update_layout(
        scene=scene(shown, "rotation", "shift_x", scale, [0.0, 0.56]),
        coloraxis=colour_axis(scale, axis_label(shown["loss"])),
        annotations=_captions(images[0], worst_steps[0]),
        sliders=[_slider(traces, 0, images[0], worst_steps[0])],
        updatemenus=[_menu(traces, images, worst_steps)],
        **_plane_axes(shown),
    )
    return page


def _add_image(traces: _Traces, n: int, image: xr.Dataset, scale: Scale) -> None:
    worst = worst_pose(image)
    for step in range(image.sizes["shift_y"]):
        cut = image.isel(shift_y=step).transpose("shift_x", "rotation", ...)
        x, y, loss = cut["rotation"].values, cut["shift_x"].values, cut["loss"].values
        told = hover(cut, "rotation", "shift_x")
        traces.add(surface_or_line(x, y, drawn(scale, loss), **told), n, step)
        for mark in not_finite_marks(x, y, loss, scale, scene="scene"):
            traces.add(mark, n, step)
        _add_plane(traces, cut, 0, scale, n, step)
    for index in (1, 2):
        _add_plane(traces, plane(image, *PLANES[index], through=worst), index, scale, n, None)
    for index, (across, along) in enumerate(PLANES):
        there = {"x": [worst.pose[across]], "y": [worst.pose[along]]}
        mark = star(**there, hovertemplate=_at(image, worst))
        mark.update(_axes_of(index))
        traces.add(mark, n, _step(image, worst) if index == 0 else None)
    height = scale.position(np.array([worst.loss if np.isfinite(worst.loss) else scale.low]))
    here = {"x": [worst.rotation], "y": [worst.shift_x], "z": height}
    traces.add(star(**here, hovertemplate=_at(image, worst)), n, _step(image, worst))


def _add_plane(
    traces: _Traces, cut: xr.Dataset, index: int, scale: Scale, image: int, step: int | None
) -> None:
    for trace in plane_traces(cut, *PLANES[index], scale, **_axes_of(index)):
        traces.add(trace, image, step)


def plane_traces(
    cut: xr.Dataset, x: str, y: str, scale: Scale, of: str = "loss", **axes: str
) -> list[Any]:
    """A heat map with the line where the margin is 0 and marks where a value is no number.

    Args:
        cut: one image's surface over (y, x), such as `prepare.plane` gives.
        x: the axis to the right.
        y: the axis up.
        scale: of the colours.
        of: the variable that is shown.
        axes: `xaxis` and `yaxis`.
    """
    across, along = cut[x].values, cut[y].values
    values, margin = cut[of].values, cut["margin"].values
    colours = {"z": drawn(scale, values), "coloraxis": "coloraxis", **hover(cut, x, y)}
    traces: list[Any] = [go.Heatmap(x=across, y=along, **colours, **axes)]
    if min(margin.shape) > 1:
        traces += level_lines(across, along, margin, [0.0], **axes)
    return traces + not_finite_marks(across, along, values, scale, of, **axes)


def _axes_of(index: int) -> dict[str, str]:
    suffix = "" if index == 0 else str(index + 1)
    return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def _plane_axes(shown: xr.Dataset) -> dict[str, Any]:
    layout: dict[str, Any] = {}
    for index, ((x, y), domain) in enumerate(zip(PLANES, ROWS, strict=True)):
        suffix = "" if index == 0 else str(index + 1)
        right, up = (cell_edges(shown[axis].values)[[0, -1]].tolist() for axis in (x, y))
        if y == "shift_y":
            up.reverse()  # down is down
        across = {"title": {"text": axis_label(shown[x]), "standoff": 2}, "range": right}
        layout[f"xaxis{suffix}"] = {
            **across,
            "domain": [0.65, 0.97],
            "anchor": f"y{suffix}",
            "zeroline": False,
        }
        along = {"title": {"text": axis_label(shown[y])}, "range": up}
        layout[f"yaxis{suffix}"] = {
            **along,
            "domain": list(domain),
            "anchor": f"x{suffix}",
            "zeroline": False,
        }
    return layout


def hover(cut: xr.Dataset, x: str, y: str) -> dict[str, Any]:
    """What the pointer shows: pose, loss, margin and predicted class."""
    (fixed,) = {"rotation", "shift_x", "shift_y"} - {x, y}
    predicted = cut["prediction"].values
    names = {int(index): class_name(cut, int(index)) for index in np.unique(predicted)}
    text = np.vectorize(names.__getitem__, otypes=[object])(predicted)
    lines = [
        f"{long_name(cut[x])} %{{x:.4g}} {unit_symbol(cut[x])}",
        f"{long_name(cut[y])} %{{y:.4g}} {unit_symbol(cut[y])}",
        setting(cut[fixed], float(cut[fixed])),
        "loss %{customdata[0]:.4g}",
        "margin %{customdata[1]:.4g}",
        "predicted %{text}",
    ]
    numbers = np.stack([cut["loss"].values, cut["margin"].values], axis=-1)
    template = "<br>".join(lines) + "<extra></extra>"
    return {"customdata": numbers, "text": text, "hovertemplate": template}


def _at(image: xr.Dataset, worst: PosePoint) -> str:
    pose = [setting(image[axis], value) for axis, value in worst.pose.items()]
    measured = f"loss {worst.loss:.4g}", f"margin {worst.margin:.4g}"
    predicted = f"predicted {class_name(image, worst.prediction)}"
    return "<br>".join(["<b>worst pose</b>", *pose, *measured, predicted]) + "<extra></extra>"


def _step(image: xr.Dataset, worst: PosePoint) -> int:
    return int(np.flatnonzero(image["shift_y"].values == worst.shift_y)[0])


def _captions(image: xr.Dataset, step: int) -> list[dict[str, Any]]:
    """Above each plane, the coordinate that it holds fixed."""
    worst = worst_pose(image)
    held = {
        "shift_y": float(image["shift_y"][step]),
        "shift_x": worst.shift_x,
        "rotation": worst.rotation,
    }
    return [
        {
            "text": setting(image[axis], value) + (" (worst)" if value == worst.pose[axis] else ""),
            "x": 0.81,
            "xanchor": "center",
            "y": top + 0.005,
            "xref": "paper",
            "yref": "paper",
            "yanchor": "bottom",
            "showarrow": False,
        }
        for (axis, value), (_, top) in zip(held.items(), ROWS, strict=True)
    ]


def _slider(traces: _Traces, n: int, image: xr.Dataset, active: int) -> dict[str, Any]:
    """Steps through the shifts down, for the surface and the first plane."""
    steps = [
        {
            "method": "update",
            "label": f"{float(value):.4g}",
            "args": [{"visible": traces.visible(n, step)}, {"annotations": _captions(image, step)}],
        }
        for step, value in enumerate(image["shift_y"].values)
    ]
    prefix = f"{axis_label(image['shift_y'])}: "
    place = {"x": 0.02, "y": 0.0, "len": 0.5, "pad": {"t": 10}}
    return {"active": active, "steps": steps, "currentvalue": {"prefix": prefix}, **place}


def _menu(traces: _Traces, images: list[xr.Dataset], worst_steps: list[int]) -> dict[str, Any]:
    """The choice of the image; each begins at its own worst shift down."""
    buttons = []
    for n, (image, step) in enumerate(zip(images, worst_steps, strict=True)):
        worst = worst_pose(image)
        label, found = class_name(image, int(image["label"])), class_name(image, worst.prediction)
        change = f"{label} → {found}" if worst.misclassified else f"{label}, never misclassified"
        layout = {
            "annotations": _captions(image, step),
            "sliders": [_slider(traces, n, image, step)],
        }
        buttons.append(
            {
                "method": "update",
                "label": f"image {int(image['image'])}: {change}",
                "args": [{"visible": traces.visible(n, step)}, layout],
            }
        )
    return {"buttons": buttons, "x": 0.0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
