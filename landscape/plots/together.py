"""Several weight surfaces side by side on one scale, so that they can be compared."""

import math
from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from landscape.plots import weight_3d, weight_contour
from landscape.plots.keys import colour_bar, key_below, not_finite_handles
from landscape.plots.panels import axes_3d
from landscape.plots.scales import Scale, number, scale_of
from landscape.plots.style import axis_label, new_figure, page_width, style
from landscape.store import complete_part
from landscape.text import literal

ACROSS = {"contours": 4, "3d": 2}  # panels in a row, at most


def contours(surfaces: Mapping[str, xr.Dataset]) -> Figure:
    """A panel of contours for each plane, with the levels, colours and key that they share.

    Args:
        surfaces: weight surfaces over two axes, by the titles of their panels.
    """
    scale = _common(surfaces)
    rows, columns = _grid(len(surfaces), ACROSS["contours"])
    with style():
        shape = max(weight_contour.shape_of(data) for data in surfaces.values())
        panel = ((page_width() - 1.1) / columns - 0.1) * shape
        fig = new_figure(page_width(), 0.45 + rows * (panel + 0.25), layout="compressed")
        axes = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for ax in axes.flat[len(surfaces) :]:
            ax.set_visible(False)
        drawn = list(axes.flat[: len(surfaces)])
        for ax, (name, data) in zip(drawn, surfaces.items(), strict=True):
            weight_contour.plot(data, ax=ax, scale=scale)
            ax.set_title(literal(name))
            ax.label_outer()
        first = next(iter(surfaces.values()))
        colour_bar(fig, drawn, scale, axis_label(first["loss"]))
        key_below(fig, not_finite_handles(_losses(surfaces)))
    return fig


def in_3d(surfaces: Mapping[str, xr.Dataset]) -> Figure:
    """A lit surface for each plane, in boxes of one height.

    Args:
        surfaces: see `contours`.
    """
    scale = _common(surfaces, cut_spikes=True)
    rows, columns = _grid(len(surfaces), ACROSS["3d"])
    cut = f"cut off at {number(scale.high)} (largest {number(scale.largest)})"
    head = 0.2 if scale.clipped else 0.0
    with style():
        fig = new_figure(page_width(), head + 5 * rows / columns, layout=None)
        for panel, (name, data) in enumerate(surfaces.items()):
            ax = axes_3d(fig, rows, columns, panel, head=head)
            weight_3d.plot(data, ax=ax, scale=scale)
            ax.set_title(literal(name), y=0.96)
        if scale.clipped:
            fig.suptitle(cut, y=0.99)
    return fig


def _grid(panels: int, across: int) -> tuple[int, int]:
    """Rows and columns."""
    columns = min(panels, across)
    return math.ceil(panels / columns), columns


def _losses(surfaces: Mapping[str, xr.Dataset]) -> np.ndarray:
    return np.concatenate(
        [complete_part(s, "loss")["loss"].values.ravel() for s in surfaces.values()]
    )


def _common(surfaces: Mapping[str, xr.Dataset], *, cut_spikes: bool = False) -> Scale:
    return scale_of(_losses(surfaces), cut_spikes=cut_spikes)
