"""What commands say: results on standard output, through one console."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from landscape.text import distinct_names, printable

MOST = 2000  # characters of one text from a file


def console() -> Console:
    """Standard output, as wide as the terminal; plain text when it is not one."""
    return Console(highlight=False)


def say(text: str) -> None:
    """One line of plain text, wrapped by nobody."""
    console().print(printable(text), soft_wrap=True, markup=False)


def cell(text: str) -> str:
    """Text for a table, taken as it is: neither markup nor what steers a terminal."""
    from rich.markup import escape

    return escape(printable(text, MOST))


def stems(files: Sequence[Path], out: Path | None) -> list[Path]:
    """How the names of what is made of each file begin: beside it, or in a folder.

    Args:
        files: what something is made of.
        out: the folder, in which files of the same name keep the folders that tell them apart.
    """
    if out is None:
        return [file.parent / file.stem for file in files]
    return [out / name for name in distinct_names(files)]
