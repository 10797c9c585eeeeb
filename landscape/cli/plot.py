"""`landscape plot`: figures of stored surfaces."""

from contextlib import ExitStack
from pathlib import Path

import tyro

from landscape.cli.options import Unset
from landscape.cli.output import say


def plot(
    files: tyro.conf.Positional[tuple[Path, ...]],
    /,
    out: Unset[Path] = None,
    plots: tuple[str, ...] = (),
    formats: tuple[str, ...] = ("png", "pdf", "html"),
    images: tuple[int, ...] = (),
    together: bool = False,
    venue: str = "icml",
    latex: bool = False,
) -> None:
    """Figures of stored surfaces, for papers and as interactive pages that open offline.

    Works on unfinished files too: what is there is drawn. Of a file larger than memory only what a
    figure shows is read.

    Args:
        files: Surfaces computed by `landscape spatial` and `landscape weights`, and trade-offs.
        out: The folder to write to; beside each file by default.
        plots: Which plots; by default all that fit: spatial-slices, spatial-3d,
            spatial-interactive, weight-contour, weight-3d, weight-fields, weight-interactive,
            weight-line, weight-line-interactive, weight-slices, weight-volume, curve-line,
            curve-line-interactive, tradeoff.
        formats: png, pdf, svg for papers; html for interactive pages.
        images: Which images of a spatial surface, by their number in the data set; the first
            ones by default.
        together: Draw several surfaces side by side on one scale instead: weight planes as contours
            and in 3-D, spatial surfaces of the same images as slices and as spectra over shifts
            (--out is then the folder and beginning of the files' names).
        venue: Whose sizes the figures for papers have: icml, neurips, iclr, cvpr, ieee, nature.
        latex: Let LaTeX set their type, in the fonts of the paper.
    """
    from landscape.errors import InputError
    from landscape.plots import look, write_plots, write_together
    from landscape.store import open_surface
    from landscape.text import distinct_names

    if not files:
        raise InputError("expected at least one surface file to draw, got none")
    with look(venue, latex=latex), ExitStack() as stack:
        if together:
            opened = [stack.enter_context(open_surface(file)) for file in files]
            surfaces = dict(zip(distinct_names(files), opened, strict=True))
            _tell(write_together(surfaces, stem=out or Path("together"), formats=formats))
            return
        for file in files:
            with open_surface(file) as data:
                written = write_plots(
                    data,
                    stem=(out or file.parent) / file.stem,
                    names=plots or None,
                    formats=formats,
                    images=images or None,
                )
            _tell(written)


def _tell(written: list[Path]) -> None:
    for path in written:
        say(str(path))
