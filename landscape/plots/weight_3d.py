"""A weight surface in 3-D: loss over a plane through the trained weights."""

import xarray as xr
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.axes3d import Axes3D

from landscape.plots.options import PlotOptions
from landscape.plots.panels import axes_3d, surface
from landscape.plots.scales import Scale, number, scale_of
from landscape.plots.style import axis_label, column_width, heading, new_figure, style
from landscape.store import complete_part, in_memory


def plot(data: xr.Dataset, *, ax: Axes3D, scale: Scale | None = None) -> Axes3D:
    """The loss as a lit surface, its height logarithmic where the range asks for it.

    Args:
        data: a weight surface over two axes.
        ax: where to draw.
        scale: that of several panels; that of these values unless given.
    """
    part = in_memory(complete_part(data, "loss"))
    x, y = (part[axis].values for axis in ("alpha", "beta"))
    values = part["loss"].transpose("beta", "alpha").values
    scale = scale or scale_of(values, cut_spikes=True)
    surface(ax, x, y, values, scale, axis_label(part["loss"]))
    ax.set(xlabel=axis_label(part["alpha"]), ylabel=axis_label(part["beta"]))
    return ax


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """One panel of a column's width; a spike that was cut off is named in the title."""
    scale = scale_of(complete_part(data, "loss")["loss"].values, cut_spikes=True)
    cut = f"cut off at {number(scale.high)} (largest {number(scale.largest)})"
    with style():
        title = heading(data, cut if scale.clipped else "", width=column_width())
        head = 0.1 + 0.15 * title.count("\n")
        fig = new_figure(column_width(), 2.6 + head, layout=None)
        plot(data, ax=axes_3d(fig, 1, 1, 0, head=head))
        fig.suptitle(title, y=0.99)
    return fig
