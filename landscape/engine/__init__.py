"""Running a network over many inputs, or over many weights, fast."""

from landscape.engine.alike import settle_alike
from landscape.engine.compute import COMPILE, PRECISIONS, Compute
from landscape.engine.folding import put
from landscape.engine.learning import LearningPass, learning_pays, leaves_some_out
from landscape.engine.network import MICRO_BATCH, Network
from landscape.engine.points import Sample, WeightPoints
from landscape.engine.prepare import placed
from landscape.engine.scores import OBJECTIVES, Scores, refuse_foreign_labels
from landscape.engine.watching import bn_between, has_batchnorm

__all__ = [
    "COMPILE",
    "MICRO_BATCH",
    "OBJECTIVES",
    "PRECISIONS",
    "Compute",
    "LearningPass",
    "Network",
    "Sample",
    "Scores",
    "WeightPoints",
    "bn_between",
    "has_batchnorm",
    "learning_pays",
    "leaves_some_out",
    "placed",
    "put",
    "refuse_foreign_labels",
    "settle_alike",
]
