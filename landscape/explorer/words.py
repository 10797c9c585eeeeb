"""Text of files as it stands in a page, which shows it as it is, and numbers as one reads them."""

import math

from landscape.text import printable

MINUS, TIMES, TO = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"


def shown(text: str, most: int = 200) -> str:
    """Text from a file, with what steers or turns the writing spelled out."""
    return printable(text, most)


def number(value: float, digits: int = 4) -> str:
    """A number in a readout."""
    if math.isnan(value):
        return "nan"
    text = f"{value:.{digits}g}"
    return text.replace("-", MINUS) if "e" not in text else text


def coordinate(value: float, unit: str) -> str:
    """A coordinate with the symbol of its unit."""
    value = 0.0 if abs(value) < 1e-12 else value
    return number(value) + (unit if unit in ("", "°") else f" {unit}")
