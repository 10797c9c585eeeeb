"""What venues of the field ask of figures: how wide, and how large the type."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from landscape.errors import InputError
from landscape.registry import lookup

INCH = 25.4  # millimetres


@dataclass(frozen=True)
class Venue:
    """Sizes in print.

    Attributes:
        column: width of a figure in one column, inches. Where pages have a single column: of one of
            two figures side by side.
        page: width of a figure across the page, inches.
        normal: size of titles and the names of axes, points.
        small: size of numbers, keys and labels, points.
    """

    column: float
    page: float
    normal: float = 8.0
    small: float = 7.0


VENUES: dict[str, Venue] = {
    "icml": Venue(3.25, 6.75),
    "neurips": Venue(2.65, 5.5),
    "iclr": Venue(2.65, 5.5),
    "cvpr": Venue(3.25, 6.875),
    "ieee": Venue(3.5, 7.16),
    "nature": Venue(89 / INCH, 183 / INCH, 7.0, 6.0),
}
"""From the authors' kits; Nature's guide to figures asks for 89 and 183 mm, and 5 to 7 points."""


@dataclass(frozen=True)
class Look:
    """For what a figure is made, and what its author wants otherwise.

    Attributes:
        venue: whose sizes it has.
        latex: whether LaTeX sets its type, in the fonts of the paper.
        title: that of the figure; the surface's own unless given.
        log: whether losses are spaced logarithmically; by their range unless given.
        view: elevation and azimuth from which surfaces in 3-D are seen, degrees.
    """

    venue: Venue = VENUES["icml"]
    latex: bool = False
    title: str | None = None
    log: bool | None = None
    view: tuple[float, float] = (32.0, -58.0)


_LOOK: ContextVar[Look | None] = ContextVar("look", default=None)


def current_look() -> Look:
    """What figures are made for here."""
    return _LOOK.get() or Look()


@contextmanager
def look(venue: str = "icml", **choices: Any) -> Iterator[None]:
    """Within the block figures are drawn and saved for a venue.

    Args:
        venue: a name in `VENUES`.
        choices: the other attributes of `Look`.

    Raises:
        InputError: the venue is unknown, or LaTeX is wanted and cannot be found.
    """
    chosen = Look(lookup(VENUES, venue, kind="venue"), **choices)
    if chosen.latex:
        _refuse_without_latex()
    token = _LOOK.set(chosen)
    try:
        yield
    finally:
        _LOOK.reset(token)


def _refuse_without_latex() -> None:
    if missing := [name for name in ("latex", "dvipng") if shutil.which(name) is None]:
        raise InputError(
            f"expected the programs latex and dvipng for type set by LaTeX, got no "
            f"{' and no '.join(missing)}; install a TeX distribution, or do without"
        )
