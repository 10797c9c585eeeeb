"""A weight surface as contours: loss over a plane through the trained weights."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from landscape.plots.contour_labels import label_contours
from landscape.plots.options import PlotOptions
from landscape.plots.panels import colour_bar, heat_map, mark_not_finite, not_finite_handles
from landscape.plots.paths import draw, marked, off_surface
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


def plot(data: xr.Dataset, *, ax: Axes, scale: Scale | None = None, field: str = "loss") -> Axes:
    """The loss as filled contours between round, labelled levels; a plus marks the centre.

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
    ax.plot(0, 0, linestyle="", label="trained weights", **CLEAN)
    ax.set(xlabel=axis_label(part["alpha"]), ylabel=_beside(part, "beta"))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    return ax


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """One panel of a column's width with the key to its colours."""
    part = in_memory(complete_part(data, "loss"))
    title = heading(data, off_surface(data), width=column_width())
    handles = not_finite_handles(part["loss"].values)
    around = 0.5 + 0.16 * len(title.splitlines()) + 0.2 * bool(handles)
    with style():
        panel = (column_width() - 1.05) * shape_of(part)
        fig = new_figure(column_width(), around + panel, layout="compressed")
        ax = fig.subplots()
        plot(data, ax=ax)
        colour_bar(fig, [ax], scale_of(part["loss"].values), _beside(part, "loss"))
        fig.suptitle(title)
        if handles:
            fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def shape_of(part: xr.Dataset) -> float:
    """How high a panel is, in widths: as the plane is, unless one axis is much longer."""
    return _shape(part["alpha"].values, part["beta"].values) or 1.0


def _shape(x: np.ndarray, y: np.ndarray) -> float | None:
    """Height over width of a plane whose axes are as long as they are drawn; None of others."""
    shape = float(np.ptp(y) / np.ptp(x)) if min(len(x), len(y)) > 1 else 0.0
    return shape if 1 / 3 < shape < 3 else None


def _beside(part: xr.Dataset, variable: str) -> str:
    """A name that is written upwards, in two lines beside a plane that is wider than high."""
    name = axis_label(part[variable])
    flat = np.ptp(part["beta"].values) < 0.6 * np.ptp(part["alpha"].values)
    return name.replace(" (", "\n(") if flat else name


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
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    label_contours(ax, lines, size=_size(ax, x, y))


def _size(ax: Axes, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """About how wide and high a panel will be, inches: layouts are made when a figure is drawn."""
    wide, high = ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi
    if (shape := _shape(x, y)) is None:
        return wide, high
    return min(wide, high / shape), min(high, wide * shape)
