"""Interactive pages of stored surfaces, opened in the browser; nothing leaves the machine.

python scripts/explore.py surfaces/*.h5
"""

import webbrowser
from pathlib import Path

import tyro

import landscape


def main(
    surfaces: tyro.conf.Positional[tuple[Path, ...]],
    /,
    out: Path = Path("figures/explore"),
    browser: bool = True,
) -> None:
    """Write one self-contained page per surface and open it.

    Args:
        surfaces: HDF5 files of `landscape spatial` and `landscape weights`, finished or not.
        out: The folder for the pages.
        browser: Open them.
    """
    for surface in surfaces:
        with landscape.open_surface(surface) as data:
            pages = landscape.write_plots(data, stem=out / surface.stem, formats=("html",))
        for page in pages:
            print(page)
            if browser:
                webbrowser.open(page.resolve().as_uri())


if __name__ == "__main__":
    tyro.cli(main)
