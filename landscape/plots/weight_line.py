"""A weight surface along one direction: loss and accuracy as lines with their standard errors."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from landscape.plots.options import PlotOptions
from landscape.plots.prepare import cell_edges, complete_part, not_finite
from landscape.plots.scales import number, scale_of
from landscape.plots.style import (
    LINE_COLOURS,
    NOT_FINITE,
    NOT_FINITE_COLOURS,
    SINGLE,
    axis_label,
    heading,
    new_figure,
    style,
)


def plot(data: xr.Dataset, *, ax: Axes) -> Axes:
    """Loss (left) and accuracy (right, on a twin axes) with bands of one standard error."""
    part = complete_part(data)
    x = part["alpha"].values
    loss = part["loss"].values
    scale = scale_of(loss)
    twin = ax.twinx()
    _line(ax, part, "loss")
    _line(twin, part, "accuracy", linestyle="--")
    if scale.log:
        ax.set_yscale("log")
        ax.set_ylim(bottom=scale.low / 1.5)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    twin.set_ylim(0, 1.02)
    twin.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    edges = cell_edges(x)
    for name, mask in not_finite(loss).items():
        for n, i in enumerate(np.flatnonzero(mask)):
            label = f"loss is {name}" if n == 0 else None
            span = edges[i], edges[i + 1]
            ax.axvspan(*span, hatch=NOT_FINITE[name], lw=0, label=label, **NOT_FINITE_COLOURS)
    ax.axvline(0, color="#888888", linewidth=0.6, zorder=0)
    ax.set_xlabel(axis_label(part["alpha"]))
    return ax


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """One panel of a column's width."""
    with style():
        fig = new_figure(SINGLE, 2.4)
        plot(data, ax=fig.subplots())
        fig.suptitle(heading(data, width=SINGLE))
        fig.legend(loc="outside lower center", ncols=2)
    return fig


def _line(ax: Axes, part: xr.Dataset, name: str, *, linestyle: str = "-") -> None:
    x, values = part["alpha"].values, part[name].values
    error = part[f"{name}_stderr"].values
    colour = LINE_COLOURS[name]
    finite = np.where(np.isfinite(values), values, np.nan)
    marker = "." if len(x) == 1 else ""
    ax.plot(
        x,
        finite,
        color=colour,
        linestyle=linestyle,
        marker=marker,
        label=f"{name} ± standard error",
    )
    ax.fill_between(x, finite - error, finite + error, color=colour, alpha=0.25, linewidth=0)
    ax.set_ylabel(axis_label(part[name]), color=colour)
