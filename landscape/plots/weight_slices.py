"""A volume of weight space as slices through the third direction, on one scale."""

import math

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from landscape.plots import weight_contour
from landscape.plots.keys import colour_bar, key_below, not_finite_handles
from landscape.plots.options import PlotOptions
from landscape.plots.scales import number, scale_of
from landscape.plots.style import (
    axis_label,
    heading,
    long_name,
    new_figure,
    page_width,
    style,
)
from landscape.store import complete_part, in_memory

SLICES = 5
HIGHEST = 1.6  # inches of a panel
KEY = 1.6  # inches that the words beside the colours take


def slices(part: xr.Dataset) -> list[xr.Dataset]:
    """Planes of the first two directions, evenly spread along the third, its ends among them.

    Args:
        part: a complete surface (`complete_part`); no more of it is read than the planes.
    """
    count = part.sizes["gamma"]
    chosen = np.unique(np.linspace(0, count - 1, min(count, SLICES)).round().astype(int))
    shown = in_memory(part.isel(gamma=chosen))  # at once: each reading goes through the whole file
    return [shown.isel(gamma=i) for i in range(len(chosen))]


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """A row of contours of a page's width."""
    part = complete_part(data, "loss")
    planes = slices(part)
    losses = np.concatenate([plane["loss"].values.ravel() for plane in planes])
    scale = scale_of(losses)
    reach = float(np.abs(part["gamma"].values).max())
    digits = 2 - min(0, math.floor(math.log10(reach))) if reach else 0
    with style():
        shape = weight_contour.shape_of(planes[0])
        panel = min(((page_width() - 0.9) / len(planes) - 0.25) * shape, HIGHEST)
        fig = new_figure(page_width(), max(0.75 + panel, KEY), layout="compressed")
        axes = fig.subplots(1, len(planes), squeeze=False, sharex=True, sharey=True)[0]
        for ax, plane in zip(axes, planes, strict=True):
            weight_contour.plot(plane, ax=ax, scale=scale)
            ax.set_title(f"at {number(round(float(plane['gamma']), digits))}")
            ax.label_outer()
        colour_bar(fig, list(axes), scale, axis_label(part["loss"]))
        fig.suptitle(heading(data, f"slices along {long_name(part['gamma'])}", width=page_width()))
        key_below(fig, not_finite_handles(losses))
    return fig
