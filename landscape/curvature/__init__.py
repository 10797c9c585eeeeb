"""How a loss bends around trained weights: along directions, and at worst within a radius."""

from landscape.curvature.along import curvature_along
from landscape.curvature.boxes import SCALES, Sharpness, sharpness

__all__ = ["SCALES", "Sharpness", "curvature_along", "sharpness"]
