"""Several weight surfaces side by side on one scale, so that they can be compared."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from landscape.plots import weight_3d, weight_contour
from landscape.plots.keys import colour_bar, key_below, not_finite_handles
from landscape.plots.options import PlotOptions
from landscape.plots.panels import axes_3d
from landscape.plots.prepare import cell_edges
from landscape.plots.scales import number, scale_of
from landscape.plots.style import axis_label, new_figure, page_width, style, titled
from landscape.store import complete_part
from landscape.text import literal

ACROSS = {"contours": 4, "3d": 2}  # panels in a row, at most


def contours(surfaces: Mapping[str, xr.Dataset], options: PlotOptions) -> Figure:
    """A panel of contours for each plane, with the levels, colours and key that they share.

    Args:
        surfaces: weight surfaces over two axes, by the titles of their panels.
        options: of spatial surfaces.
    """
    parts = _parts(surfaces)
    losses = _losses(parts)
    scale = scale_of(losses)
    rows, columns = _grid(len(surfaces), ACROSS["contours"])
    title = titled("", width=page_width())
    with style():
        shape = max(weight_contour.shape_of(data) for data in surfaces.values())
        panel = ((page_width() - 1.1) / columns - 0.1) * shape
        height = 0.45 + 0.16 * len(title.splitlines()) + rows * (panel + 0.25)
        fig = new_figure(page_width(), height, layout="compressed")
        axes = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for ax in axes.flat[len(surfaces) :]:
            ax.set_visible(False)
        drawn = list(axes.flat[: len(surfaces)])
        drawn[0].set(**_ends(parts))  # of all, which share them
        for ax, (name, data) in zip(drawn, surfaces.items(), strict=True):
            weight_contour.plot(data, ax=ax, scale=scale)
            ax.set_title(literal(name))
            ax.label_outer()
        if title:
            fig.suptitle(title)
        first = next(iter(surfaces.values()))
        colour_bar(fig, drawn, scale, axis_label(first["loss"]))
        key_below(fig, not_finite_handles(losses))
    return fig


def in_3d(surfaces: Mapping[str, xr.Dataset], options: PlotOptions) -> Figure:
    """A lit surface for each plane, in boxes of one height.

    Args:
        surfaces: see `contours`.
        options: see `contours`.
    """
    scale = scale_of(_losses(_parts(surfaces)), cut_spikes=True)
    rows, columns = _grid(len(surfaces), ACROSS["3d"])
    cut = f"cut off at {number(scale.high)} (largest {number(scale.largest)})"
    title = titled("", cut if scale.clipped else "", width=page_width())
    head = 0.2 * len(title.splitlines())
    with style():
        fig = new_figure(page_width(), head + 5 * rows / columns, layout=None)
        for panel, (name, data) in enumerate(surfaces.items()):
            ax = axes_3d(fig, rows, columns, panel, head=head)
            weight_3d.plot(data, ax=ax, scale=scale)
            ax.set_title(literal(name), y=0.96)
        if title:
            fig.suptitle(title, y=0.99)
    return fig


def _grid(panels: int, across: int) -> tuple[int, int]:
    """Rows and columns."""
    columns = min(panels, across)
    return math.ceil(panels / columns), columns


def _parts(surfaces: Mapping[str, xr.Dataset]) -> list[xr.Dataset]:
    return [complete_part(data, "loss") for data in surfaces.values()]


def _losses(parts: Sequence[xr.Dataset]) -> np.ndarray:
    return np.concatenate([part["loss"].values.ravel() for part in parts])


def _ends(parts: Sequence[xr.Dataset]) -> dict[str, tuple[float, float]]:
    """Limits between which all of each surface is seen."""
    ends = {}
    for limits, axis in (("xlim", "alpha"), ("ylim", "beta")):
        reach = [
            cell_edges(part[axis].values) if min(part["loss"].shape) == 1 else part[axis].values
            for part in parts
        ]
        ends[limits] = min(float(r[0]) for r in reach), max(float(r[-1]) for r in reach)
    return ends
