"""Barriers of losses whose excess over the straight line is known in closed form."""

import numpy as np
import pytest
import xarray as xr

from landscape.errors import InputError
from landscape.measures.barrier import barrier

FINE = np.linspace(0, 1, 101)


def line(of, where=FINE, dim="alpha"):
    values = of(where) if callable(of) else of
    return xr.DataArray(np.asarray(values, dtype=np.float64), {dim: where}, (dim,))


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.0), (0.5, 2.0), (2.0, -1.0)])
def test_a_parabola_on_a_tilted_line_has_its_own_height(first, second):
    found = barrier(line(lambda t: first + (second - first) * t + 12 * t * (1 - t)))
    assert found.value == pytest.approx(3.0)
    assert found.at == pytest.approx(0.5)
    assert (found.first, found.second) == pytest.approx((first, second))
    # Against the mean of the ends the top is where the slope of the line is made up for.
    top = 0.5 + (second - first) / 24
    highest = first + (second - first) * top + 12 * top * (1 - top)
    assert found.highest == pytest.approx(highest, abs=2e-3)
    assert found.over_mean == pytest.approx(highest - (first + second) / 2, abs=2e-3)


def test_below_the_line_there_is_no_barrier_and_only_the_mean_is_exceeded():
    found = barrier(line(lambda t: 1 + 2 * t - 3 * t * (1 - t)))
    assert (found.value, found.at) == (0.0, 0.0)
    assert found.over_mean == pytest.approx(1.0)
    assert found.highest == pytest.approx(3.0)


def test_rounding_of_the_line_is_no_barrier():
    ends = np.float32(0.1), np.float32(0.7)
    found = barrier(xr.DataArray(np.array(ends), {"t": [0.0, 1.0]}, ("t",)))
    assert found.value == 0.0


def test_order_direction_and_points_beyond_the_networks_do_not_matter():
    wide = np.linspace(-1, 2, 31)

    def hill(t):
        return np.where((t < -0.01) | (t > 1.01), 1e6, 1 + t + np.sin(np.pi * t) ** 2)

    plain = barrier(line(hill, np.linspace(0, 1, 11)))
    shuffled = line(hill, wide).isel(alpha=np.random.default_rng(0).permutation(31))
    found = barrier(shuffled)
    assert found.value == pytest.approx(plain.value)
    assert found.highest < 1e6
    back = barrier(line(lambda t: hill(1 - t), np.linspace(0, 1, 11)))
    assert back.value == pytest.approx(plain.value)
    assert (back.first, back.second) == pytest.approx((plain.second, plain.first))


def test_the_barrier_of_the_error_is_that_of_the_accuracy_that_is_lost():
    accuracy = line([0.9, 0.1, 0.7], np.array([0.0, 0.5, 1.0]), "t")
    found = barrier(1 - accuracy)
    assert found.value == pytest.approx(0.8 - 0.1)
    assert (found.first, found.second) == pytest.approx((0.1, 0.3))


@pytest.mark.parametrize("height", [np.inf, np.nan])
def test_what_is_not_finite_on_the_way_is_an_infinite_barrier_where_it_begins(height):
    found = barrier(line([1.0, 5.0, height, height, 2.0], np.linspace(0, 1, 5)))
    assert (found.value, found.over_mean, found.highest) == (np.inf,) * 3
    assert found.at == 0.5


@pytest.mark.parametrize("values", [[np.nan, 2.0, 1.0], [1.0, 2.0, np.inf]])
def test_from_an_end_without_a_finite_loss_nothing_can_be_said(values):
    found = barrier(line(values, np.array([0.0, 0.5, 1.0])))
    assert np.isnan([found.value, found.at, found.over_mean]).all()
    assert found.highest == np.inf


def test_surfaces_that_do_not_join_two_networks_are_refused():
    plane = xr.DataArray(np.zeros((2, 3)), {"alpha": [0, 1], "beta": [0, 1, 2]}, ("alpha", "beta"))
    with pytest.raises(InputError, match=r"one axis.*'alpha': 2, 'beta': 3"):
        barrier(plane)
    barrier(plane.sel(beta=0))
    with pytest.raises(InputError, match="one axis"):
        barrier(xr.DataArray([0.0, 1.0], dims="alpha"))
    with pytest.raises(InputError, match="alpha to hold 0, where one network is"):
        barrier(line(np.sin, np.array([0.5, 1.0])))
    with pytest.raises(InputError, match=r"alpha to hold 1, where the other.*0\.25 and 5 more"):
        barrier(line(np.sin, np.linspace(-1 / 12, 2 / 3, 10)))
