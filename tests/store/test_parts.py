"""Parts of a grid: all of it, once, and no part larger than asked for."""

import math
from functools import partial

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from landscape.store import measured, slabs


@given(shape=st.lists(st.integers(1, 7), min_size=1, max_size=4), most=st.integers(1, 400))
def test_parts_hold_every_point_once_in_row_major_order(shape, most):
    sizes = dict(zip("abcd", shape, strict=False))
    numbers = xr.DataArray(np.arange(math.prod(shape)).reshape(shape), dims=tuple(sizes))
    parts = [numbers.isel(where) for where in slabs(sizes, most)]
    assert_array_equal(np.concatenate([part.values.ravel() for part in parts]), numbers.values.flat)
    assert all(part.size <= most for part in parts)


def test_parts_are_as_large_as_they_may_be():
    sizes = {"image": 100, "rotation": 31, "shift": 21}
    images = [where["image"] for where in slabs(sizes, 31 * 21 * 60)]
    assert images == [slice(0, 60), slice(60, 120)]


@pytest.mark.parametrize("dims", ["xyi", "ixy", "yix", "xyio"])
def test_the_measured_values_are_those_of_points_that_are_done(dims, monkeypatch):
    monkeypatch.setattr("landscape.store.parts.slabs", partial(slabs, most=7))
    sizes = {"x": 4, "y": 3, "i": 5, "o": 2}
    shape = [sizes[dim] for dim in dims]
    field = xr.DataArray(np.arange(math.prod(shape)).reshape(shape), dims=list(dims))
    done = xr.DataArray(np.arange(12).reshape(4, 3) % 3 != 1, dims=["x", "y"]).astype("int8")
    there = field.where(done == 1, -1).values
    for marks, values in ((done, there[there >= 0]), (None, field.values.ravel())):
        parts = list(measured(field, marks))
        assert len(parts) > 1
        assert_array_equal(np.sort(np.concatenate(parts)), values)
