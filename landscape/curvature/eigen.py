"""The eigenvalues of a Hessian or Gauss-Newton matrix at the ends of its spectrum."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscape.curvature.gradient import BATCH
from landscape.curvature.lanczos import NotFiniteError, lanczos_ends
from landscape.curvature.operators import Curvature
from landscape.errors import InputError
from landscape.losses import LossLike
from landscape.registry import lookup
from landscape.rng import generator
from landscape.typing import Inputs, Targets, Weights

DENSE = 64  # weights up to which the matrix is formed
TOLERANCE = 1e-4

Rows = Float[Tensor, "count parameters"]

ENDS: dict[str, Callable[[int], tuple[int, int]]] = {
    "largest": lambda count: (0, count),
    "smallest": lambda count: (count, 0),
    "extremes": lambda count: (count // 2, count - count // 2),
    "magnitude": lambda count: (count, count),
}
"""How many eigenvalues from the low and the high end of the spectrum are needed. "extremes" takes
half from each end, "magnitude" those furthest from zero."""


@dataclass(frozen=True, eq=False)
class EigenPairs:
    """Eigenvalues with their eigenvectors, the largest first.

    Attributes:
        values: per unit of weight space squared, in units of the loss.
        vectors: one each, by the names of `named_parameters()`, of length one over all together;
            of its numbers the one furthest from zero is positive.
        residuals: ||A v - lambda v|| of each.
    """

    values: Float[np.ndarray, " count"]
    vectors: tuple[dict[str, Tensor], ...]
    residuals: Float[np.ndarray, " count"]


def eigenpairs(
    model: nn.Module,
    inputs: Inputs,
    targets: Targets,
    *,
    count: int = 1,
    matrix: str = "hessian",
    which: str = "largest",
    loss: LossLike = "cross-entropy",
    tolerance: float = TOLERANCE,
    seed: int = 0,
    batch: int = BATCH,
) -> EigenPairs:
    """Some eigenvalues and eigenvectors of a matrix of second derivatives of a mean loss.

    By Lanczos' method, which knows the matrix by its products with vectors; in evaluation mode,
    with respect to all weights. Takes the memory of 25 vectors or more, each as large as all
    weights together.

    Args:
        model: any network; stays as it is.
        inputs: (N, ...).
        targets: (N, ...).
        count: how many.
        matrix: a name in `MATRICES`.
        which: a name in `ENDS`.
        loss: see `LossLike`.
        tolerance: of the residuals, as a share of the largest |eigenvalue| of the matrix.
        seed: of the vector that it starts from.
        batch: examples in a pass.

    Raises:
        InputError: what `Curvature` raises; more eigenvalues than weights; second derivatives that
            are not finite; or eigenvalues that do not converge.
    """
    ends = lookup(ENDS, which, kind="end of the spectrum")
    curvature = Curvature(model, inputs, targets, matrix=matrix, loss=loss, batch=batch)
    if not 1 <= count <= curvature.size or tolerance <= 0:
        raise InputError(
            f"expected 1 to {curvature.size} eigenvalues, as many as there are weights, and a "
            f"positive tolerance, got count={count} and tolerance={tolerance}"
        )
    try:
        values, vectors, converged = _solve(curvature, *ends(count), tolerance, seed)
    except NotFiniteError as error:
        raise InputError(
            f"the second derivatives of the loss are nan or infinite at these weights, so the "
            f"{matrix} has no eigenvalues; look at the loss there first"
        ) from error
    if not converged:
        raise InputError(
            f"{count} eigenvalues ({which}) did not converge to {tolerance:g} of the largest; ask "
            "for fewer or give a larger tolerance"
        )
    if which == "magnitude":
        first = np.sort(np.argsort(-np.abs(values), kind="stable")[:count])
        values, vectors = values[first], vectors[torch.from_numpy(first)]
    return _pairs(curvature, values[::-1].copy(), vectors.flip(0))


class ExtremeEigenvalues:
    """The smallest and the largest eigenvalue at many weights of one network.

    Each is found from the same vector and depends on nothing but the weights, so that points may be
    visited in any order.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        targets: Targets,
        *,
        matrix: str = "hessian",
        loss: LossLike = "cross-entropy",
        tolerance: float = TOLERANCE,
        seed: int = 0,
        batch: int = BATCH,
    ) -> None:
        """Copy the model; the arguments are those of `eigenpairs`."""
        self._curvature = Curvature(model, inputs, targets, matrix=matrix, loss=loss, batch=batch)
        self._tolerance, self._seed = tolerance, seed

    def at(self, state: Weights | None = None) -> tuple[float, float]:
        """The smallest and the largest eigenvalue; both nan if a second derivative is not finite.

        Where they do not converge to the tolerance they are the best that was found.

        Args:
            state: weights and buffers by name, which stay until the next; others are as they were.
        """
        self._curvature.put(state or {})
        if not self._curvature.finite():
            return math.nan, math.nan
        try:
            values, _, _ = _solve(self._curvature, 1, 1, self._tolerance, self._seed)
        except NotFiniteError:
            return math.nan, math.nan
        return float(values[0]), float(values[-1])


def _solve(
    curvature: Curvature, low: int, high: int, tolerance: float, seed: int
) -> tuple[Float[np.ndarray, " values"], Rows, bool]:
    """The ends of the spectrum, ascending; of a small matrix from the matrix itself."""
    if curvature.size <= max(DENSE, 4 * (low + high)):
        values, vectors = np.linalg.eigh(_dense(curvature))
        low, high = min(low, len(values)), min(high, len(values))
        kept = sorted({*range(low), *range(len(values) - high, len(values))})
        return values[kept], torch.from_numpy(vectors[:, kept].T.copy()), True
    draws = generator(seed, "eigenvalues")
    start = torch.randn(curvature.size, generator=draws).to(curvature.device, curvature.dtype)
    return lanczos_ends(
        curvature.__matmul__, start, low=low, high=high, tolerance=tolerance, draws=draws
    )


def _dense(curvature: Curvature) -> Float[np.ndarray, "parameters parameters"]:
    unit = torch.eye(curvature.size, dtype=curvature.dtype, device=curvature.device)
    columns = torch.stack([curvature @ row for row in unit]).double().cpu().numpy()
    if not np.isfinite(columns).all():
        raise NotFiniteError
    return np.asarray((columns + columns.T) / 2)


def _pairs(curvature: Curvature, values: Float[np.ndarray, " count"], vectors: Rows) -> EigenPairs:
    found, residuals = [], []
    for value, row in zip(values, vectors.to(curvature.device, curvature.dtype), strict=True):
        vector = row / row.norm() * (1 if row[row.abs().argmax()] > 0 else -1)
        residuals.append(float((curvature @ vector - float(value) * vector).norm()))
        found.append(curvature.named(vector))
    return EigenPairs(values, tuple(found), np.array(residuals))
