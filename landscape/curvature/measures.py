"""What can be told of the loss around trained weights in a few numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import nn

from landscape.curvature.average import average_sharpness
from landscape.curvature.boxes import sharpness
from landscape.curvature.density import spectral_density
from landscape.curvature.eigen import TOLERANCE, ExtremeEigenvalues
from landscape.curvature.gradient import mean_gradient
from landscape.curvature.trace import trace
from landscape.engine import Compute
from landscape.engine.prepare import private_copy
from landscape.errors import InputError
from landscape.losses import Loss
from landscape.typing import Inputs, Targets
from landscape.weights import norm

CLEAR = 0.01  # of the largest |eigenvalue|: what is nearer to zero counts as zero


@dataclass(frozen=True, eq=False)
class Task:
    """What measures look at, and how.

    Attributes:
        model: stays as it is.
        inputs: (N, ...).
        targets: (N, ...).
        loss: of outputs and targets.
        seed: of random vectors.
        compute: where and how.
    """

    model: nn.Module
    inputs: Inputs
    targets: Targets
    loss: Loss
    seed: int = 0
    compute: Compute = field(default_factory=Compute)

    @property
    def placed(self) -> tuple[nn.Module, Inputs, Targets]:
        """A copy of the model on the device that computes, with the data.

        Raises:
            InputError: another precision is asked for than the model's own.
        """
        if self.compute.precision != "fp32":
            raise InputError(
                "only sharpness and average are measured in other precisions than the model's own "
                f"(fp32), got {self.compute.precision}; leave it out, or measure these alone"
            )
        copy = private_copy(self.model, self.compute.device_for(self.model))
        return copy, self.inputs, self.targets


@dataclass(frozen=True)
class Reading:
    """One number.

    Attributes:
        name: a few words.
        value: as measured; nan and inf are data.
        units: as udunits writes them, "1" for none.
        meaning: one line for a reader.
        standard_error: of the value; None where no randomness has a part in it.
    """

    name: str
    value: float
    units: str
    meaning: str
    standard_error: float | None = None


@dataclass(frozen=True)
class Found:
    """What a measure found.

    Attributes:
        readings: numbers for a table.
        details: what else belongs into a file; JSON values.
    """

    readings: tuple[Reading, ...]
    details: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Measure(Protocol):
    """A frozen dataclass whose fields are its settings."""

    def __call__(self, task: Task) -> Found:
        """Measure."""


@dataclass(frozen=True)
class GradientNorm:
    """The length of the gradient: how near the weights are to a minimum."""

    def __call__(self, task: Task) -> Found:
        """`gradient norm`."""
        length = norm(mean_gradient(*task.placed, task.loss))
        meaning = "zero at a minimum"
        return Found((Reading("gradient norm", length, task.loss.units, meaning),))


@dataclass(frozen=True)
class Extremes:
    """The largest and the smallest eigenvalue.

    Attributes:
        matrix: a name in `MATRICES`.
        tolerance: of `eigenpairs`.
    """

    matrix: str = "hessian"
    tolerance: float = TOLERANCE

    def __call__(self, task: Task) -> Found:
        """The largest; of a Hessian both, and their ratio (Li et al. 2018)."""
        extremes = ExtremeEigenvalues(*task.placed, **vars(self), loss=task.loss, seed=task.seed)
        low, high = extremes.at()
        units = task.loss.units
        largest = Reading("largest eigenvalue", high, units, "how sharply the loss bends up")
        if self.matrix != "hessian":  # others have none below zero
            return Found((largest,))
        ratio = abs(low / high) if high else float("nan")
        smallest = Reading("smallest eigenvalue", low, units, "if negative: how it bends down")
        convexity = Reading("|smallest / largest|", ratio, "1", "0 where the loss is convex")
        return Found((largest, smallest, convexity))


@dataclass(frozen=True)
class Trace:
    """The sum of the eigenvalues.

    Attributes:
        matrix: a name in `MATRICES`.
        method: a name in `METHODS`.
        samples: products with the matrix.
    """

    matrix: str = "hessian"
    method: str = "hutchinson"
    samples: int = 100

    def __call__(self, task: Task) -> Found:
        """`trace`; by parameter in the details."""
        found = trace(*task.placed, **vars(self), loss=task.loss, seed=task.seed)
        meaning = "the sum of all eigenvalues"
        reading = Reading("trace", found.value, task.loss.units, meaning, found.standard_error)
        return Found((reading,), {"by_parameter": dict(found.by_parameter)})


@dataclass(frozen=True)
class Density:
    """The distribution of the eigenvalues.

    Attributes:
        matrix: a name in `MATRICES`.
        steps: nodes of each quadrature.
        vectors: of random signs.
        points: of the grid.
    """

    matrix: str = "hessian"
    steps: int = 50
    vectors: int = 3
    points: int = 1000

    def __call__(self, task: Task) -> Found:
        """Mean, spread and the share of those below zero; the density in the details."""
        found = spectral_density(*task.placed, **vars(self), loss=task.loss, seed=task.seed)
        mean, units = found.moment(1), task.loss.units
        spread = float(np.sqrt(max(0.0, found.moment(2) - mean**2)))
        below = found.share_below(-CLEAR * max(float(np.abs(x).max()) for x in found.nodes))
        readings = (
            Reading("mean eigenvalue", mean, units, "trace / number of weights"),
            Reading("spread of eigenvalues", spread, units, "their standard deviation"),
            Reading("share of negative ones", below, "1", "by 1 % of the largest, or more"),
        )
        details = {
            "eigenvalues": found.eigenvalues.tolist(),
            "density": found.density.tolist(),
            "nodes": [x.tolist() for x in found.nodes],
            "weights": [x.tolist() for x in found.weights],
            "width": found.width,
            "size": found.size,
        }
        return Found(readings, details)


@dataclass(frozen=True)
class WorstRise:
    """The rise of the loss by the worst change of the weights.

    Attributes:
        radius: in units of the scale.
        scale: a name in `SCALES`.
        steps: of the ascent.
    """

    radius: float = 0.002
    scale: str = "adaptive"
    steps: int = 20

    def __call__(self, task: Task) -> Found:
        """`worst rise`; the loss at the weights in the details."""
        found = sharpness(
            task.model,
            task.inputs,
            task.targets,
            **vars(self),
            loss=task.loss,
            compute=task.compute,
        )
        meaning = f"a lower bound, within {self.radius:g} x scale"
        reading = Reading("worst rise", found.rise, task.loss.units, meaning)
        return Found((reading,), {"loss": found.loss, "highest": found.highest})


@dataclass(frozen=True)
class AverageRise:
    """The mean rise of the loss under noise on the weights.

    Attributes:
        radius: standard deviation of the noise, in units of the scale.
        scale: a name in `SCALES`.
        draws: of the noise.
    """

    radius: float = 0.05
    scale: str = "adaptive"
    draws: int = 20

    def __call__(self, task: Task) -> Found:
        """`mean rise`; the loss at the weights in the details."""
        found = average_sharpness(
            task.model,
            task.inputs,
            task.targets,
            **vars(self),
            loss=task.loss,
            seed=task.seed,
            compute=task.compute,
        )
        meaning = f"under Gaussian noise of {self.radius:g} x scale"
        units, error = task.loss.units, found.standard_error
        return Found(
            (Reading("mean rise", found.rise, units, meaning, error),), {"loss": found.loss}
        )
