"""How a loss bends around trained weights: second derivatives, and rises within a radius."""

from landscape.curvature.along import curvature_along
from landscape.curvature.average import AverageSharpness, average_sharpness
from landscape.curvature.boxes import SCALES, Sharpness, sharpness
from landscape.curvature.density import SpectralDensity, spectral_density
from landscape.curvature.eigen import (
    ENDS,
    EigenPairs,
    ExtremeEigenvalues,
    eigenpairs,
)
from landscape.curvature.measures import Found, Measure, Reading, Task
from landscape.curvature.named import MEASURES, make_measure, settings_of
from landscape.curvature.operators import MATRICES, Curvature
from landscape.curvature.trace import METHODS, TraceEstimate, trace

__all__ = [
    "ENDS",
    "MATRICES",
    "MEASURES",
    "METHODS",
    "SCALES",
    "AverageSharpness",
    "Curvature",
    "EigenPairs",
    "ExtremeEigenvalues",
    "Found",
    "Measure",
    "Reading",
    "Sharpness",
    "SpectralDensity",
    "Task",
    "TraceEstimate",
    "average_sharpness",
    "curvature_along",
    "eigenpairs",
    "make_measure",
    "settings_of",
    "sharpness",
    "spectral_density",
    "trace",
]
