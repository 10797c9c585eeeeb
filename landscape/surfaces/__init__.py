"""What is measured: one class per kind of surface."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float, Shaped

from landscape.processes import ALONE, Group
from landscape.store import Layout
from landscape.surfaces.adversary import PLACES, adversary_of
from landscape.surfaces.checks import Check, failed
from landscape.surfaces.curve import CurveSurface
from landscape.surfaces.inputs import gather, gather_any, grid_axis, point_count
from landscape.surfaces.quantities import METRICS, QUANTITIES
from landscape.surfaces.spatial import SpatialSurface, pose_axes
from landscape.surfaces.tradeoff import TradeoffSurface
from landscape.surfaces.weights import BATCHNORM, Measured, WeightSurface


@runtime_checkable
class Surface(Protocol):
    """Knows what a point is worth; knows nothing of files and of who computes what."""

    layout: Layout

    def prepare(self, points: int, group: Group = ALONE) -> None:
        """Get ready to evaluate so many points, alike in all processes that do."""

    @property
    def points_per_call(self) -> int:
        """How many points `evaluate` likes to be given at once."""

    def run_facts(self) -> Mapping[str, Any]:
        """How the points were computed, for the reader of the file; JSON values."""

    def evaluate(
        self, points: Float[np.ndarray, "n axes"]
    ) -> Mapping[str, Shaped[np.ndarray, "n ..."]]:
        """The fields at points given by their coordinates, one row per point."""

    def checks(self, data: xr.Dataset) -> list[Check]:
        """Compare the whole stored surface with an independent computation."""


SURFACES: dict[str, Any] = {
    "spatial": SpatialSurface,
    "weights": WeightSurface,
    "tradeoff": TradeoffSurface,
    "curve": CurveSurface,
}

__all__ = [
    "BATCHNORM",
    "METRICS",
    "PLACES",
    "QUANTITIES",
    "SURFACES",
    "Check",
    "CurveSurface",
    "Measured",
    "SpatialSurface",
    "Surface",
    "TradeoffSurface",
    "WeightSurface",
    "adversary_of",
    "failed",
    "gather",
    "gather_any",
    "grid_axis",
    "point_count",
    "pose_axes",
]
