"""A spatial surface in 3-D: loss over rotation and shift right, at the worst shift down."""

import math

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.axes3d import Axes3D

from landscape.plots.options import PlotOptions
from landscape.plots.panels import axes_3d, surface
from landscape.plots.prepare import class_name, pick_images, plane, worst_pose
from landscape.plots.scales import Scale, number, scale_of
from landscape.plots.style import (
    WORST,
    axis_label,
    column_width,
    heading,
    left_out,
    new_figure,
    page_width,
    setting,
    small,
    style,
)
from landscape.store import complete_part

PANELS = 9
HEIGHT = 0.92  # of a panel, in shares of its width


def plot(image: xr.Dataset, *, ax: Axes3D, scale: Scale) -> Axes3D:
    """The loss of one image over rotation and shift right, with its worst pose as a star.

    Args:
        image: a complete spatial surface of one image (`complete_part`, then `isel(image=...)`).
        ax: where to draw.
        scale: of the loss.
    """
    worst = worst_pose(image)
    cut = plane(image, "rotation", "shift_x", through=worst)
    x, y = (cut[axis].values for axis in ("rotation", "shift_x"))
    surface(ax, x, y, cut["loss"].values, scale, axis_label(cut["loss"]))
    loss = worst.loss if math.isfinite(worst.loss) else scale.low  # on the floor with its mark
    height = scale.position(np.array([loss]))
    ax.plot([worst.rotation], [worst.shift_x], height, linestyle="", zorder=10, **WORST)
    ax.set(xlabel=axis_label(cut["rotation"]), ylabel=axis_label(cut["shift_x"]))
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.label.set_fontsize(small())
    ax.set_title(_title(image), fontsize=small(), y=0.96)
    return ax


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """A panel per image on one scale; a star marks the worst pose."""
    shown = pick_images(complete_part(data), options.images, at_most=PANELS)
    images = [shown.isel(image=panel) for panel in range(shown.sizes["image"])]
    cuts = [plane(i, "rotation", "shift_x", through=worst_pose(i))["loss"].values for i in images]
    scale = scale_of(np.stack(cuts), cut_spikes=True)
    columns = next(c for c, most in ((1, 1), (2, 4), (3, math.inf)) if len(images) <= most)
    rows = math.ceil(len(images) / columns)
    width = column_width() if columns == 1 else page_width()
    cut = f"cut off at {number(scale.high)} (largest {number(scale.largest)})"
    title = heading(data, left_out(data, shown), cut if scale.clipped else "", width=width)
    head = 0.3 + 0.15 * title.count("\n")
    with style():
        fig = new_figure(width, width / columns * HEIGHT * rows + head, layout=None)
        for panel, image in enumerate(images):
            plot(image, ax=axes_3d(fig, rows, columns, panel, head=head), scale=scale)
        fig.suptitle(title, y=1 - 0.05 / fig.get_figheight())
    return fig


def _title(image: xr.Dataset) -> str:
    worst = worst_pose(image)
    label, predicted = class_name(image, int(image["label"])), class_name(image, worst.prediction)
    change = f"{label} → {predicted}" if worst.misclassified else f"{label}, never misclassified"
    return f"image {int(image['image'])}: {change}\n{setting(image['shift_y'], worst.shift_y)}"
