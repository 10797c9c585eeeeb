"""Parts of a surface that is larger than memory, one after the other."""

import itertools
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Shaped

POINTS = 2**19  # of a part: 2 to 4 MB of each quantity

Where = dict[Hashable, slice]
"""What is to be given to `isel`."""


def part_shape(shape: Sequence[int], most: int) -> tuple[int, ...]:
    """The largest part of so many points that takes as many of the last axes whole as fit.

    On the disk its points lie side by side.
    """
    behind = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    return tuple(max(1, min(n, most // rest)) for n, rest in zip(shape, behind, strict=True))


def slabs(sizes: Mapping[Hashable, int], most: int = POINTS) -> Iterator[Where]:
    """Selections that hold every point of a grid once, in row-major order.

    Args:
        sizes: of the dimensions, such as `DataArray.sizes`.
        most: points in a part.
    """
    counts = list(sizes.values())
    axes = [
        [slice(start, start + step) for start in range(0, n, step)]
        for n, step in zip(counts, part_shape(counts, most), strict=True)
    ]
    for place in itertools.product(*axes):
        yield dict(zip(sizes, place, strict=True))


def measured(
    field: xr.DataArray, done: xr.DataArray | None = None
) -> Iterator[Shaped[np.ndarray, " n"]]:
    """The values of a field that were measured, part by part, in no particular order.

    Args:
        field: over the grid, and over any further dimensions.
        done: 1 where points were computed; None: everywhere.
    """
    for where in slabs(field.sizes):
        part = field.isel(where).compute()
        if done is not None:
            there = done.isel(where, missing_dims="ignore")
            yield part.transpose(*there.dims, ...).values[there.values == 1].ravel()
        else:
            yield part.values.ravel()
