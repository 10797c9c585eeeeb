"""Krylov spaces of a symmetric matrix: what many of its eigenvalues are, from a few products."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

Vector = Float[Tensor, " parameters"]
Values = Float[np.ndarray, " values"]

RESTARTS, LEAST = 100, 24  # vectors in a basis that is restarted
SLACK = 10.0  # roundings within which a vector counts as lying in the space


class NotFiniteError(ArithmeticError):
    """A product was nan or infinite."""


class Krylov:
    """An orthonormal basis of the space of v, A v, A A v, ..., and the matrix A as seen in it.

    Every new vector is made orthogonal to all before it, twice (Giraud et al. 2005), so that no
    eigenvalue is found several times. Takes as much memory as `most + 1` vectors.

    Attributes:
        size: vectors in the basis that A was applied to.
        rest: how much of the last product lies outside the space.
        exhausted: whether a product lay in the space, so that the space holds all that A makes of
            its vectors.
    """

    def __init__(
        self, multiply: Callable[[Vector], Vector], start: Vector, most: int, draws: Generator
    ) -> None:
        """Begin with one vector.

        Args:
            multiply: the product with A.
            start: not zero; its type and device are those of the basis.
            most: vectors that A is applied to, no more than there are dimensions.
            draws: of what follows where the space is exhausted.
        """
        self._multiply, self._draws = multiply, draws
        self.basis = start.new_zeros(most + 1, len(start))
        self.basis[0] = start / start.norm()
        self._seen = np.zeros((most, most))
        self.size, self.rest, self.exhausted = 0, 0.0, False

    def extend(self) -> None:
        """Apply A once more.

        Raises:
            NotFiniteError: the product is not finite.
        """
        number = self.size
        new = self._multiply(self.basis[number])
        if not bool(new.isfinite().all()):
            raise NotFiniteError
        held = self.basis[: number + 1]
        new, seen = _orthogonal(new, held)
        self._seen[: number + 1, number] = self._seen[number, : number + 1] = seen
        self.size, self.rest = number + 1, float(new.norm())
        tiny = SLACK * torch.finfo(new.dtype).eps * float(np.abs(self._seen).max())
        if self.rest <= tiny:
            self.exhausted, self.rest = True, 0.0
            new = self._drawn()
        self.basis[self.size] = new / new.norm().clamp(min=torch.finfo(new.dtype).tiny)

    def eigen(self) -> tuple[Values, Float[np.ndarray, "values values"]]:
        """The eigenvalues of A as seen in the space, ascending, and its vectors in the basis."""
        values, vectors = np.linalg.eigh(self._seen[: self.size, : self.size])
        return values, vectors

    def vectors(
        self, combinations: Float[np.ndarray, "values kept"]
    ) -> Float[Tensor, "kept parameters"]:
        """Vectors of the space from their coordinates."""
        return torch.from_numpy(combinations.T).to(self.basis) @ self.basis[: self.size]

    def restart(
        self,
        values: Float[np.ndarray, " kept"],
        combinations: Float[np.ndarray, "all kept"],
        *,
        anew: bool = False,
    ) -> None:
        """Keep some eigenvectors alone (Wu and Simon 2000).

        Args:
            values: their eigenvalues.
            combinations: their coordinates in the basis.
            anew: go on from a random vector instead of from where the last product led.
        """
        kept = len(values)
        last = self.basis[self.size].clone()
        self.basis[:kept] = self.vectors(combinations)
        self._seen[:] = 0
        self._seen[range(kept), range(kept)] = values
        self.size = kept
        new = self._drawn() if anew else last
        self.basis[kept] = new / new.norm().clamp(min=torch.finfo(new.dtype).tiny)

    def _drawn(self) -> Vector:
        """A random vector outside the space; zero where the space is all there is."""
        drawn = torch.randn(self.basis.shape[1], generator=self._draws).to(self.basis)
        outside, _ = _orthogonal(drawn / drawn.norm(), self.basis[: self.size])
        return outside


def _orthogonal(
    vector: Vector, held: Float[Tensor, "n parameters"]
) -> tuple[Vector, Float[np.ndarray, " n"]]:
    """What of a vector lies outside the span of others, and its coordinates within."""
    seen = held.new_zeros(len(held))
    for _ in range(2):
        within = held @ vector
        vector = vector - within @ held
        seen += within
    return vector, seen.double().cpu().numpy()


def lanczos_ends(
    multiply: Callable[[Vector], Vector],
    start: Vector,
    *,
    low: int,
    high: int,
    tolerance: float,
    draws: Generator,
) -> tuple[Values, Float[Tensor, "values parameters"], bool]:
    """The smallest and the largest eigenvalues of a symmetric matrix, with their vectors.

    Thick-restart Lanczos (Wu and Simon 2000) from one vector. The space of one vector holds each
    eigenvalue once; where several are wanted, those that occur again are looked for from another.

    Args:
        multiply: the product with the matrix.
        start: decides the result within the tolerance.
        low: how many of the smallest.
        high: how many of the largest; with `low`, less than half the dimensions.
        tolerance: of residuals ||A v - lambda v||, as a share of the largest |lambda|.
        draws: of further vectors.

    Returns:
        The eigenvalues, ascending; their unit vectors; whether all are within the tolerance.

    Raises:
        NotFiniteError: a product is not finite.
    """
    count = low + high
    most = min(len(start), max(2 * count + 10, LEAST))
    space = Krylov(multiply, start, most, draws)
    least, before = count + 2, None
    for _ in range(RESTARTS):
        while space.size < most:
            space.extend()
            if space.size < least:
                continue
            values, combinations = space.eigen()
            wanted = _ends(space.size, low, high)
            found, limit = values[wanted], tolerance * np.abs(values).max()
            if (space.rest * np.abs(combinations[-1, wanted])).max() > limit:
                continue
            if max(low, high) == 1 or (
                before is not None and np.abs(found - before).max() <= limit
            ):
                return found, space.vectors(combinations[:, wanted]), True
            least, before = most, found
            space.restart(found, combinations[:, wanted], anew=True)
        spare = (most - count) // 2  # what is nearly wanted makes the rest converge sooner
        kept = _ends(most, low + spare * low // count, high + spare * high // count)
        space.restart(values[kept], combinations[:, kept])
    wanted = _ends(len(kept), low, high)
    return values[kept][wanted], space.vectors(np.eye(len(kept))[:, wanted]), False


def _ends(size: int, low: int, high: int) -> list[int]:
    return [*range(low), *range(size - high, size)]
