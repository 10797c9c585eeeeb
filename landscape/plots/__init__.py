"""Figures of stored surfaces: for papers by matplotlib, to explore by plotly.

A plot is a file with `plot(data, *, ax)`, which draws one panel, and `figure(data, options)`, which
composes what is saved, and an entry in `PLOTS`. It starts from the stored surface alone. Matplotlib
and plotly are imported when something is drawn, since who sweeps has no use for them.
"""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import xarray as xr

from landscape.errors import InputError
from landscape.plots.options import PlotOptions
from landscape.plots.prepare import drawing, drawn_fields
from landscape.plots.save import save
from landscape.plots.venues import VENUES, current_look, look
from landscape.registry import lookup
from landscape.store import facts, swept_axes
from landscape.store.kinds import refuse_misfit

__all__ = [
    "PLOTS",
    "TOGETHER",
    "VENUES",
    "Plot",
    "PlotOptions",
    "draw",
    "draw_together",
    "facts_together",
    "look",
    "plots_for",
    "save",
    "write_plots",
    "write_together",
]

PAPER = ("png", "pdf", "svg")
PAGE = ("html",)


@dataclass(frozen=True)
class Plot:
    """A way to draw a surface.

    Attributes:
        kind: of the surfaces that it draws.
        axes: how many swept axes they have.
        formats: the suffixes that it can be saved under.
        source: "module:function" below `landscape.plots`, the function that draws.
        fields: how many quantities there must be, standard errors not counted.
    """

    kind: str
    axes: int
    formats: tuple[str, ...]
    source: str
    fields: int = 1

    def fits(self, data: xr.Dataset) -> bool:
        """Whether the plot can draw this surface."""
        known = data.attrs.get("kind") == self.kind and len(swept_axes(data)) == self.axes
        return known and (self.fields == 1 or len(drawn_fields(data)) >= self.fields)

    def figure(self, data: xr.Dataset, options: PlotOptions) -> Any:
        """The figure of a surface: matplotlib's for PNG, PDF and SVG, plotly's for HTML."""
        refuse_misfit(data)
        with drawing(data):
            return _made(self.source, data, options)


PLOTS: dict[str, Plot] = {
    "spatial-slices": Plot("spatial", 3, PAPER, "spatial_slices:figure"),
    "spatial-3d": Plot("spatial", 3, PAPER, "spatial_3d:figure"),
    "spatial-interactive": Plot("spatial", 3, PAGE, "interactive_spatial:figure"),
    "weight-contour": Plot("weights", 2, PAPER, "weight_contour:figure"),
    "weight-3d": Plot("weights", 2, PAPER, "weight_3d:figure"),
    "weight-fields": Plot("weights", 2, PAPER, "weight_fields:figure", fields=3),
    "weight-interactive": Plot("weights", 2, PAGE, "interactive_weights:plane"),
    "weight-line": Plot("weights", 1, PAPER, "weight_line:figure"),
    "weight-line-interactive": Plot("weights", 1, PAGE, "interactive_weights:line"),
    "weight-slices": Plot("weights", 3, PAPER, "weight_slices:figure"),
    "weight-volume": Plot("weights", 3, PAGE, "interactive_volume:volume"),
    "curve-line": Plot("curve", 1, PAPER, "weight_line:figure"),
    "curve-line-interactive": Plot("curve", 1, PAGE, "interactive_weights:line"),
    "tradeoff": Plot("tradeoff", 3, PAPER, "tradeoff:figure"),
}


TOGETHER: dict[str, Plot] = {
    "contours": Plot("weights", 2, PAPER, "together:contours"),
    "3d": Plot("weights", 2, PAPER, "together:in_3d"),
    "slices": Plot("spatial", 3, PAPER, "together_spatial:slices"),
    "spectra": Plot("spatial", 3, PAPER, "together_spatial:spectra"),
}
"""Figures of several surfaces on one scale, by name."""


def plots_for(data: xr.Dataset) -> list[str]:
    """The names of the plots that can draw a surface."""
    return [name for name, plot in PLOTS.items() if plot.fits(data)]


def draw(data: xr.Dataset, name: str, options: PlotOptions | None = None) -> Any:
    """The figure that a name in `PLOTS` stands for, of matplotlib or plotly; nothing is written.

    Raises:
        InputError: the name is unknown, or that plot does not draw this kind of surface.
    """
    plot = lookup(PLOTS, name, kind="plot")
    if not plot.fits(data):
        fitting = ", ".join(plots_for(data)) or "none"
        raise InputError(
            f"expected a {plot.kind} surface over {plot.axes} axes for the plot {name!r}, got a "
            f"{data.attrs.get('kind')} surface over {len(swept_axes(data))}; it can be drawn as: "
            f"{fitting}"
        )
    return plot.figure(data, options or PlotOptions())


def write_plots(
    data: xr.Dataset,
    *,
    stem: Path,
    names: Sequence[str] | None = None,
    formats: Sequence[str] = ("png", "pdf", "html"),
    images: Sequence[int] | None = None,
) -> list[Path]:
    """Draw a surface and write `<stem>-<plot>.<format>` for every plot in every format it has.

    Args:
        data: a stored surface; of one that was opened lazily (`store.open_surface`) no more is
            read than each figure shows.
        stem: folder and beginning of the file names.
        names: plots in `PLOTS`; None for all that fit.
        formats: suffixes among png, pdf, svg and html.
        images: indices, in the data set, of the images to show; None for the first ones.

    Returns:
        The files written, in that order.

    Raises:
        InputError: an unknown plot or format, an unsuitable one, or a path that cannot be written.
    """
    wanted = _suffixes(formats)
    options = PlotOptions(images=None if images is None else tuple(images))
    stem = Path(stem)
    written = []
    for name in plots_for(data) if names is None else names:
        suffixes = [
            suffix for suffix in wanted if suffix in lookup(PLOTS, name, kind="plot").formats
        ]
        figure = draw(data, name, options) if suffixes else None
        for suffix in suffixes:
            path = stem.with_name(f"{stem.name}-{name}.{suffix}")
            save(figure, path, data=data)
            written.append(path)
    if not written:
        possible = {name: ", ".join(PLOTS[name].formats) for name in names or plots_for(data)}
        offers = "; ".join(f"{name} as {formats}" for name, formats in possible.items())
        raise InputError(
            f"expected plots and formats that go together, got {', '.join(wanted) or 'no format'}; "
            f"there is {offers or 'no plot of this kind of surface'}"
        )
    return written


def write_together(
    surfaces: Mapping[str, xr.Dataset],
    *,
    stem: Path,
    names: Sequence[str] | None = None,
    formats: Sequence[str] = ("png", "pdf"),
    images: Sequence[int] | None = None,
) -> list[Path]:
    """Draw several surfaces on one scale and write `<stem>-<figure>.<format>` for `TOGETHER`.

    Args:
        surfaces: weight surfaces over two axes, or spatial ones of the same images, by the titles
            of their panels.
        stem: folder and beginning of the file names.
        names: figures in `TOGETHER`; None for all that fit.
        formats: suffixes among png, pdf and svg; html is passed over.
        images: see `write_plots`.

    Returns:
        The files written.

    Raises:
        InputError: no figure fits all surfaces, a format is unknown, none is one of these, or a
            path cannot be written.
    """
    figures = together_for(surfaces) if names is None else names
    options = PlotOptions(images=None if images is None else tuple(images))
    wanted = [suffix for suffix in _suffixes(formats) if suffix in PAPER]
    if not wanted:
        raise InputError(f"expected {', '.join(PAPER)}, got {', '.join(formats) or 'no format'}")
    stem, written = Path(stem), []
    for name in figures:
        try:
            figure = draw_together(surfaces, name, options)
        except InputError as error:  # such as of too few shifts for a spectrum
            if names is not None or name == figures[0]:
                raise
            warnings.warn(f"the figure {name!r} is left out: {error}", stacklevel=2)
            continue
        for suffix in wanted:
            path = stem.with_name(f"{stem.name}-{name}.{suffix}")
            save(figure, path, data=facts_together(surfaces))
            written.append(path)
    return written


def _suffixes(formats: Sequence[str]) -> list[str]:
    """Formats as the user wrote them, in lower case and without a dot."""
    known = {suffix: suffix for suffix in (*PAPER, *PAGE)}
    return [lookup(known, suffix.lower().lstrip("."), kind="figure format") for suffix in formats]


def together_for(surfaces: Mapping[str, xr.Dataset]) -> list[str]:
    """The names of the figures that can show these surfaces on one scale.

    Raises:
        InputError: there is none.
    """
    if not surfaces:
        raise InputError("expected one or more surfaces to draw together, got none")
    fitting = [n for n, plot in TOGETHER.items() if all(map(plot.fits, surfaces.values()))]
    if not fitting:
        kinds = [
            f"{name} is a {data.attrs.get('kind')} surface over {len(swept_axes(data))} axes"
            for name, data in surfaces.items()
        ]
        raise InputError(
            "expected weight surfaces over 2 axes, or spatial surfaces, to draw together, all of a "
            f"kind; {', '.join(kinds)}; leave out what does not fit"
        )
    return fitting


def draw_together(
    surfaces: Mapping[str, xr.Dataset], name: str, options: PlotOptions | None = None
) -> Any:
    """The figure of several surfaces that a name in `TOGETHER` stands for; nothing is written.

    Args:
        surfaces: by the titles of their panels.
        name: of the figure.
        options: which images of spatial surfaces it shows.

    Raises:
        InputError: the name is unknown, or that figure does not show these surfaces.
    """
    plot = lookup(TOGETHER, name, kind="figure of several surfaces")
    if name not in (fitting := together_for(surfaces)):
        raise InputError(
            f"expected {plot.kind} surfaces over {plot.axes} axes for the figure {name!r}; these "
            f"can be drawn as: {', '.join(fitting)}"
        )
    return _made(plot.source, surfaces, options or PlotOptions())


def facts_together(surfaces: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """The facts of several surfaces as those of one, to be saved with a figure of them."""
    every = {name: facts(data) for name, data in surfaces.items()}
    about = {"title": "surfaces on one scale", "surfaces": json.dumps(every, sort_keys=True)}
    return xr.Dataset(attrs=about)


def _made(source: str, *arguments: Any) -> Any:
    """A figure, its words in LaTeX's terms where LaTeX sets them."""
    figure = _function(source)(*arguments)
    if current_look().latex and hasattr(figure, "savefig"):
        from landscape.plots.latex import set_by_latex

        return set_by_latex(figure)
    return figure


def _function(source: str) -> Callable[..., Any]:
    module, _, function = source.partition(":")
    make: Callable[..., Any] = getattr(import_module(f"{__name__}.{module}"), function)
    return make
