"""Everything that was measured over a plane, a panel for each."""

import math
import textwrap

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from landscape.measures.convexity import eigenvalue_ratio
from landscape.plots import weight_contour
from landscape.plots.keys import colour_bar, key_below, not_finite_handles
from landscape.plots.options import PlotOptions
from landscape.plots.paths import off_surface
from landscape.plots.prepare import drawn_fields
from landscape.plots.scales import scale_of
from landscape.plots.style import axis_label, heading, new_figure, page_width, style
from landscape.store import complete_part, in_memory

ACROSS = 3
HIGHEST = 1.7  # inches of a panel


def with_ratio(data: xr.Dataset) -> xr.Dataset:
    """The surface, and the ratio of its extreme eigenvalues where it has these."""
    if "hessian_min" not in data or "hessian_max" not in data:
        return data
    return data.assign(eigenvalue_ratio=eigenvalue_ratio(data))


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """Panels of a third of a page's width, each with its own key."""
    data = with_ratio(data)
    names = drawn_fields(data)
    part = in_memory(complete_part(data, *names))
    columns = min(len(names), ACROSS)
    rows = math.ceil(len(names) / columns)
    with style():
        panel = min(
            ((page_width() - 0.3) / columns - 0.55) * weight_contour.shape_of(part), HIGHEST
        )
        fig = new_figure(page_width(), 0.4 + (panel + 0.4) * rows, layout="compressed")
        axes = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for ax in axes.flat[len(names) :]:
            ax.set_visible(False)
        for ax, name in zip(axes.flat, names, strict=False):
            scale = scale_of(part[name].values, losses=name.endswith("loss"))
            weight_contour.plot(data, ax=ax, scale=scale, field=name)
            ax.set_title(textwrap.fill(axis_label(part[name]), 26))
            ax.label_outer()
            colour_bar(fig, [ax], scale, "")
        for ax in axes[-2, len(names) - columns * (rows - 1) :] if rows > 1 else ():
            ax.tick_params(labelbottom=True)  # nothing is below it
            ax.set_xlabel(axis_label(part["alpha"]))
        fig.suptitle(heading(data, off_surface(data), width=page_width()))
        every = np.concatenate([part[name].values.ravel() for name in names])
        key_below(fig, not_finite_handles(every, of="value"))
    return fig
