"""Directions in weight space, one per axis of a surface."""

from landscape.directions.base import Around, DirectionKind, Drawn
from landscape.directions.made import Directions, regular
from landscape.directions.projection import Path
from landscape.directions.resolve import DIRECTIONS, IGNORE, DirectionSource, make_directions

__all__ = [
    "DIRECTIONS",
    "IGNORE",
    "Around",
    "DirectionKind",
    "DirectionSource",
    "Directions",
    "Drawn",
    "Path",
    "make_directions",
    "regular",
]
