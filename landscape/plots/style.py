"""How every figure looks: sizes, type, colours, marks, and the words on its axes."""

import math
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
import xarray as xr
from matplotlib import patheffects
from matplotlib.figure import Figure

from landscape.plots.venues import current_look
from landscape.store import share_done
from landscape.store.schema import ADAPTIVE
from landscape.text import literal

LOSS_COLOURS = "viridis"
LINE_COLOURS = {"loss": "#31688e", "accuracy": "#b5540b"}  # apart for colour-blind readers, too
NETWORK_COLOURS = ("#31688e", "#b5540b", "#3b7d4f", "#8e44ad", "#7f7f7f")  # likewise
WORST: dict[str, Any] = {
    "marker": "*",
    "color": "#e8175d",
    "markeredgecolor": "white",
    "markersize": 9,
}
CLEAN: dict[str, Any] = {
    "marker": "P",
    "color": "white",
    "markeredgecolor": "black",
    "markersize": 5.5,
}
MEASURED: dict[str, Any] = {
    "linestyle": "",
    "marker": ".",
    "color": "white",
    "alpha": 0.7,
    "markersize": 2.2,
    "markeredgewidth": 0,
}
NOT_FINITE = {"inf": "////", "-inf": "\\\\\\\\", "nan": "xxxx"}  # hatches
NOT_FINITE_MARKS = {"inf": "^", "-inf": "v", "nan": "x"}
NOT_FINITE_COLOURS: dict[str, Any] = {"facecolor": "#f2f2f2", "edgecolor": "#c2185b"}
OUTLINE = (patheffects.withStroke(linewidth=2.0, foreground="black", alpha=0.6),)
UNITS = {"degree": "°", "pixel": "px", "1": ""}

MOST = 400  # characters of a title or a name

NORMAL = ("font.size", "axes.titlesize", "axes.labelsize", "figure.titlesize")
SMALL = ("xtick.labelsize", "ytick.labelsize", "legend.fontsize")

Layout = Literal["constrained", "compressed"] | None

RC: Any = {  # matplotlib would have its keys as literals
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure on every machine
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#444444",
    "axes.titlepad": 4.0,
    "axes.labelpad": 2.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.4,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "image.interpolation": "nearest",
    "text.latex.preamble": r"\usepackage[T1]{fontenc}\usepackage{textcomp}",  # all Latin letters
    "pdf.fonttype": 42,  # TrueType: some venues refuse Type 3
    "svg.fonttype": "path",
    "svg.hashsalt": "landscape",  # the same file from the same numbers
    "axes3d.xaxis.panecolor": "white",
    "axes3d.yaxis.panecolor": "white",
    "axes3d.zaxis.panecolor": "white",
}


@contextmanager
def style() -> Iterator[None]:
    """Within the block matplotlib draws and saves in the package's style; after it, as before."""
    with mpl.rc_context():
        mpl.rcdefaults()  # the user's own settings must not change what a file looks like
        mpl.rcParams.update(RC)
        sizes: Any = dict.fromkeys(NORMAL, current_look().venue.normal)
        mpl.rcParams.update(sizes | dict.fromkeys(SMALL, small()))
        mpl.rcParams["text.usetex"] = current_look().latex
        yield


def column_width() -> float:
    """Inches of a figure in one column."""
    return current_look().venue.column


def page_width() -> float:
    """Inches of a figure across the page."""
    return current_look().venue.page


def small() -> float:
    """Points of what stands in small type."""
    return current_look().venue.small


def new_figure(width: float, height: float, layout: Layout = "constrained") -> Figure:
    """An empty figure, in inches, that belongs to no window and no pyplot."""
    return Figure(figsize=(width, height), layout=layout)


def axis_label(coordinate: xr.DataArray) -> str:
    """The long name of a coordinate or variable with its unit, e.g. "rotation (°)"."""
    symbol = unit_symbol(coordinate)
    return f"{long_name(coordinate)} ({symbol})" if symbol else long_name(coordinate)


def long_name(coordinate: xr.DataArray) -> str:
    """What a coordinate or variable is called in words."""
    return spelled(str(coordinate.attrs.get("long_name", coordinate.name)))


def spelled(name: str) -> str:
    """The name of a variable as words."""
    return literal(name.replace("_", " "), MOST)


def unit_symbol(coordinate: xr.DataArray) -> str:
    """The symbol of a coordinate's unit; empty for a pure number."""
    unit = str(coordinate.attrs.get("units", "1"))
    return UNITS.get(unit, literal(unit))


def setting(coordinate: xr.DataArray, value: float) -> str:
    """A coordinate held at a value, in words, e.g. "shift down = 2.8 px"."""
    symbol = unit_symbol(coordinate)
    space = "" if symbol in ("", "°") else " "
    text = f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
    return f"{long_name(coordinate)} = {text}{space}{symbol}"


def heading(data: xr.Dataset, *remarks: str, width: float) -> str:
    """The title of a figure and, on lines of their own, what a reader must know of it."""
    return titled(str(data.attrs.get("title", "")), unfinished(data), *remarks, width=width)


def titled(own: str, *remarks: str, width: float) -> str:
    """The title that the author chose, or a figure's own, and on lines of their own remarks."""
    chosen = current_look().title
    title = literal(own if chosen is None else chosen, MOST)
    lines = textwrap.wrap(title, int(width * 15), break_on_hyphens=False)
    return "\n".join([*lines, *(remark for remark in remarks if remark)])


def unfinished(data: xr.Dataset) -> str:
    """A remark on how much of the surface was computed; empty where all of it was."""
    share, size = share_done(data), data["done"].size
    if share == 1:
        return ""
    if ADAPTIVE in data.attrs:
        state = "adaptive" if data.attrs["complete"] else "unfinished"
        return f"{state}: {round(share * size)} of {size} points measured"
    return f"unfinished: {math.floor(100 * share)} % of {size} points"


def left_out(data: xr.Dataset, shown: xr.Dataset) -> str:
    """A remark on how many images of the file a figure shows; empty where it shows all.

    And empty where the figure has a title of its author, who chose the images.
    """
    if current_look().title is not None:
        return ""
    if shown.sizes["image"] == data.sizes["image"]:
        return ""
    return f"{shown.sizes['image']} of {data.sizes['image']} images"
