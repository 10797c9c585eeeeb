"""Which points of a grid to measure next, and what the others are worth.

The points of a grid stand in levels: the ends of the axes, then again and again the middles of what
the last level left. A level predicts the next one by cubic interpolation, and what was measured
there tells how wrong the prediction is; the error of what was not measured is estimated from the
errors around it and one level above. This is Harten's multiresolution (1995, "Multiresolution
algorithms for the numerical solution of hyperbolic conservation laws") with points that are
measured on demand. The cubic takes the harmonic mean of the two second differences it rests on
(Amat, Donat, Liandrat and Trillo 2006, "Analysis of a new nonlinear subdivision scheme"):
it does not swing at a kink, and where the curvature changes its sign it is the straight line.

Values are interpolated as they are, but errors are weighed as a picture shows them: on a scale that
is linear below 1 and logarithmic above, since the losses of one plane often span three decades and
what matters is in the lowest.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

INITIAL = 3  # the last level that is always measured: 9 points an axis
DECAY = 8.0  # by how much an error falls from one level to the next; 16 where all is smooth
SAFETY = 2.0  # estimates are this much above what was seen, since kinks fall by less
BATCH = 0.5  # points whose error is above this share of the largest are measured at once
FLAT = 4.0  # how many times flatter a parabola counts in part alone
ROUNDING = 1e-12  # differences below this share of the range are none

Step = tuple[int, tuple[np.ndarray, ...], Float[np.ndarray, "..."], Float[np.ndarray, "..."]]
"""A level, its place in the grid, what is predicted there, and that with what was measured."""


class Lattice:
    """The points of a grid in levels, coarse to fine, each of which holds the one before."""

    def __init__(self, coordinates: tuple[Float[np.ndarray, " _"], ...]) -> None:
        """Lay out the levels; the coordinates of each axis ascend."""
        self.coordinates = coordinates
        self.shape = tuple(len(axis) for axis in coordinates)
        axes = [_halvings(n) for n in self.shape]
        count = max(len(levels) for levels in axes)
        self.levels = [[own[min(k, len(own) - 1)] for own in axes] for k in range(count)]

    @cached_property
    def level_of(self) -> Int[np.ndarray, "..."]:
        """The first level that holds each point."""
        level = np.zeros(self.shape, dtype=np.int64)
        for k in reversed(range(len(self.levels))):
            level[self.place(k)] = k
        return level

    def place(self, k: int) -> tuple[np.ndarray, ...]:
        """What indexes a level in an array over the grid."""
        return np.ix_(*self.levels[k])


def fill(
    lattice: Lattice, values: Float[np.ndarray, "..."], known: Bool[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """The known values as they are, and between them what they predict.

    Nothing leaves the range of the finite values known. A point beside one that is nan or inf is
    not finite either.

    Args:
        lattice: of the grid.
        values: over the grid; looked at where known.
        known: over the grid; true on the first level.
    """
    filled = values[lattice.place(0)]
    for _, _, _, filled in _walk(lattice, values, known):  # noqa: B007
        pass
    return np.asarray(filled, dtype=np.float64)


def errors(
    lattice: Lattice, values: Float[np.ndarray, "..."], known: Bool[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """How far `fill` may be off, as a share of the range of the finite values known; 0 where known.

    Range and error are those of log(1 + value); of values below 0 the sign is kept. Between points
    that are finite and points that are not, all of the range is at stake.

    Args:
        lattice: of the grid.
        values: over the grid; looked at where known.
        known: over the grid; true on the first level.
    """
    low, high = _scaled(np.array(_range(values, known)))
    scale = float(high - low) if high > low else 1.0
    error = np.zeros(lattice.shape)
    above = np.zeros([len(axis) for axis in lattice.levels[0]])
    finite = np.isfinite(values[lattice.place(0)])
    for k, here, predicted, filled in _walk(lattice, values, known):
        new = lattice.level_of[here] == k
        measured = new & known[here]
        surplus = np.where(measured, _difference(filled, predicted, scale), 0.0)
        guess = np.maximum(_over_cells(lattice, k, above) / DECAY, _over_neighbours(surplus))
        border = _over_cells(lattice, k, finite) & _over_cells(lattice, k, ~finite)
        guess = np.where(border, scale, guess)
        above = np.where(measured, surplus, np.where(new, guess, 0.0))
        error[here] = np.where(new & ~measured, guess, error[here])
        finite = np.isfinite(filled)
    return np.asarray(np.minimum(SAFETY * error / scale, 1.0))


def wanted(
    lattice: Lattice,
    values: Float[np.ndarray, "..."],
    known: Bool[np.ndarray, "..."],
    tolerance: float,
) -> Int[np.ndarray, " n"]:
    """Flat indices of the points to measure next, the worst first; none where all is well.

    Args:
        lattice: of the grid.
        values: over the grid; looked at where known.
        known: what was measured so far.
        tolerance: estimated `errors` up to this are left.
    """
    level = lattice.level_of.ravel()
    missing = np.flatnonzero((level <= INITIAL) & ~known.ravel())
    if len(missing):
        return missing[np.argsort(level[missing], kind="stable")]
    error = errors(lattice, values, known).ravel()
    chosen = np.flatnonzero(error > max(tolerance, ROUNDING, BATCH * error.max()))
    return chosen[np.lexsort((level[chosen], -error[chosen]))]


def _halvings(n: int) -> list[Int[np.ndarray, " _"]]:
    """The indices of an axis, level by level."""
    levels = [np.unique([0, n - 1])]
    while len(levels[-1]) < n:
        ends = levels[-1]
        levels.append(np.unique(np.concatenate([ends, (ends[:-1] + ends[1:]) // 2])))
    return levels


def _range(values: Float[np.ndarray, "..."], known: Bool[np.ndarray, "..."]) -> tuple[float, float]:
    finite = values[known & np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _walk(
    lattice: Lattice, values: Float[np.ndarray, "..."], known: Bool[np.ndarray, "..."]
) -> Iterator[Step]:
    """Level by level what the one above predicts, from the second on."""
    low, high = _range(values, known)
    filled = values[lattice.place(0)].astype(np.float64)
    for k in range(1, len(lattice.levels)):
        here = lattice.place(k)
        predicted = filled
        for axis, x in enumerate(lattice.coordinates):
            coarse, fine = lattice.levels[k - 1][axis], lattice.levels[k][axis]
            if len(fine) > len(coarse):
                predicted = _interpolated(predicted, axis, x[coarse], x[fine])
        inside = np.clip(predicted, low, high)
        predicted = np.where(np.isfinite(predicted), inside, predicted)
        filled = np.where(known[here], values[here], predicted)
        yield k, here, predicted, filled


def _interpolated(
    values: Float[np.ndarray, "..."],
    axis: int,
    x: Float[np.ndarray, " n"],
    fine: Float[np.ndarray, " m"],
) -> Float[np.ndarray, "..."]:
    """Values at `x` along an axis, carried over to `fine`, which holds all of `x`."""
    v = np.moveaxis(values, axis, -1)
    right = np.searchsorted(x, fine)
    new = x[right] != fine
    b = right[new]
    a, at = b - 1, fine[new]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # inf and nan are data
        share = (at - x[a]) / (x[b] - x[a])
        line = (1 - share) * v[..., a] + share * v[..., b]
        bend = (at - x[a]) * (at - x[b]) * _curvature(v, x, a, at)
    out = v[..., right]
    out[..., new] = line + np.where(np.isfinite(bend), bend, 0.0)
    return np.moveaxis(out, -1, axis)


def _curvature(
    v: Float[np.ndarray, "... n"],
    x: Float[np.ndarray, " n"],
    a: Int[np.ndarray, " m"],
    at: Float[np.ndarray, " m"],
) -> Float[np.ndarray, "... m"]:
    """Second divided differences at points behind `x[a]`, of the parabolas to both sides.

    The arithmetic mean of both, weighted by distance, would give the cubic through four points.
    """
    if len(x) < 3:
        return np.zeros((*v.shape[:-1], len(a)))
    slope = np.diff(v) / np.diff(x)
    second = np.diff(slope) / (x[2:] - x[:-2])  # around x[1:-1]
    last = second.shape[-1] - 1
    left, right = second[..., np.clip(a - 1, 0, last)], second[..., np.clip(a, 0, last)]
    before, behind = x[np.maximum(a - 1, 0)], x[np.minimum(a + 2, len(x) - 1)]
    weight = (behind - at) / (behind - before)
    mean = np.where(left * right > 0, 1 / (weight / left + (1 - weight) / right), 0.0)
    if len(x) == 3:
        return mean
    return np.where((a == 0) | (a == last + 1), _at_the_ends(second, x, a == 0, at), mean)


def _at_the_ends(
    second: Float[np.ndarray, "... k"],
    x: Float[np.ndarray, " n"],
    first: Bool[np.ndarray, " m"],
    at: Float[np.ndarray, " m"],
) -> Float[np.ndarray, "... m"]:
    """What the cubic through the first or last four points says, halving or doubling at most.

    With one parabola alone the rim would be the worst part of a surface. Where the other one is
    much flatter, or bent the other way, it counts for ever less, so that nothing hangs on the last
    bit of a curvature near zero.
    """
    last, n = second.shape[-1] - 1, len(x)
    near = second[..., np.where(first, 0, last)]
    far = second[..., np.where(first, 1, last - 1)]
    reach = np.where(first, x[0] - x[3], x[-1] - x[-4])
    ratio, along = far / near, (at - x[np.where(first, 2, n - 3)]) / reach
    stretch = 1 + np.clip(FLAT * ratio, 0.0, 1.0) * (1 - ratio) * along
    return np.where(near == 0, 0.0, near * np.clip(stretch, 0.5, 2.0))


def _over_cells(lattice: Lattice, k: int, values: np.ndarray) -> np.ndarray:
    """Carry values on a level over to the next: the largest of the corners around each point."""
    for axis in range(values.ndim):
        coarse, fine = lattice.levels[k - 1][axis], lattice.levels[k][axis]
        right = np.searchsorted(coarse, fine)
        left = np.where(coarse[right] == fine, right, right - 1)
        values = np.maximum(values.take(left, axis), values.take(right, axis))
    return values


def _over_neighbours(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The largest of each value and those beside it, diagonally too."""
    for axis in range(values.ndim):
        line = np.moveaxis(values, axis, 0)
        wide = line.copy()
        wide[1:] = np.maximum(wide[1:], line[:-1])
        wide[:-1] = np.maximum(wide[:-1], line[1:])
        values = np.moveaxis(wide, 0, axis)
    return values


def _difference(
    measured: Float[np.ndarray, "..."], predicted: Float[np.ndarray, "..."], scale: float
) -> Float[np.ndarray, "..."]:
    """How far a prediction was off; the whole range where one is finite and the other is not."""
    here, there = np.isfinite(measured), np.isfinite(predicted)
    both, neither = here & there, ~here & ~there
    apart = _scaled(np.where(both, measured, 0.0)) - _scaled(np.where(both, predicted, 0.0))
    return np.where(both, np.abs(apart), np.where(neither, 0.0, scale))


def _scaled(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
