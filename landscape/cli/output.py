"""What commands say: results on standard output, through one console."""

from rich.console import Console

from landscape.text import printable

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
