"""A surface along one direction or curve: losses and accuracies as lines with standard errors."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from landscape.plots.keys import key_below
from landscape.plots.options import PlotOptions
from landscape.plots.paths import NETWORK, marked
from landscape.plots.prepare import cell_edges, drawn_fields, not_finite
from landscape.plots.scales import number, scale_of
from landscape.plots.style import (
    LINE_COLOURS,
    NETWORK_COLOURS,
    NOT_FINITE,
    NOT_FINITE_COLOURS,
    NOT_FINITE_MARKS,
    axis_label,
    column_width,
    heading,
    long_name,
    new_figure,
    small,
    spelled,
    style,
)
from landscape.store import complete_part, in_memory, swept_axes

FURTHER = NETWORK_COLOURS[2:]  # of further data, loss and accuracy alike
OTHER = "#444444"  # of what is neither loss nor accuracy


def lines_of(data: xr.Dataset) -> tuple[list[str], list[str], list[str]]:
    """The names of the losses, of the accuracies, and of what else there is to draw."""
    names = drawn_fields(data)
    losses = [name for name in names if name.endswith("loss")]
    accuracies = [name for name in names if name.endswith("accuracy")]
    return losses, accuracies, [n for n in names if n not in (*losses, *accuracies)]


def colour_of(names: list[str], name: str) -> str:
    """The colour of a loss or an accuracy: its own where it is the main one."""
    place = names.index(name)
    return LINE_COLOURS.get(name) or FURTHER[(place - 1) % len(FURTHER)]


def plot(data: xr.Dataset, *, ax: Axes) -> Axes:
    """Losses (left) and accuracies (right, on twin axes) with bands of one standard error.

    Where the loss is inf or nan the panel is hatched; where another quantity is, a mark in its
    colour stands at the panel's upper edge.
    """
    part = in_memory(complete_part(data))
    (axis,) = swept_axes(part)
    losses, accuracies, _ = lines_of(part)
    scale = scale_of(np.concatenate([part[name].values for name in losses]))
    lines = [(ax, name, colour_of(losses, name)) for name in losses]
    for line in lines:
        _line(part, *line)
    ax.set_ylabel(axis_label(part["loss"]), color=LINE_COLOURS["loss"])
    if scale.log:
        ax.set_yscale("log")
        ax.set_ylim(bottom=scale.low / 1.5)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    if accuracies:
        twin = ax.twinx()
        right = [(twin, name, colour_of(accuracies, name)) for name in accuracies]
        for line in right:
            _line(part, *line, linestyle="--")
        lines += right
        twin.set_ylim(0, 1.02)
        twin.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        twin.set_ylabel(axis_label(part[accuracies[0]]), color=LINE_COLOURS["accuracy"])
    _hatch_not_finite(ax, part[axis].values, part["loss"].values)
    for row, (axes, name, colour) in enumerate(lines[1:]):
        _mark_not_finite(axes, part[name], colour, row)
    ax.axvline(0, color="#888888", linewidth=0.6, zorder=0)
    _mark_places(ax, data)
    ax.set_xlabel(axis_label(part[axis]))
    return ax


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """A column's width; quantities other than losses and accuracies get panels of their own."""
    part = in_memory(complete_part(data))
    (axis,) = swept_axes(part)
    _, _, others = lines_of(part)
    with style():
        fig = new_figure(column_width(), 2.2 + 1.2 * len(others))
        ratios = [2.0] + [1.0] * len(others)
        axes = fig.subplots(len(ratios), 1, squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
        plot(data, ax=axes[0])
        for ax, name in zip(axes[1:], others, strict=True):
            ax.plot(part[axis].values, _finite(part[name]), color=OTHER)
            _mark_not_finite(ax, part[name], OTHER)
            ax.set_ylabel(long_name(part[name]).replace(" of ", "\nof "))
        for ax in axes[:-1]:
            ax.set_xlabel("")
        axes[-1].set_xlabel(axis_label(part[axis]))
        fig.suptitle(heading(data, width=column_width()))
        key_below(fig)
    return fig


def _line(part: xr.Dataset, ax: Axes, name: str, colour: str, *, linestyle: str = "-") -> None:
    (axis,) = swept_axes(part)
    x, finite = part[axis].values, _finite(part[name])
    label = spelled(name)
    error = part[f"{name}_stderr"].values if f"{name}_stderr" in part else None
    if error is not None:
        label += "" if "_" in name else " ± standard error"
        ax.fill_between(x, finite - error, finite + error, color=colour, alpha=0.25, linewidth=0)
    ax.plot(x, finite, color=colour, linestyle=linestyle, label=label)
    there = np.pad(np.isfinite(finite), 1)
    alone = there[1:-1] & ~there[:-2] & ~there[2:]  # no line leads to them
    if alone.any():
        ax.plot(x[alone], finite[alone], color=colour, linestyle="", marker=".")


def _finite(values: xr.DataArray) -> np.ndarray:
    return np.where(np.isfinite(values.values), values.values, np.nan)


def _hatch_not_finite(ax: Axes, x: np.ndarray, loss: np.ndarray) -> None:
    edges = cell_edges(x)
    for name, mask in not_finite(loss).items():
        for n, i in enumerate(np.flatnonzero(mask)):
            label = f"loss is {name}" if n == 0 else None
            span = edges[i], edges[i + 1]
            ax.axvspan(*span, hatch=NOT_FINITE[name], lw=0, label=label, **NOT_FINITE_COLOURS)


def _mark_not_finite(ax: Axes, field: xr.DataArray, colour: str, row: int = 0) -> None:
    """Marks at the upper edge, in rows, since several lines often break at the same place."""
    x = field[field.dims[0]].values
    for name, mask in not_finite(field.values).items():
        edge = np.full(int(mask.sum()), 0.97 - 0.05 * row)
        look: dict[str, Any] = {
            "linestyle": "",
            "marker": NOT_FINITE_MARKS[name],
            "markersize": 3.5,
        }
        label = f"{spelled(str(field.name))} is {name}"
        across = ax.get_xaxis_transform()
        ax.plot(x[mask], edge, transform=across, color=colour, label=label, **look)


def _mark_places(ax: Axes, data: xr.Dataset) -> None:
    """Other networks by name above the panel, checkpoints as a row of marks."""
    places = marked(data)
    if places is None:
        return
    across = ax.get_xaxis_transform()
    x = places.coordinates[:, 0]
    if places.is_path:
        floor = np.full(len(x), 0.03)
        style_of: dict[str, Any] = {"linestyle": "", "marker": "|", "markersize": 7}
        style_of["color"] = NETWORK["color"]
        ax.plot(x, floor, transform=across, label="checkpoints", **style_of)
        return
    for row, (name, place) in enumerate(zip(places.names, x.tolist(), strict=True)):
        ax.axvline(place, color=NETWORK["color"], linewidth=0.8, zorder=0)
        above = (0, 2 + 1.25 * small() * row)  # the panel, in rows: lines fill the panel
        ax.annotate(name, (place, 1), above, across, "offset points", ha="center", fontsize=small())
