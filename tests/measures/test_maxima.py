"""Local maxima against a loop over all neighbours."""

import itertools

import numpy as np
import pytest
import xarray as xr

from landscape.measures.maxima import local_maxima


def by_loop(values: np.ndarray) -> np.ndarray:
    """Strictly higher than every neighbour."""
    found = np.zeros(values.shape, dtype=bool)
    moves = [m for m in itertools.product((-1, 0, 1), repeat=values.ndim) if any(m)]
    for place in np.ndindex(values.shape):
        near = [tuple(np.add(place, move)) for move in moves]
        inside = [n for n in near if all(0 <= i < k for i, k in zip(n, values.shape, strict=True))]
        found[place] = all(values[place] > values[n] for n in inside)
    return found


@pytest.mark.parametrize("shape", [(7,), (1, 9), (6, 5), (5, 4, 3), (3, 1, 4)])
def test_without_plateaus_they_are_those_of_the_loop(shape):
    values = np.random.default_rng(0).normal(size=(2, *shape))
    dims = ("rotation", "shift_x", "shift_y")[: len(shape)]
    found = local_maxima(xr.DataArray(values, dims=("image", *dims)))
    assert found.dims == ("image", *dims)
    for i in range(2):
        assert np.array_equal(found[i], by_loop(values[i]))


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([0, 1, 1, 0], 1),
        ([0, 1, 1, 2], 1),
        ([1, 1, 1, 1], 0),
        ([2, 1, 1, 2], 2),
        ([0, 1, 0, 1, 1], 2),
        ([0, np.inf, 0, np.inf], 2),
        ([0, np.nan, 0, 0], 1),
        ([1, 1, 2, 1, 1], 1),
        ([-np.inf, 0, -np.inf], 1),
        ([3], 0),
    ],
)
def test_plateaus_count_once_and_slopes_not_at_all(values, count):
    line = xr.DataArray(np.array(values, dtype=np.float64), dims="rotation")
    assert int(local_maxima(line).sum()) == count


def test_a_plateau_that_leads_up_at_one_end_is_no_maximum():
    values = np.zeros((4, 6))
    values[1:3, 1:5] = 1.0
    flat = xr.DataArray(values, dims=("rotation", "shift_x"))
    assert int(local_maxima(flat).sum()) == 1
    values[2, 5] = 2.0
    assert int(local_maxima(flat).sum()) == 1
    assert bool(local_maxima(flat)[2, 5])


def test_other_axes_may_be_named():
    data = xr.DataArray(np.eye(3), dims=("alpha", "beta"))
    assert int(local_maxima(data, dims=("alpha",)).sum()) == 3
