"""Where other weights lie in the plane of some directions, and directions at right angles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from landscape.errors import InputError
from landscape.typing import Weights
from landscape.weights import inner, norm

VANISHED = 1e-6  # of a direction's length; what is left of it then is rounding


@dataclass(frozen=True)
class Path:
    """Checkpoints, marked in a surface.

    Attributes:
        names: of the checkpoints, in order.
        coordinates: of the nearest points of the surface's line, plane or volume.
        residuals: how far each is from there, relative to its distance from the centre.
        distances: from the centre, Euclidean.
    """

    names: tuple[str, ...]
    coordinates: Float[np.ndarray, "path axes"]
    residuals: Float[np.ndarray, " path"]
    distances: Float[np.ndarray, " path"]


def path_of(places: Mapping[str, Weights], vectors: Sequence[Weights]) -> Path:
    """Where displacements from the centre lie, by least squares.

    Args:
        places: displacements by name.
        vectors: the directions, at any angle to each other.
    """
    gram = np.array([[inner(a, b) for b in vectors] for a in vectors])
    rows, residuals, distances = [], [], []
    for step in places.values():
        products = np.array([inner(vector, step) for vector in vectors])
        row = np.linalg.lstsq(gram, products, rcond=None)[0]
        length, rest = norm(step), norm(_less(step, vectors, row.tolist()))
        rows.append(row)
        residuals.append(rest / length if length else 0.0)
        distances.append(length)
    found = np.array(rows, dtype=np.float64).reshape(len(places), len(vectors))
    of_each = (np.array(column, dtype=np.float64) for column in (residuals, distances))
    return Path(tuple(places), found, *of_each)


def orthogonalized(vectors: Sequence[Weights]) -> list[Weights]:
    """Each direction without its parts along the earlier ones, as long as it was before.

    Raises:
        InputError: a direction lies in the plane of the earlier ones.
    """
    found: list[Weights] = []
    for number, vector in enumerate(vectors):
        length, rest = norm(vector), vector
        for _ in range(2):  # the second time for what rounding left over
            factors = [inner(e, rest) / inner(e, e) for e in found]
            rest = _less(rest, found, factors)
        if not norm(rest) > VANISHED * length:
            raise InputError(
                f"direction {number + 1} lies in the span of the earlier ones, so that nothing is "
                "left of it at right angles to them; give other directions"
            )
        scale = length / norm(rest)
        found.append({name: tensor * scale for name, tensor in rest.items()} if found else vector)
    return found


def _less(vector: Weights, others: Sequence[Weights], factors: Sequence[float]) -> Weights:
    rest: dict[str, Tensor] = {}
    for name, tensor in vector.items():
        total = tensor.double()
        for other, factor in zip(others, factors, strict=True):
            total = total - factor * other[name].double()
        rest[name] = total.to(tensor)
    return rest
