"""Training networks, so that a landscape has a model to be drawn around."""

from landscape.training.augment import Augment
from landscape.training.config import Precision, TrainConfig
from landscape.training.loop import TrainResult, train
from landscape.training.metrics import EpochMetrics, read_metrics
from landscape.training.recipes import RECIPES
from landscape.training.schedule import Cosine, Schedule, Step
from landscape.training.state import RunFolder

__all__ = [
    "RECIPES",
    "Augment",
    "Cosine",
    "EpochMetrics",
    "Precision",
    "RunFolder",
    "Schedule",
    "Step",
    "TrainConfig",
    "TrainResult",
    "read_metrics",
    "train",
]
