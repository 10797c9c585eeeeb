"""The directions in which a training moved: principal components of its checkpoints."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from landscape.directions.base import Around, Drawn
from landscape.errors import InputError
from landscape.typing import Weights
from landscape.weights import difference

CHUNK = 2**20  # weights that are looked at together


def trajectory(around: Around, axes: Sequence[str]) -> Drawn:
    """Principal components of the checkpoints' displacements from the centre, of length one.

    The displacements are centred on their mean, as a principal component analysis is; the surface
    itself goes through the centre, the last of the path. What is not in it is the path's residual.

    Source: Li et al. 2018.

    Raises:
        InputError: there are not more checkpoints than axes, or they do not differ in so many ways.
    """
    steps = {n: difference(w, around.weights) for n, w in around.checkpoints.items()}
    count = len(axes)
    if len(steps) <= count:
        raise InputError(
            f"expected more than {count} checkpoints for {count} principal components, "
            f"got {len(steps)}; keep them with landscape train --keep-every 1"
        )
    gram = _centred(_gram(list(steps.values())))
    squares, combinations = (part[..., ::-1] for part in np.linalg.eigh(gram))
    total = float(np.trace(gram))
    if total <= 0 or squares[count - 1] <= 1e-10 * total:
        raise InputError(
            f"the checkpoints move along fewer than {count} directions; "
            "keep more of them, or draw fewer axes"
        )
    shares = [float(square) / total for square in squares[:count]]
    vectors = []
    for square, combination in zip(squares[:count], combinations.T[:count], strict=True):
        factors = (combination - combination.mean()) / np.sqrt(square)
        vectors.append(_combined(list(steps.values()), _towards_the_start(factors, gram)))
    labels = [f"PC {i + 1} ({share:.1%} of variance)" for i, share in enumerate(shares)]
    return Drawn(vectors, labels, {"explained_variance_ratio": shares}, steps)


def _gram(steps: Sequence[Weights]) -> Float[np.ndarray, "n n"]:
    """Inner products of all pairs, in float64 and a part of the weights at a time."""
    gram = torch.zeros(len(steps), len(steps), dtype=torch.float64)
    for part in _parts(steps):
        gram += part @ part.T
    return gram.numpy()


def _parts(steps: Sequence[Weights]) -> Iterator[Float[Tensor, "n part"]]:
    for name in steps[0]:
        columns = [step[name].reshape(-1).split(CHUNK) for step in steps]
        for pieces in zip(*columns, strict=True):
            yield torch.stack([piece.cpu().double() for piece in pieces])


def _centred(gram: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The inner products of the displacements less their mean."""
    rows = gram.mean(axis=0)
    return np.asarray(gram - rows[:, None] - rows[None, :] + gram.mean())


def _towards_the_start(
    factors: Float[np.ndarray, " n"], gram: Float[np.ndarray, "n n"]
) -> Float[np.ndarray, " n"]:
    """The sign under which the first checkpoint has a positive coordinate."""
    return -factors if float(gram[0] @ factors) < 0 else factors


def _combined(steps: Sequence[Weights], factors: Float[np.ndarray, " n"]) -> dict[str, Tensor]:
    found = {}
    for name, like in steps[0].items():
        total = torch.zeros(like.shape, dtype=torch.float64, device=like.device)
        for step, factor in zip(steps, factors.tolist(), strict=True):
            total.add_(step[name], alpha=factor)
        found[name] = total.to(like)
    return found
