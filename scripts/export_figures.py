"""Stored surfaces to the figures of a paper.

    python scripts/export_figures.py surfaces/*.h5 --out figures/paper --formats pdf png

The same surface gives the same bytes. Edit the choice of plots below to fit your paper.
"""

from pathlib import Path

import tyro

import landscape

PLOTS = {
    "spatial": ("spatial-slices", "spatial-3d"),
    "weights": ("weight-contour", "weight-3d"),
}


def main(
    surfaces: tyro.conf.Positional[tuple[Path, ...]],
    /,
    out: Path = Path("figures/paper"),
    formats: tuple[str, ...] = ("pdf", "png"),
) -> None:
    """Draw every surface.

    Args:
        surfaces: HDF5 files of `landscape spatial` and `landscape weights`.
        out: The folder for the figures.
        formats: pdf, png, svg.
    """
    for surface in surfaces:
        with landscape.open_surface(surface) as data:
            fitting = set(landscape.plots_for(data))
            names = [name for name in PLOTS[data.attrs["kind"]] if name in fitting]
            figures = landscape.write_plots(
                data, stem=out / surface.stem, names=names or None, formats=formats
            )
        for figure in figures:
            print(figure)


if __name__ == "__main__":
    tyro.cli(main)
