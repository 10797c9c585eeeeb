"""A weight surface as contours: loss over a plane through the trained weights."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from landscape.plots.contour_labels import label_contours
from landscape.plots.keys import colour_bar, key_below, not_finite_handles
from landscape.plots.options import PlotOptions
from landscape.plots.panels import heat_map, mark_not_finite
from landscape.plots.paths import draw, has_trained, marked, off_surface
from landscape.plots.scales import Scale, scale_of
from landscape.plots.style import (
    CLEAN,
    LOSS_COLOURS,
    MEASURED,
    axis_label,
    column_width,
    heading,
    new_figure,
    style,
)
from landscape.store import complete_part, in_memory

TICK = 0.34  # inches from number to number along an axis, at least
FLAT = 0.6  # planes whose height is less of their width


def plot(data: xr.Dataset, *, ax: Axes, scale: Scale | None = None, field: str = "loss") -> Axes:
    """The loss as filled contours between round, labelled levels; a plus marks trained weights.

    The levels are logarithmic where the range asks for it. Points whose loss is inf or nan are
    hatched. Where an axis has a single point, cells take the place of contours. Dots mark what was
    measured of an adaptive grid. Checkpoints of a training, and other networks, are where they lie.

    Args:
        data: a weight surface over two axes.
        ax: where to draw.
        scale: that of several panels; that of these values unless given.
        field: what is drawn instead of the loss.
    """
    part = in_memory(complete_part(data, field))
    x, y = (part[axis].values for axis in ("alpha", "beta"))
    values = part[field].transpose("beta", "alpha").values
    scale = scale or scale_of(values)
    if min(values.shape) == 1:
        heat_map(ax, x, y, values, scale)
    else:
        _contours(ax, x, y, values, scale)
        if _shape(x, y) is not None:
            ax.set_aspect("equal")
    _mark_measured(ax, part)
    if (places := marked(data)) is not None:
        draw(ax, places)
    if has_trained(part):
        ax.plot(0, 0, linestyle="", label="trained weights", **CLEAN)
    ax.set(xlabel=axis_label(part["alpha"]), ylabel=_beside(part))
    for axis, room in zip((ax.xaxis, ax.yaxis), _size(ax, x, y), strict=True):
        most = max(2, min(5, int(room / TICK)))
        axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))
    return ax


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """One panel of a column's width with the key to its colours."""
    part = in_memory(complete_part(data, "loss"))
    title = heading(data, off_surface(data), width=column_width())
    flat = shape_of(part) < FLAT  # its key is below, where there is room for it
    beside, around = (0.7, 0.95) if flat else (1.05, 0.5)
    with style():
        panel = (column_width() - beside) * shape_of(part)
        height = around + 0.16 * len(title.splitlines()) + panel
        fig = new_figure(column_width(), height, layout="compressed")
        ax = fig.subplots()
        plot(data, ax=ax)
        losses = part["loss"].values
        colour_bar(fig, [ax], scale_of(losses), axis_label(part["loss"]), below=flat)
        fig.suptitle(title)
        key_below(fig, not_finite_handles(losses))
    return fig


def shape_of(part: xr.Dataset) -> float:
    """How high a panel is, in widths: as the plane is, unless one axis is much longer."""
    return _shape(part["alpha"].values, part["beta"].values) or 1.0


def _shape(x: np.ndarray, y: np.ndarray) -> float | None:
    """Height over width of a plane whose axes are as long as they are drawn; None of others."""
    shape = float(np.ptp(y) / np.ptp(x)) if min(len(x), len(y)) > 1 else 0.0
    return shape if 1 / 3 < shape < 3 else None


def _beside(part: xr.Dataset) -> str:
    """The name of the axis that runs up, in two lines beside a flat plane."""
    name = axis_label(part["beta"])
    return name.replace(" (", "\n(") if shape_of(part) < FLAT else name


def _mark_measured(ax: Axes, part: xr.Dataset) -> None:
    """Dots where the loss was measured, if it was not everywhere."""
    done = part["done"].transpose("alpha", "beta").values == 1
    if not done.all():
        i, j = np.nonzero(done)
        ax.plot(part["alpha"].values[i], part["beta"].values[j], label="measured", **MEASURED)


def _contours(ax: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, scale: Scale) -> None:
    """Bands of colour, and thin lines between them with their levels."""
    mark_not_finite(ax, x, y, values, reach=1.0)  # up to where the contours begin
    finite = np.ma.masked_invalid(values)
    if finite.count() == 0:
        return
    drawn = np.ma.masked_where(finite.mask, np.ma.filled(np.ma.clip(finite, scale.low, None), 1.0))
    ax.contourf(x, y, drawn, scale.levels, norm=scale.norm(), cmap=LOSS_COLOURS, corner_mask=False)
    inside = [level for level in scale.levels if scale.low < level < scale.high]
    if not inside:
        return
    light = np.asarray(scale.norm()(np.array(inside))) > 0.6  # the background there
    lines = ax.contour(
        x,
        y,
        drawn,
        inside,
        colors=np.where(light, "#222222", "white").tolist(),
        linestyles="solid",
        linewidths=0.6,
        corner_mask=False,
    )
    if ax.get_autoscale_on():  # else several panels share ends that show all of them
        ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    label_contours(ax, lines, size=_size(ax, x, y))


def _size(ax: Axes, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """About how wide and high a panel will be, inches: layouts are made when a figure is drawn."""
    wide, high = ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi
    if (shape := _shape(x, y)) is None:
        return wide, high
    return min(wide, high / shape), min(high, wide * shape)
