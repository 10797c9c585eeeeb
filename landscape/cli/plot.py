"""`landscape plot`: figures of stored surfaces."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from landscape.cli.options import Files, Several, Unset, refuse_none
from landscape.cli.output import say, stems


def plot(
    files: Files,
    /,
    out: Unset[Path] = None,
    plots: Several[str] = (),
    formats: tuple[str, ...] = ("png", "pdf", "html"),
    images: Several[int] = (),
    together: bool = False,
    venue: str = "icml",
    latex: bool = False,
) -> None:
    """Figures of stored surfaces, for papers and as interactive pages that open offline.

    Works on unfinished files too: what is there is drawn. Of a file larger than memory only what a
    figure shows is read.

    Args:
        files: Surfaces computed by `landscape spatial` and `landscape weights`, and trade-offs.
        out: The folder to write to, where files of one name get folders of theirs; beside each file
            by default. With --together the folder and the beginning of the files' names; by default
            ./together.
        plots: Which plots; by default all that fit: spatial-slices, spatial-3d,
            spatial-interactive, weight-contour, weight-3d, weight-fields, weight-interactive,
            weight-line, weight-line-interactive, weight-slices, weight-volume, curve-line,
            curve-line-interactive, tradeoff; of several together: contours, 3d, slices, spectra.
        formats: png, pdf, svg for papers; html for interactive pages.
        images: Which images of a spatial surface, by their number in the data set; the first
            ones by default.
        together: Draw several surfaces side by side on one scale instead: weight planes as contours
            and in 3-D, spatial surfaces of the same images as slices and as spectra over shifts.
        venue: Whose sizes the figures for papers have: icml, neurips, iclr, cvpr, ieee, nature.
        latex: Let LaTeX set their type, in the fonts of the paper.
    """
    from landscape.plots import look, write_plots, write_together
    from landscape.store import open_surface
    from landscape.text import distinct_names

    refuse_none(files, "surface file to draw")
    chosen: Any = {"names": plots or None, "formats": formats, "images": images or None}
    with look(venue, latex=latex), ExitStack() as stack:
        if together:
            opened = [stack.enter_context(open_surface(file)) for file in files]
            surfaces = dict(zip(distinct_names(files), opened, strict=True))
            stem = out or Path("together")
            _tell(write_together(surfaces, stem=stem, **chosen))
            return
        for file, stem in zip(files, stems(files, out), strict=True):
            with open_surface(file) as data:
                _tell(write_plots(data, stem=stem, **chosen))


def _tell(written: list[Path]) -> None:
    for path in written:
        say(str(path))
