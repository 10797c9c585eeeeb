"""What can be measured at a point of weight space beside the loss."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import nn

from landscape.curvature import ExtremeEigenvalues
from landscape.curvature.gradient import mean_gradient
from landscape.engine import put
from landscape.losses import Loss, correct
from landscape.store import Field
from landscape.typing import Inputs, Outputs, PerExample, Targets, Weights
from landscape.weights import norm


@dataclass(frozen=True)
class Metric:
    """A mean over the examples, with its standard error, for which no further pass is needed.

    Attributes:
        of: a value per example, from outputs and targets.
        units: as udunits writes them.
        long_name: a few words.
    """

    of: Callable[[Outputs, Targets], PerExample]
    units: str
    long_name: str


METRICS: dict[str, Metric] = {
    "accuracy": Metric(correct, "1", "share classified correctly"),
}


class Quantity(Protocol):
    """A number at a point that needs more than outputs; it sees the data as they are there."""

    fields: tuple[Field, ...]

    def __call__(self, state: Weights) -> Mapping[str, float]:
        """Its fields at a point.

        Args:
            state: the weights there, and the buffers that are not those of the model.
        """


class GradientNorm:
    """The Euclidean norm of the gradient of the mean loss, over all weights."""

    def __init__(self, model: nn.Module, inputs: Inputs, targets: Targets, loss: Loss) -> None:
        self.fields: tuple[Field, ...] = (
            Field("gradient_norm", "float64", loss.units, "norm of the gradient"),
        )
        self._twin, self._data, self._loss = copy.deepcopy(model).eval(), (inputs, targets), loss

    def __call__(self, state: Weights) -> Mapping[str, float]:
        """`gradient_norm`."""
        put(self._twin, state)
        return {"gradient_norm": norm(mean_gradient(self._twin, *self._data, self._loss))}


class HessianExtremes:
    """The smallest and the largest eigenvalue of the Hessian of the mean loss, over all weights.

    Their ratio is what Li et al. 2018 draw: where it is small in absolute value, the
    loss is nearly convex. Every point starts from the same random vector.
    """

    def __init__(self, model: nn.Module, inputs: Inputs, targets: Targets, loss: Loss) -> None:
        self.fields: tuple[Field, ...] = (
            Field("hessian_min", "float64", loss.units, "smallest Hessian eigenvalue"),
            Field("hessian_max", "float64", loss.units, "largest Hessian eigenvalue"),
        )
        self._extremes = ExtremeEigenvalues(model, inputs, targets, loss=loss)

    def __call__(self, state: Weights) -> Mapping[str, float]:
        """`hessian_min` and `hessian_max`."""
        smallest, largest = self._extremes.at(state)
        return {"hessian_min": smallest, "hessian_max": largest}


QUANTITIES: dict[str, Callable[[nn.Module, Inputs, Targets, Loss], Quantity]] = {
    "gradient_norm": GradientNorm,
    "hessian": HessianExtremes,
}
"""By name, what takes passes of its own at every point. To add one: a class, and a line here."""
