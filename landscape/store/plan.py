"""Which points of a surface a sweep computes, and in what order."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from landscape.errors import InputError
from landscape.store.hdf5 import SurfaceWriter
from landscape.store.refine import INITIAL, Lattice, errors, wanted
from landscape.store.schema import ADAPTIVE, Layout

Batch = Int[np.ndarray, " n"]
"""Flat indices of points."""


@runtime_checkable
class Plan(Protocol):
    """Says which points come next; what it says depends on the values in the file alone."""

    def about(self) -> Mapping[str, Any]:
        """Facts that stand in the file from the start; JSON values."""

    def refuse(self, layout: Layout) -> None:
        """Raise InputError unless the plan can be followed, before there is a file."""

    def most(self, layout: Layout) -> int:
        """How many points there may be at the end."""

    def batches(self, writer: SurfaceWriter) -> Iterator[Batch]:
        """Points that the file lacks; asked for the next batch, it reads what the last one gave."""

    def outcome(self, writer: SurfaceWriter) -> Mapping[str, Any]:
        """Facts of the finished file; JSON values."""


@dataclass(frozen=True)
class Everything:
    """All points of the grid, coarse to fine."""

    def about(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def refuse(self, layout: Layout) -> None:
        """Nothing."""

    def most(self, layout: Layout) -> int:
        """The whole grid."""
        return math.prod(layout.grid_shape)

    def batches(self, writer: SurfaceWriter) -> Iterator[Batch]:
        """All that is missing at once."""
        if len(pending := writer.pending()):
            yield pending

    def outcome(self, writer: SurfaceWriter) -> Mapping[str, Any]:
        """Nothing."""
        return {}


@dataclass(frozen=True)
class Adaptive:
    """Points where interpolation between those measured so far errs most (`store.refine`).

    A coarse grid is always measured. The rest follows from the values of the first field, so that
    a run that is continued asks for the same points as one that was never interrupted.

    Attributes:
        tolerance: the estimated error of the interpolation that is left, as a share of the range
            of the finite values measured, both of log(1 + value), e.g. 0.01 for 1 %; None: none is
            small enough.
        budget: the most points that are measured, with the coarse grid; None: as many as it takes.
    """

    tolerance: float | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        if self.tolerance is not None and not 0 < self.tolerance < 1:
            raise InputError(
                f"expected a tolerance between 0 and 1, a share of the range of the losses, got "
                f"{self.tolerance:g}; 0.01 is 1 %"
            )
        if self.budget is not None and self.budget < 1:
            raise InputError(f"expected a budget of one or more points, got {self.budget}")

    def about(self) -> Mapping[str, Any]:
        """What was asked for."""
        return {ADAPTIVE: {"tolerance": self.tolerance, "budget": self.budget}}

    def refuse(self, layout: Layout) -> None:
        """Refuse many values a point, and a budget below the coarse grid.

        Below it nothing is known of how far predictions are off.
        """
        if layout.items or layout.fields[0].own:
            raise InputError(
                f"expected one value of {layout.fields[0].name} a point to choose points by, but a "
                f"{layout.kind!r} surface has many; leave tolerance and budget out"
            )
        coarse = int((_Ascending(layout).lattice.level_of <= INITIAL).sum())
        if self.budget is not None and self.budget < coarse:
            raise InputError(
                f"expected a budget of {coarse} points or more, which are always measured, got "
                f"{self.budget}"
            )

    def most(self, layout: Layout) -> int:
        """The budget, or the whole grid."""
        size = math.prod(layout.grid_shape)
        return size if self.budget is None else min(size, self.budget)

    def batches(self, writer: SurfaceWriter) -> Iterator[Batch]:
        """Round by round what is wanted; what the file holds already is read, not asked for."""
        order = _Ascending(writer.layout)
        known = np.zeros(order.lattice.shape, dtype=bool)
        while True:
            values, done = order.values(writer), order.done(writer)
            indices = wanted(order.lattice, values, known, self.tolerance or 0.0)
            if self.budget is not None:
                indices = indices[: self.budget - int(known.sum())]
            if not len(indices):
                return
            known.flat[indices] = True
            missing = indices[~done.flat[indices]]
            if len(missing):
                yield order.in_file(missing)

    def outcome(self, writer: SurfaceWriter) -> Mapping[str, Any]:
        """What was asked for, what it took, and the largest error that is expected to be left."""
        order = _Ascending(writer.layout)
        done = order.done(writer)
        left = float(errors(order.lattice, order.values(writer), done).max())
        return {ADAPTIVE: {**self.about()[ADAPTIVE], "points": int(done.sum()), "error": left}}


def plan_of(tolerance: float | None = None, budget: int | None = None) -> Plan:
    """Adaptive where a tolerance or a budget is given, else everything."""
    if tolerance is None and budget is None:
        return Everything()
    return Adaptive(tolerance, budget)


class _Ascending:
    """The grid of a layout with ascending coordinates, and the way back to the file's."""

    def __init__(self, layout: Layout) -> None:
        self._name, self._shape = layout.fields[0].name, layout.grid_shape
        self._orders = [np.argsort(axis.values) for axis in layout.points]
        self._place = np.ix_(*self._orders)
        self.lattice = Lattice(
            tuple(
                axis.values[order].astype(np.float64)
                for axis, order in zip(layout.points, self._orders, strict=True)
            )
        )

    def values(self, writer: SurfaceWriter) -> Float[np.ndarray, "..."]:
        return writer.values(self._name)[self._place].astype(np.float64)

    def done(self, writer: SurfaceWriter) -> Bool[np.ndarray, "..."]:
        return writer.done[self._place]

    def in_file(self, indices: Batch) -> Batch:
        where = np.unravel_index(indices, self._shape)
        back = [order[i] for order, i in zip(self._orders, where, strict=True)]
        return np.asarray(np.ravel_multi_index(back, self._shape))
