"""Running a network over many inputs, or over many weights."""

from landscape.engine.network import (
    MICRO_BATCH,
    PRECISIONS,
    Network,
    Scores,
    refuse_foreign_labels,
)
from landscape.engine.points import WeightPoints

__all__ = [
    "MICRO_BATCH",
    "PRECISIONS",
    "Network",
    "Scores",
    "WeightPoints",
    "refuse_foreign_labels",
]
