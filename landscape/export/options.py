"""Choices that apply to whatever is exported."""

import math
from dataclasses import dataclass
from pathlib import Path

from landscape.errors import InputError

HEIGHTS = {"linear": "the loss", "log": "the decimal logarithm of the loss"}


@dataclass(frozen=True)
class ExportOptions:
    """How surfaces are written.

    Attributes:
        height: what stands for the loss in files with three dimensions, a name in `HEIGHTS`.
        height_scale: units of the plane per nat, or per decade; by default what makes the height
            half of the wider side of the plane.
        highest: losses above this are cut off, in nats; None keeps all that are finite.
        width: of the wider side of what is printed, in millimetres.
        source: the file that holds the surface, whose directions some formats take along.
    """

    height: str = "linear"
    height_scale: float | None = None
    highest: float | None = None
    width: float = 100.0
    source: Path | None = None

    def __post_init__(self) -> None:
        if self.height not in HEIGHTS:
            raise InputError(f"expected a height of {' or '.join(HEIGHTS)}, got {self.height!r}")
        for name, value in (("height scale", self.height_scale), ("width", self.width)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"expected a positive {name}, got {value:g}")
        if self.highest is not None and not math.isfinite(self.highest):
            raise InputError(f"expected a finite loss to cut off at, got {self.highest:g}")
