"""Figures of surfaces with an adaptive grid."""

import matplotlib.text
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from landscape import store
from landscape.errors import InputError
from landscape.plots import PlotOptions, draw


def bowl(a, b):
    return 1 + 3 * a**2 + b**2 + 0.3 * np.abs(a - b)


@pytest.fixture
def whole(make_weights):
    return make_weights(bowl, (41, 33))


@pytest.fixture
def adaptive(whole, make_adaptive):
    return make_adaptive(whole)


def test_the_complete_part_is_the_whole_grid_measured_or_interpolated(whole, adaptive):
    part = store.complete_part(adaptive)
    done = adaptive["done"].values == 1
    assert 0.05 < done.mean() < 0.5
    assert part["loss"].shape == (41, 33)
    assert_array_equal(part["loss"].values[done], whole["loss"].values[done])
    assert_allclose(part["loss"], whole["loss"], atol=0.1)
    assert_allclose(part["accuracy"], 0.75)
    assert_array_equal(part["done"], adaptive["done"])
    assert store.complete_part(part).identical(part)


def test_the_order_of_the_coordinates_does_not_matter(adaptive):
    turned = adaptive.isel(alpha=slice(None, None, -1), beta=np.roll(np.arange(33), 7))
    assert store.complete_part(turned).identical(store.complete_part(adaptive))


def test_what_is_not_finite_is_shown_as_far_as_it_reaches(make_weights, make_adaptive):
    whole = make_weights(lambda a, b: np.where(a + b > 0.5, np.inf, bowl(a, b)))
    part = store.complete_part(make_adaptive(whole))
    assert_array_equal(np.isfinite(part["loss"]), np.isfinite(whole["loss"]))


def test_an_unfinished_file_is_interpolated_once_its_corners_are_there(adaptive):
    running = adaptive.assign_attrs(complete=0)
    assert np.isfinite(store.complete_part(running)["loss"]).all()
    running["done"][0, 0] = 0
    with pytest.raises(InputError, match="continue its sweep"):
        store.complete_part(running)


def test_contours_mark_what_was_measured_and_say_how_much(adaptive, whole):
    figure = draw(adaptive, "weight-contour", PlotOptions())
    dots = next(line for line in figure.axes[0].lines if line.get_label() == "measured")
    i, j = np.nonzero(adaptive["done"].values)
    places = adaptive["alpha"].values[i], adaptive["beta"].values[j]
    assert_array_equal(np.sort(dots.get_xydata(), axis=0), np.sort(np.stack(places, 1), axis=0))
    told = f"adaptive: {len(i)} of {41 * 33} points measured"
    assert any(told in t.get_text() for t in figure.findobj(matplotlib.text.Text))
    plain = draw(whole, "weight-contour", PlotOptions())
    assert not [line for line in plain.axes[0].lines if line.get_label() == "measured"]


def test_the_title_of_a_running_sweep_says_that_it_runs(adaptive):
    figure = draw(adaptive.assign_attrs(complete=0), "weight-3d", PlotOptions())
    told = f"unfinished: {int(adaptive['done'].sum())} of {41 * 33} points measured"
    assert any(told in t.get_text() for t in figure.findobj(matplotlib.text.Text))
