"""Training networks, so that a landscape has a model to be drawn around."""

from landscape.training.augment import Augment
from landscape.training.config import Precision, TrainConfig
from landscape.training.loop import train
from landscape.training.metrics import EpochMetrics, read_metrics
from landscape.training.recipes import RECIPES, SETTINGS, Recipe, Setting, recipe_config
from landscape.training.run import TrainResult
from landscape.training.schedule import Cosine, Schedule, Step
from landscape.training.state import RunFolder

__all__ = [
    "RECIPES",
    "SETTINGS",
    "Augment",
    "Cosine",
    "EpochMetrics",
    "Precision",
    "Recipe",
    "RunFolder",
    "Schedule",
    "Setting",
    "Step",
    "TrainConfig",
    "TrainResult",
    "read_metrics",
    "recipe_config",
    "train",
]
