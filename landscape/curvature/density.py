"""How the eigenvalues of a Hessian or Gauss-Newton matrix are distributed."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, nn

from landscape.curvature.gradient import BATCH
from landscape.curvature.lanczos import Krylov, NotFiniteError
from landscape.curvature.operators import Curvature
from landscape.curvature.trace import signs
from landscape.errors import InputError
from landscape.losses import LossLike
from landscape.rng import generator
from landscape.typing import Inputs, Targets

WIDTH = 0.005  # of the range of the eigenvalues, unless a width is given
REACH = 5.0  # widths that the grid goes beyond the outermost nodes

Nodes = Float[np.ndarray, " nodes"]
Grid = Float[np.ndarray, " points"]


@dataclass(frozen=True, eq=False)
class SpectralDensity:
    """The density of the eigenvalues, as shares of all of them.

    Attributes:
        eigenvalues: the middles of cells of equal length, ascending.
        density: share of the eigenvalues per unit of eigenvalue, the mean over each cell, smoothed
            by a Gaussian; over all cells it adds up to one.
        nodes: of each random vector, where its quadrature has its weights.
        weights: of each random vector; they add up to one.
        width: standard deviation of the Gaussian, in units of eigenvalues.
        size: how many eigenvalues there are.
    """

    eigenvalues: Grid
    density: Grid
    nodes: tuple[Nodes, ...]
    weights: tuple[Nodes, ...]
    width: float
    size: int

    def moment(self, power: int) -> float:
        """The mean of a power of the eigenvalues; that of the first, times `size`, is the trace."""
        each = [float((w * x**power).sum()) for x, w in zip(self.nodes, self.weights, strict=True)]
        return sum(each) / len(each)

    def share_below(self, eigenvalue: float) -> float:
        """The share of the eigenvalues that are smaller, without smoothing."""
        each = [
            float(w[x < eigenvalue].sum()) for x, w in zip(self.nodes, self.weights, strict=True)
        ]
        return sum(each) / len(each)


def spectral_density(
    model: nn.Module,
    inputs: Inputs,
    targets: Targets,
    *,
    matrix: str = "hessian",
    loss: LossLike = "cross-entropy",
    steps: int = 100,
    vectors: int = 5,
    points: int = 1000,
    width: float | None = None,
    seed: int = 0,
    batch: int = BATCH,
) -> SpectralDensity:
    """The spectrum of a matrix of second derivatives of a mean loss, by stochastic quadrature.

    Lanczos' method from each of a few random vectors gives a Gaussian quadrature whose moments, up
    to twice the steps, are those of the vector (Ubaru, Chen and Saad 2017; Ghorbani, Krishnan and
    Xiao 2019; Yao et al. 2020). In evaluation mode, with respect to all weights. Takes
    `steps * vectors` products and the memory of `steps` vectors, each as large as all weights.

    Args:
        model: any network; stays as it is.
        inputs: (N, ...).
        targets: (N, ...).
        matrix: a name in `MATRICES`.
        loss: see `LossLike`.
        steps: nodes of each quadrature, fewer where there are not as many eigenvalues.
        vectors: of random signs.
        points: cells of the grid.
        width: standard deviation of the Gaussian that smooths; none: a share of the range.
        seed: of the random vectors.
        batch: examples in a pass.

    Raises:
        InputError: what `Curvature` raises; numbers out of range; or second derivatives that are
            not finite.
    """
    if min(steps, vectors, points) < 1 or not (width is None or 0 < width < math.inf):
        raise InputError(
            "expected at least one step, vector and point, and a positive width, got "
            f"steps={steps}, vectors={vectors}, points={points} and width={width}"
        )
    curvature = Curvature(model, inputs, targets, matrix=matrix, loss=loss, batch=batch)
    draws = generator(seed, "spectral density")
    try:
        found = [_quadrature(curvature, steps, draws) for _ in range(vectors)]
    except NotFiniteError as error:
        raise InputError(
            f"the second derivatives of the loss are nan or infinite at these weights, so the "
            f"{matrix} has no spectrum; look at the loss there first"
        ) from error
    nodes, weights = (tuple(column) for column in zip(*found, strict=True))
    low, high = min(x[0] for x in nodes), max(x[-1] for x in nodes)
    if width is None:
        width = WIDTH * (high - low) or WIDTH * (abs(high) or 1.0)
    edges = np.linspace(low - REACH * width, high + REACH * width, points + 1)
    density = np.mean([_smoothed(edges, *pair, width) for pair in found], axis=0)
    middles = (edges[1:] + edges[:-1]) / 2
    return SpectralDensity(middles, density, nodes, weights, width, curvature.size)


def _quadrature(curvature: Curvature, steps: int, draws: Generator) -> tuple[Nodes, Nodes]:
    """Nodes and weights of the quadrature of one random vector (Golub and Welsch 1969)."""
    most = min(steps, curvature.size)
    space = Krylov(curvature.__matmul__, signs(curvature, draws), most, draws)
    while space.size < most and not space.exhausted:
        space.extend()
    nodes, vectors = space.eigen()
    return nodes, vectors[0] ** 2


def _smoothed(
    edges: Float[np.ndarray, " edges"], nodes: Nodes, weights: Nodes, width: float
) -> Grid:
    """The mean density over each cell, which adds up however narrow the Gaussian is."""
    below = torch.special.ndtr(torch.from_numpy((edges[:, None] - nodes) / width)).numpy() @ weights
    return np.asarray(np.diff(below) / np.diff(edges))
