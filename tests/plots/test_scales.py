import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from landscape.plots.scales import number, scale_of


@given(
    st.floats(1e-6, 1e6), st.floats(1.001, 1e5), st.booleans()
)  # smallest positive value, ratio, whether zeros are among the values
def test_levels_are_round_few_and_cover_the_range(low, ratio, zeros):
    values = np.array([low, low * ratio, *([0.0] if zeros else [])])
    scale = scale_of(values)
    levels = np.array(scale.levels)
    assert 4 <= len(levels) <= 15
    assert (np.diff(levels) > 0).all()
    assert levels[0] <= scale.low * (1 + 1e-9)
    assert levels[-1] >= scale.high * (1 - 1e-9)
    if scale.log:
        digits = levels / 10.0 ** np.floor(np.log10(levels * (1 + 1e-9)))
        assert set(np.round(digits, 6)) <= {1, 2, 3, 5}


def test_the_range_decides_between_linear_and_logarithmic():
    assert not scale_of(np.array([1.0, 99.0])).log
    assert scale_of(np.array([1.0, 101.0])).log
    assert scale_of(np.array([0.0, 1.0, 101.0])).log
    assert not scale_of(np.array([-1.0, 1.0, 1e6])).log
    assert not scale_of(np.array([1.0, 101.0]), log=False).log


def test_a_logarithmic_scale_says_what_it_leaves_out():
    scale = scale_of(np.array([0.0, 1e-9, 1.0, 10.0]))
    assert (scale.low, scale.below) == (pytest.approx(1e-5), True)
    assert not scale_of(np.array([0.01, 10.0])).below


def test_what_is_no_number_does_not_move_the_scale():
    values = np.array([1.0, 3.0, 2.0])
    assert scale_of(np.array([1.0, np.inf, 3.0, np.nan, 2.0, -np.inf])) == scale_of(values)


def test_a_spike_is_cut_only_where_asked_and_is_remembered():
    values = np.append(np.linspace(1, 2, 999), 500.0)
    assert scale_of(values, log=False).high == 500
    cut = scale_of(values, log=False, cut_spikes=True)
    assert (cut.high, cut.largest, cut.clipped) == (2, 500, True)
    assert not scale_of(values[:-1], cut_spikes=True).clipped


@pytest.mark.parametrize("value", [0.0, -3.0, 2.3, 1e-12, 1e12])
def test_a_constant_has_a_range(value):
    scale = scale_of(np.full(5, value))
    assert scale.low < value < scale.high
    assert not scale.clipped


def test_positions_are_even_and_within_the_range():
    scale = scale_of(np.array([0.0, 1e-9, 0.1, 100.0]))
    assert_allclose(scale.position(np.array([0.0, 1.0, 100.0, np.inf])), [-4, 0, 2, np.inf])
    assert scale.ends == (-4, 2)
    assert np.isnan(scale.position(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.25"),
        (-2.0, "\N{MINUS SIGN}2"),
        (0.0, "0"),
        (-0.0, "0"),
        (999.6, "1000"),
        (-1500.0, "\N{MINUS SIGN}1500"),
        (99960.0, "$10^{5}$"),
        (12345.0, "12345"),
        (1e6, "$10^{6}$"),
        (2.5e-7, r"$2.5\times10^{-7}$"),
        (np.inf, "inf"),
    ],
)
def test_numbers_are_written_as_a_reader_would(value, text):
    assert number(value) == text


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6), st.integers(2, 12), st.booleans())
def test_ticks_are_few_and_the_rounder_levels(low, span, most, log):
    values = np.array([abs(low) + 1e-3, abs(low) + span]) if log else np.array([low, low + span])
    scale = scale_of(values, log=log)
    ticks = scale.ticks(most)
    assert 1 <= len(ticks) <= most
    assert set(ticks) <= set(scale.levels)
    assert scale.low <= ticks[0] <= ticks[-1] <= scale.high
    inside = [level for level in scale.levels if scale.low <= level <= scale.high]
    if len(inside) <= most:
        assert ticks == inside
    elif not scale.log:
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        assert_allclose(np.diff(ticks), step)
        assert_allclose(np.round(np.array(ticks) / step), np.array(ticks) / step, atol=1e-6)
