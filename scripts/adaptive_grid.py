"""How many points of a weight surface does an adaptive grid need for the accuracy of a full one?

    landscape weights run/model.pt --out dense.h5 --alpha -1 1 201 --beta -1 1 201 --samples 300
    python scripts/adaptive_grid.py dense.h5

Sampling is replayed on surfaces that are known densely, so that no network is needed and every
error can be measured: of full grids with linear and with cubic interpolation, and of adaptive ones
on lattices of several finenesses. Prints tables in Markdown. A dense surface whose sweep is not
finished will do; what there is of it is the truth.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import (
    CloughTocher2DInterpolator,
    LinearNDInterpolator,
    RectBivariateSpline,
)

import landscape
from landscape.cli.options import Files, refuse_none
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.store.grid import complete_part
from landscape.store.refine import Lattice, errors, fill, wanted

FULL = (13, 17, 26, 34, 51)
DEGREES = {"linear": 1, "cubic": 3}
TOLERANCES = (0.01, 0.003, 0.001, 0.0003)


@dataclass(frozen=True)
class Truth:
    """A plane that is known densely.

    Attributes:
        name: of its file.
        x: coordinates of the first axis.
        y: of the second.
        loss: over both.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray

    def every(self, stride: int) -> "Truth":
        """Only every so manyth point."""
        return Truth(self.name, self.x[::stride], self.y[::stride], self.loss[::stride, ::stride])

    def errors(self, guess: np.ndarray) -> tuple[float, float, float]:
        """RMS and maximum relative to the range, and RMS of the natural logarithm."""
        off, scale = np.abs(guess - self.loss), float(np.ptp(self.loss))
        ratio = np.log(np.maximum(guess, self.loss.min()) / self.loss)
        return _rms(off) / scale, float(off.max()) / scale, _rms(ratio)

    def spread(self, x: np.ndarray, y: np.ndarray, loss: np.ndarray, method: str) -> np.ndarray:
        """Interpolate a coarser grid onto this one."""
        degree = DEGREES[method]
        return np.asarray(RectBivariateSpline(x, y, loss, kx=degree, ky=degree)(self.x, self.y))

    def full(self, m: int, method: str) -> tuple[float, float, float]:
        """Errors of a full grid of m x m points, which lie on points of this one."""
        i, j = (np.linspace(0, n - 1, m).round().astype(int) for n in self.loss.shape)
        loss = self.loss[np.ix_(i, j)]
        return self.errors(self.spread(self.x[i], self.y[j], loss, method))


@dataclass(frozen=True)
class Round:
    """The state after a round of an adaptive sweep.

    Attributes:
        known: which points were measured.
        guess: the whole grid as it is known then.
        estimate: the largest error that is expected to be left, relative to the range.
    """

    known: np.ndarray
    guess: np.ndarray
    estimate: float


def replay(truth: Truth, tolerance: float, budget: int) -> Iterator[Round]:
    """An adaptive sweep over a surface that is known already."""
    lattice = Lattice((truth.x, truth.y))
    known = np.zeros(lattice.shape, dtype=bool)
    while len(batch := wanted(lattice, truth.loss, known, tolerance)[: budget - known.sum()]):
        known.flat[batch] = True
        estimate = float(errors(lattice, truth.loss, known).max())
        yield Round(known.copy(), fill(lattice, truth.loss, known), estimate)


def needed(truth: Truth, stride: int, budget: int) -> list[int | None]:
    """Points until RMS, maximum, and RMS of the logarithm are those of the finest full grid."""
    goal, part = truth.full(FULL[-1], "linear"), truth.every(stride)
    first: list[int | None] = [None] * len(goal)
    for state in replay(part, 0.0, budget):
        reached = truth.errors(truth.spread(part.x, part.y, state.guess, "cubic"))
        for k, (error, limit) in enumerate(zip(reached, goal, strict=True)):
            if first[k] is None and error <= limit:
                first[k] = int(state.known.sum())
        if None not in first:
            break
    return first


def at_tolerances(truth: Truth, budget: int) -> Iterator[tuple[float, Round]]:
    """What a sweep to each tolerance ends with."""
    for tolerance in TOLERANCES:
        *_, last = replay(truth, tolerance, budget)
        yield tolerance, last


def reconstructed(truth: Truth, state: Round) -> dict[str, tuple[float, float, float]]:
    """Errors of other interpolations between the same points."""
    i, j = np.nonzero(state.known)
    points, grid = (
        np.stack([truth.x[i], truth.y[j]], 1),
        np.meshgrid(truth.x, truth.y, indexing="ij"),
    )
    others: dict[str, Callable[..., object]] = {
        "triangles": LinearNDInterpolator,
        "Clough-Tocher": CloughTocher2DInterpolator,
    }
    values = truth.loss[state.known]
    guesses = {name: np.asarray(of(points, values)(*grid)) for name, of in others.items()}
    return {name: truth.errors(guess) for name, guess in guesses.items()}


def report(truth: Truth) -> Iterator[str]:
    """The tables of one surface."""
    low, high, n = truth.loss.min(), truth.loss.max(), len(truth.x)
    yield f"## {truth.name}: {n} x {len(truth.y)} points, losses {low:.3g} to {high:.4g}\n"
    yield "| sampling | interpolation | points | RMS, % of range | largest, % | RMS of log |"
    yield "|---|---|---|---|---|---|"
    for m in (m for m in FULL if m < n):
        for method in ("linear", "cubic"):
            yield _row(f"full {m} x {m}", method, m * m, truth.full(m, method))
    budget = FULL[-1] ** 2
    for tolerance, state in at_tolerances(truth, budget):
        count, name = int(state.known.sum()), f"adaptive, tolerance {tolerance:.2%}"
        yield _row(name, "its own", count, truth.errors(state.guess))
        for other, figures in reconstructed(truth, state).items():
            yield _row(name, other, count, figures)
    yield f"\nPoints until an adaptive grid is as accurate as {FULL[-1]} x {FULL[-1]}, linear:\n"
    yield "| lattice | RMS | largest | RMS of log | share |"
    yield "|---|---|---|---|---|"
    for stride in (s for s in (4, 2, 1) if (n - 1) % s == 0 and n // s >= FULL[-1] // 2):
        counts = needed(truth, stride, budget)
        most = "" if None in counts else f"{max(c or 0 for c in counts) / budget:.0%}"
        shown = " | ".join("not reached" if c is None else str(c) for c in counts)
        yield f"| {len(truth.x[::stride])} x {len(truth.y[::stride])} | {shown} | {most} |"
    yield ""


def _row(sampling: str, method: str, points: int, figures: tuple[float, float, float]) -> str:
    rms, largest, log = figures
    return f"| {sampling} | {method} | {points} | {rms:.4%} | {largest:.3%} | {log:.4f} |"


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def main(surfaces: Files, /) -> None:
    """Compare adaptive with full grids.

    Args:
        surfaces: Weight surfaces over two axes, as dense as can be afforded.
    """
    refuse_none(surfaces, "weight surface")
    for path in surfaces:
        part = complete_part(landscape.load_surface(path))
        shape = part["done"].shape
        if len(shape) != 2 or min(shape) < FULL[-1]:
            raise landscape.InputError(
                f"expected a plane of at least {FULL[-1]} x {FULL[-1]} points, got "
                f"{' x '.join(map(str, shape))} in {path}; make one with landscape weights --points"
            )
        x, y = (part[axis].values for axis in part["done"].dims)
        truth = Truth(path.name, x, y, part["loss"].transpose(*part["done"].dims).values)
        for line in report(truth):
            print(line)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
