"""The trace of a Hessian or Gauss-Newton matrix, in all and by parameter, with its error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from landscape.curvature.gradient import BATCH
from landscape.curvature.operators import Curvature
from landscape.errors import InputError
from landscape.losses import LossLike
from landscape.numerics import RunningMean
from landscape.registry import lookup
from landscape.rng import generator
from landscape.typing import Inputs, Targets

Vector = Float[Tensor, " parameters"]
ByParameter = Float[np.ndarray, " names"]
Drawn = Float[np.ndarray, "draws names"]


@dataclass(frozen=True, eq=False)
class TraceEstimate:
    """A trace, which is the sum of all eigenvalues and of the second derivatives by each weight.

    Attributes:
        value: per unit of weight space squared, in units of the loss.
        standard_error: of the value, over the random vectors; nan of a single one.
        samples: products with the matrix that it took.
        by_parameter: the share of each parameter, by its name; they add up to the value.
    """

    value: float
    standard_error: float
    samples: int
    by_parameter: Mapping[str, float]


def trace(
    model: nn.Module,
    inputs: Inputs,
    targets: Targets,
    *,
    matrix: str = "hessian",
    method: str = "hutchinson",
    samples: int = 100,
    loss: LossLike = "cross-entropy",
    seed: int = 0,
    batch: int = BATCH,
) -> TraceEstimate:
    """An unbiased estimate of the trace of a matrix of second derivatives of a mean loss.

    In evaluation mode, with respect to all weights. Divided by the number of weights it is the mean
    eigenvalue.

    Args:
        model: any network; stays as it is.
        inputs: (N, ...).
        targets: (N, ...).
        matrix: a name in `MATRICES`.
        method: a name in `METHODS`.
        samples: products with the matrix.
        loss: see `LossLike`.
        seed: of the random vectors.
        batch: examples in a pass.

    Raises:
        InputError: what `Curvature` raises; a method that is not known; or too few samples for it.
    """
    draw = lookup(METHODS, method, kind="method for a trace")
    curvature = Curvature(model, inputs, targets, matrix=matrix, loss=loss, batch=batch)
    known, drawn = draw(curvature, samples, generator(seed, "trace"))
    running = RunningMean()
    running.add(drawn.sum(axis=1))
    mean = running.result()
    parts = known + drawn.mean(axis=0)
    by_parameter = dict(zip(curvature.weights, parts.tolist(), strict=True))
    value = float(known.sum()) + mean.value
    return TraceEstimate(value, mean.standard_error, samples, by_parameter)


def _hutchinson(curvature: Curvature, samples: int, draws: Generator) -> tuple[ByParameter, Drawn]:
    if samples < 1:
        raise InputError(f"expected at least one sample for a trace, got {samples}")
    drawn = []
    for _ in range(samples):
        vector = signs(curvature, draws)
        drawn.append(_shares(curvature, vector, curvature @ vector))
    return np.zeros_like(drawn[0]), np.stack(drawn)


def _hutch_plus_plus(
    curvature: Curvature, samples: int, draws: Generator
) -> tuple[ByParameter, Drawn]:
    """With Q a basis of A S and P = 1 - Q Q', A = Q Q' A + A Q Q' - Q Q' A Q Q' + P A P.

    The diagonal of all but the last is known from A Q, so that single parameters have their shares
    too.
    """
    if samples < 3:
        raise InputError(f"expected at least three samples for hutch++, got {samples}")
    sketch = torch.stack([curvature @ signs(curvature, draws) for _ in range(samples // 3)], dim=1)
    if not bool(sketch.isfinite().all()):  # no basis of it, and no trace
        return np.full(len(_sizes(curvature)), np.nan), np.zeros((2, len(_sizes(curvature))))
    basis = torch.linalg.qr(sketch).Q
    image = torch.stack([curvature @ column for column in basis.T], dim=1)
    inside = basis @ (basis.T @ image)
    known = sum(
        _shares(curvature, q, 2 * a - i) for q, a, i in zip(basis.T, image.T, inside.T, strict=True)
    )
    drawn = []
    for _ in range(samples - samples // 3 - basis.shape[1]):
        vector = signs(curvature, draws)
        product = curvature @ (vector - basis @ (basis.T @ vector))
        drawn.append(_shares(curvature, vector, product - basis @ (basis.T @ product)))
    return np.asarray(known), np.stack(drawn)


METHODS: dict[str, Callable[[Curvature, int, Generator], tuple[ByParameter, Drawn]]] = {
    "hutchinson": _hutchinson,
    "hutch++": _hutch_plus_plus,
}
"""By name, from a matrix and a number of products to what is known of the trace of each parameter's
block, and to draws of what is left. "hutchinson": v' A v for vectors of random signs (Hutchinson
1990). "hutch++": the trace within the space of a third of the products is known exactly, which pays
where few eigenvalues are large (Meyer, Musco, Musco and Woodruff 2021); takes the memory of as many
vectors."""


def signs(curvature: Curvature, draws: Generator) -> Vector:
    """A vector of random signs, one for each weight."""
    drawn = 2.0 * torch.randint(2, (curvature.size,), generator=draws) - 1
    return drawn.to(curvature.device, curvature.dtype)


def _shares(curvature: Curvature, a: Vector, b: Vector) -> ByParameter:
    """The inner product of two vectors, parameter by parameter, in float64."""
    pieces = (a.double() * b.double()).split(_sizes(curvature))
    return torch.stack([piece.sum() for piece in pieces]).cpu().numpy()


def _sizes(curvature: Curvature) -> list[int]:
    return [weight.numel() for weight in curvature.weights.values()]
