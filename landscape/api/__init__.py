"""The package in a few functions: compute a surface, read it, draw it."""

from landscape.api.curve import curve_surface
from landscape.api.figure import plot
from landscape.api.spatial import spatial_surface
from landscape.api.tradeoff import tradeoff
from landscape.api.weights import weight_surface

__all__ = ["curve_surface", "plot", "spatial_surface", "tradeoff", "weight_surface"]
