"""Means and intervals against numpy and scipy."""

import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from landscape.numerics import Mean, RunningMean, null_unless_finite, wilson_interval


def mean_of(batches: Iterable[np.ndarray]) -> Mean:
    running = RunningMean()
    for batch in batches:
        running.add(batch)
    return running.result()


def cut(values: np.ndarray, sizes: Iterable[int]) -> list[np.ndarray]:
    return np.split(values, np.cumsum(list(sizes)))


ragged = st.lists(
    st.lists(st.floats(-1e6, 1e6), max_size=7).map(lambda batch: np.array(batch, dtype=float)),
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(ragged)
def test_any_batches_give_numpys_mean_and_standard_error(batches):
    values = np.concatenate([np.empty(0), *batches])
    result = mean_of(batches)
    assert result.count == len(values)
    if len(values) == 0:
        assert math.isnan(result.value)
    else:
        assert result.value == pytest.approx(values.mean(), rel=1e-9, abs=1e-9)
    if len(values) < 2:
        assert math.isnan(result.standard_error)
    else:
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert result.standard_error == pytest.approx(error, rel=1e-6, abs=1e-6)


def test_a_short_last_batch_does_not_count_too_much():
    assert mean_of([np.array([1.0, 1, 1, 1]), np.array([6.0])]).value == pytest.approx(2)


def test_one_value_has_a_mean_and_no_error():
    result = mean_of([np.array([3.5])])
    assert (result.value, result.count) == (3.5, 1)
    assert math.isnan(result.standard_error)


def test_nothing_has_no_mean():
    for result in (mean_of([]), mean_of([np.empty(0), np.empty(0)])):
        assert math.isnan(result.value)
        assert result.count == 0


@settings(max_examples=50, deadline=None)
@given(st.permutations([np.array([1.0]), np.array([2.0, 4, 8]), np.empty(0), np.arange(5.0)]))
def test_the_order_of_the_batches_does_not_matter(batches):
    values = np.array([1.0, 2, 4, 8, 0, 1, 2, 3, 4])
    result = mean_of(batches)
    assert result.value == pytest.approx(values.mean(), rel=1e-14)
    assert result.standard_error == pytest.approx(values.std(ddof=1) / 3, rel=1e-14)


@pytest.mark.parametrize("sizes", [[], [1], [250, 1, 0, 700], [1] * 999])
def test_a_large_offset_leaves_the_error_right(sizes):
    noise = np.random.default_rng(0).normal(size=1000)
    result = mean_of(cut(1e9 + noise, sizes))
    exact = np.asarray(1e9 + noise - 1e9)  # what float64 keeps of the noise
    assert result.value - 1e9 == pytest.approx(exact.mean(), abs=1e-6)
    assert result.standard_error == pytest.approx(exact.std(ddof=1) / math.sqrt(1000), rel=1e-6)


def test_single_precision_values_are_summed_in_double():
    values = np.full(100_001, 0.1, dtype=np.float32)
    assert mean_of(cut(values, [3, 70_000])).value == pytest.approx(float(np.float32(0.1)), 1e-14)


@pytest.mark.parametrize(
    "special",
    [[math.inf], [-math.inf], [math.nan], [math.inf, -math.inf], [math.inf, math.inf]],
    ids=str,
)
@pytest.mark.parametrize("sizes", [[], [1], [2, 1], [1, 1, 1, 1]])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_values_that_are_not_finite_give_numpys_mean_wherever_they_stand(special, sizes, place):
    values = np.insert(np.array([1.0, 2.0, 3.0]), place, special)
    result = mean_of(cut(values, sizes))
    with np.errstate(invalid="ignore"):
        np.testing.assert_equal(result.value, values.mean())
    assert math.isnan(result.standard_error)
    assert result.count == len(values)


@pytest.mark.parametrize("trials", [1, 2, 10, 997, 10_000])
def test_wilsons_interval_is_scipys(trials):
    for successes in {0, 1, trials // 3, trials - 1, trials}:
        expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        low, high = wilson_interval(successes, trials)
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-7)
        share = successes / trials
        assert 0 <= low <= share + 1e-15
        assert share - 1e-15 <= high <= 1


def test_what_is_not_finite_is_null_wherever_it_stands():
    told = {"a": [1.5, math.nan, (2, -math.inf)], "b": {"c": math.inf, "d": "nan"}, "e": None}
    assert null_unless_finite(told) == {
        "a": [1.5, None, [2, None]],
        "b": {"c": None, "d": "nan"},
        "e": None,
    }
