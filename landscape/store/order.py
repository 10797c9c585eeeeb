"""Coarse to fine: the order in which the points of a grid are visited."""

import numpy as np
from jaxtyping import Int


def strides(shape: tuple[int, ...]) -> list[int]:
    """The strides of the levels, coarse to fine; the last is 1."""
    reach = max((n // 2 for n in shape), default=0)
    return [2**k for k in range(int(reach).bit_length(), -1, -1)]


def on_stride(n: int, stride: int) -> Int[np.ndarray, " m"]:
    """The indices of an axis of `n` points that a grid of that stride through the centre holds."""
    return np.arange(n // 2 % stride, n, stride)


def coarse_to_fine(shape: tuple[int, ...]) -> Int[np.ndarray, " points"]:
    """Flat, row-major indices of all points of a grid, ordered so that any start is a coarse grid.

    A point belongs to the first stride (the same for all axes) whose grid through the centre holds
    it; within a stride the points come in row-major order.
    """
    rank = np.full(shape, -1)
    for k, stride in enumerate(strides(shape)):
        grid = np.ix_(*(on_stride(n, stride) for n in shape))
        rank[grid] = np.where(rank[grid] < 0, k, rank[grid])
    return np.argsort(rank.ravel(), kind="stable")
