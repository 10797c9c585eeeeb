"""What commands say: results on standard output, through one console."""

from rich.console import Console


def console() -> Console:
    """Standard output, as wide as the terminal; plain text when it is not one."""
    return Console(highlight=False)


def say(text: str) -> None:
    """One line of plain text, wrapped by nobody."""
    console().print(text, soft_wrap=True, markup=False)
