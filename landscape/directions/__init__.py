"""Directions in weight space, one per axis of a surface."""

from landscape.directions.resolve import DIRECTIONS, Directions, DirectionSource, make_directions

__all__ = ["DIRECTIONS", "DirectionSource", "Directions", "make_directions"]
