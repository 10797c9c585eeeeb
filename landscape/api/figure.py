"""Figures of surfaces in one call."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from landscape.errors import InputError
from landscape.plots import PLOTS, PlotOptions, draw, plots_for
from landscape.store import open_surface


def plot(
    data: xr.Dataset | str | Path,
    name: str | None = None,
    *,
    images: Sequence[int] | None = None,
) -> Any:
    """A figure of a surface, to be shown or saved by the caller.

    Args:
        data: a surface, or the file of one, of which only what the figure shows is read.
        name: a name in `landscape.plots.PLOTS`; the first that fits the surface by default.
        images: of a spatial surface, by their coordinate; the first ones by default.

    Returns:
        A matplotlib figure, or a plotly one for the interactive plots.

    Raises:
        InputError: there is no such plot, or it is for another kind of surface.
    """
    if not isinstance(data, xr.Dataset):
        with open_surface(data) as opened:
            return plot(opened, name, images=images)
    fitting = plots_for(data)
    if not fitting:
        raise InputError(f"no plot fits this surface; known plots: {', '.join(PLOTS)}")
    return draw(data, name or fitting[0], PlotOptions(images=tuple(images) if images else None))
