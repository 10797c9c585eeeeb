"""Adaptive grids on functions that are known."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from landscape.errors import InputError
from landscape.store import Axis, Field, Layout, SurfaceWriter, load_surface
from landscape.store.plan import Adaptive, Everything, plan_of
from landscape.store.refine import INITIAL, Lattice, errors, fill, wanted

SHAPES = [(51,), (2,), (1,), (51, 51), (20, 51), (1, 13), (9, 17, 6), (33, 1, 12)]


def grid(shape, low=-1.0, high=1.0):
    return tuple(np.linspace(low, high, n) if n > 1 else np.zeros(1) for n in shape)


def uneven(n, seed=0):
    return np.sort(np.random.default_rng(seed).uniform(-1, 1, n))


def measured(axes, values, tolerance=0.0, budget=None):
    """The points a sweep would end with; what it knows of the others is hidden from it."""
    lattice, known = Lattice(axes), np.zeros(values.shape, dtype=bool)
    while True:
        seen = np.where(known, values, np.nan)
        batch = wanted(lattice, seen, known, tolerance)
        batch = batch if budget is None else batch[: budget - known.sum()]
        if not len(batch):
            return lattice, known
        assert not known.flat[batch].any()
        assert len(set(batch.tolist())) == len(batch)
        known.flat[batch] = True


def scaled(values):
    return np.log1p(values)


def share_off(guess, values):
    """The largest error as the tolerance counts it."""
    return np.abs(scaled(guess) - scaled(values)).max() / np.ptp(scaled(values))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_levels_end_with_the_whole_grid_and_each_holds_the_one_before(shape):
    lattice = Lattice(grid(shape))
    assert [len(axis) for axis in lattice.levels[-1]] == list(shape)
    for above, below in pairwise(lattice.levels):
        for few, many, n in zip(above, below, shape, strict=True):
            assert set(few) <= set(many)
            assert {0, n - 1} <= set(few)
            assert np.diff(many).max(initial=1) <= (np.diff(few).max(initial=1) + 1) // 2


@pytest.mark.parametrize("shape", SHAPES)
def test_a_plane_needs_the_initial_points_alone(shape):
    axes = tuple(uneven(n, seed) for seed, n in enumerate(shape))
    values = 5 + sum(k * x for k, x in enumerate(np.meshgrid(*axes, indexing="ij"), start=1))
    lattice, known = measured(axes, values, tolerance=1e-9)
    assert_array_equal(known, lattice.level_of <= INITIAL)
    assert known.sum() == np.prod([min(n, 2**INITIAL + 1) for n in shape])
    assert_allclose(fill(lattice, values, known), values, rtol=1e-12)


def test_so_does_a_bowl_since_parabolas_are_exact():
    axes = uneven(40, 1), uneven(27, 2)
    x, y = np.meshgrid(axes[0] + 1, axes[1] + 1, indexing="ij")  # both ends are extremes
    values = 1 + x**2 + 0.7 * x * y + 3 * y**2
    lattice, known = measured(axes, values, tolerance=1e-9)
    assert_array_equal(known, lattice.level_of <= INITIAL)
    assert_allclose(fill(lattice, values, known), values, rtol=1e-11)


def limited(x, value, nodes, interval, m, near):
    """At the rim: the curvature of the cubic through four points, between half and twice that of
    the parabola next to it, if there is another of the same sign."""
    if len(nodes) < 4:
        return near
    inner = nodes[1:] if interval[0] == nodes[0] else nodes[:-1]
    if near * np.polyfit(x[inner], [value[j] for j in inner], 2)[0] <= 0:
        return near
    cubic = np.polyval(np.polyfit(x[nodes] - x[m], [value[j] for j in nodes], 3), 0.0)
    line = np.interp(x[m], x[list(interval)], [value[j] for j in interval])
    bend = (cubic - line) / ((x[m] - x[interval[0]]) * (x[m] - x[interval[1]]))
    return near * np.clip(bend / near, 0.5, 2.0)


def plainly_filled(x, values, known):
    """One axis, point by point: parabolas through the neighbours, their curvatures averaged."""
    value = {i: values[i] for i in (0, len(x) - 1)}
    low, high = values[known].min(), values[known].max()
    while len(value) < len(x):
        ends = sorted(value)
        finer = dict(value)
        for n, (a, b) in enumerate(pairwise(ends)):
            m = (a + b) // 2
            if m == a:
                continue
            bends = {}  # by the end they are around
            for i in (n, n + 1):
                if 0 < i < len(ends) - 1:
                    nodes = ends[i - 1 : i + 2]
                    bends[i] = np.polyfit(x[nodes], [value[j] for j in nodes], 2)[0]
            bend = 0.0
            if len(bends) == 2 and bends[n] * bends[n + 1] > 0:
                before, behind = x[ends[n - 1]], x[ends[n + 2]]
                w = (behind - x[m]) / (behind - before)
                bend = 1 / (w / bends[n] + (1 - w) / bends[n + 1])
            elif len(bends) == 1:
                (bend,) = bends.values()
                bend = limited(x, value, ends[:4] if n == 0 else ends[-4:], (a, b), m, bend)
            line = np.interp(x[m], x[[a, b]], [value[a], value[b]])
            guess = line + (x[m] - x[a]) * (x[m] - x[b]) * bend
            finer[m] = values[m] if known[m] else np.clip(guess, low, high)
        value = finer
    return np.array([value[i] for i in range(len(x))])


@given(n=st.integers(1, 24), seed=st.integers(0, 10_000), share=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_interpolation_along_an_axis_is_that_of_a_plain_loop(n, seed, share):
    rng = np.random.default_rng(seed)
    x, values, known = uneven(n, seed), rng.normal(size=n), rng.random(n) < share
    known[[0, -1]] = True
    got = fill(Lattice((x,)), np.where(known, values, np.nan), known)
    assert_allclose(got, plainly_filled(x, values, known), rtol=1e-6, atol=1e-7)


@given(shape=st.lists(st.integers(1, 9), min_size=1, max_size=3), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_measured_points_stay_as_they_are_and_nothing_leaves_their_range(shape, seed):
    rng = np.random.default_rng(seed)
    lattice = Lattice(tuple(uneven(n, seed) for n in shape))
    values = rng.normal(size=shape) ** 3
    known = (rng.random(shape) < 0.4) | (lattice.level_of == 0)
    got = fill(lattice, np.where(known, values, np.nan), known)
    assert_array_equal(got[known], values[known])
    assert got.min() >= values[known].min()
    assert got.max() <= values[known].max()


@given(seed=st.integers(0, 10_000), factor=st.sampled_from([-3.0, 0.1]))
@example(seed=421, factor=-3.0)  # a curvature that is zero but for rounding
@settings(max_examples=20, deadline=None)
def test_neither_units_nor_the_way_axes_run_matter(seed, factor):
    rng = np.random.default_rng(seed)
    shape = (9, 5, 2)  # the halvings of which are the same from both ends
    axes = tuple(uneven(n, seed) for n in shape)
    values, known = rng.normal(size=shape), rng.random(shape) < 0.5
    known |= Lattice(axes).level_of == 0
    there = fill(Lattice(axes), values, known)
    turned = tuple(7 - 2 * x[::-1] for x in axes)
    back = np.flip(fill(Lattice(turned), factor * np.flip(values), np.flip(known)))
    assert_allclose(back, factor * there, rtol=1e-9, atol=1e-12)


SMOOTH = {
    "a bump": lambda x, y: 3 * np.exp(-((x - 0.31) ** 2 + (y + 0.23) ** 2) / 0.05),
    "three decades": lambda x, y: np.exp(3 * ((x - 0.1) ** 2 + y**2)),
    "a valley": lambda x, y: 1 + 5 * (y - x**2) ** 2 + (1 - x) ** 2,
}


@pytest.mark.parametrize("tolerance", [0.02, 0.005])
@pytest.mark.parametrize("name", SMOOTH)
def test_the_tolerance_is_kept_on_smooth_functions_with_few_points(name, tolerance):
    axes = grid((101, 65))
    values = SMOOTH[name](*np.meshgrid(*axes, indexing="ij"))
    lattice, known = measured(axes, values, tolerance)
    assert errors(lattice, values, known).max() <= tolerance
    assert share_off(fill(lattice, values, known), values) <= 1.5 * tolerance
    assert known.mean() < 0.12


@pytest.mark.parametrize("width", [0.3, 0.1])
def test_points_go_where_they_help(width):
    """The same number of points on a full grid does worse, by the same interpolation."""
    axes = grid((129, 129))
    x, y = np.meshgrid(*axes, indexing="ij")
    values = 1 + np.exp(-(np.hypot(x - 0.4, y + 0.3) ** 2) / width**2)
    full = Lattice(axes).level_of <= 4
    lattice, known = measured(axes, values, budget=int(full.sum()))
    assert share_off(fill(lattice, values, known), values) < 0.5 * share_off(
        fill(lattice, values, full), values
    )


def test_a_kink_draws_the_points_towards_it():
    axes = grid((201,))
    values = 1 + np.abs(axes[0] - 0.237)
    lattice, known = measured(axes, values, tolerance=1e-3)
    extra = known & (lattice.level_of > INITIAL + 1)
    assert 0 < extra.sum() < 12
    assert np.abs(axes[0][extra] - 0.237).max() < 0.2
    assert share_off(fill(lattice, values, known), values) < 2e-3


def test_a_step_is_followed_across_a_plane_and_no_further():
    axes = grid((65, 65))
    x, y = np.meshgrid(*axes, indexing="ij")
    values = np.where(x + 0.4 * y > 0.13, 2.0, 1.0)
    lattice, known = measured(axes, values, tolerance=0.01)
    assert_array_equal(fill(lattice, values, known), values)
    assert known.mean() < 0.25
    assert known[lattice.level_of > INITIAL + 1].any()


@given(
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    seed=st.integers(0, 10_000),
    bad=st.sampled_from([(), (np.inf,), (np.nan, -np.inf, np.inf)]),
)
@settings(max_examples=40, deadline=None)
def test_without_tolerance_what_is_not_measured_is_right(shape, seed, bad):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape)
    for number in bad:
        values[rng.random(shape) < 0.2] = number
    lattice, known = measured(tuple(uneven(n, seed) for n in shape), values)
    got = fill(lattice, np.where(known, values, np.nan), known)
    assert_array_equal(np.isfinite(got), np.isfinite(values))
    assert_array_equal(got[known], values[known])
    assert errors(lattice, values, known).max() <= 1e-12


@pytest.mark.parametrize("number", [np.inf, np.nan])
def test_the_border_of_what_is_finite_is_found_to_the_point(number):
    axes = grid((65, 65))
    x, y = np.meshgrid(*axes, indexing="ij")
    values = np.where(np.hypot(x, y) < 0.8, 1 + x, number)
    lattice, known = measured(axes, values, tolerance=0.05)
    assert known.mean() < 0.25
    assert_array_equal(np.isfinite(fill(lattice, values, known)), np.isfinite(values))
    few = measured(axes, values, budget=300)[1]
    assert few.sum() == 300


@pytest.mark.parametrize("number", [np.inf, np.nan, 0.0, 1e300])
def test_a_plane_of_nothing_but_one_value_needs_no_more(number):
    axes = grid((33, 33))
    lattice, known = measured(axes, np.full((33, 33), number))
    assert_array_equal(known, lattice.level_of <= INITIAL)
    assert_array_equal(fill(lattice, np.full((33, 33), number), known), number)


@pytest.mark.parametrize("budget", [4, 50, 81, 82, 400])
def test_a_budget_is_used_up_and_not_exceeded(budget):
    axes = grid((41, 33))
    values = np.random.default_rng(0).normal(size=(41, 33))
    assert measured(axes, values, budget=budget)[1].sum() == budget


def layout_of(axes, **changes):
    points = tuple(Axis(n, x, "1", n) for n, x in zip("xyz", axes, strict=False))
    about = {"title": "a plane"}
    fields = (Field("loss", "float64", "nat", "loss"),)
    return replace(Layout("weights", points, fields, about=about), **changes)


def stored(path, layout, function, plan, stop=None):
    """Follow a plan in a file, for so many points at most; how many were computed."""
    count = 0
    with SurfaceWriter(path, layout) as writer:
        for batch in plan.batches(writer):
            if writer.complete:
                writer.reopen()
            part = batch if stop is None else batch[: stop - count]
            if len(part):
                writer.write(part, {"loss": function(*layout.coordinates(part).T)})
            count += len(part)
            if count == stop:
                return count
        writer.finish(plan.outcome(writer))
    return count


def ripple(x, y):
    return 1 + np.hypot(x - 0.2, y) + np.sin(5 * x * y)


@pytest.mark.parametrize("stop", [3, 81, 100])
@pytest.mark.parametrize("plan", [Adaptive(0.004), Adaptive(budget=130)], ids=str)
def test_a_run_that_was_stopped_measures_the_same_points(tmp_path, plan, stop):
    layout = layout_of(grid((17, 20)))
    whole = stored(tmp_path / "whole.h5", layout, ripple, plan)
    assert stored(tmp_path / "two.h5", layout, ripple, plan, stop) == stop < whole
    assert stored(tmp_path / "two.h5", layout, ripple, plan) == whole - stop
    first, second = (load_surface(tmp_path / name) for name in ("whole.h5", "two.h5"))
    assert first.identical(second)
    assert int(first.done.sum()) == whole


def test_a_looser_plan_adds_nothing_and_a_stricter_one_only_what_is_missing(tmp_path):
    layout, path = layout_of(grid((17, 17))), tmp_path / "s.h5"
    first = stored(path, layout, ripple, Adaptive(0.01))
    for plan in (Adaptive(0.02), Adaptive(0.01), Adaptive(0.01, 2000), Adaptive(budget=first)):
        assert stored(path, layout, ripple, plan) == 0
    assert 0 < stored(path, layout, ripple, Adaptive(0.004)) < 17**2 - first
    before = int(load_surface(path).done.sum())
    assert stored(path, layout, ripple, Everything()) == 17**2 - before
    whole = load_surface(path)
    x, y = np.meshgrid(whole.x, whole.y, indexing="ij")
    assert_array_equal(whole.loss, ripple(x, y))
    assert "adaptive" not in whole.attrs


def test_what_another_sweep_measured_is_not_measured_again(tmp_path):
    layout = layout_of(grid((17, 17)))
    alone = stored(tmp_path / "a.h5", layout, ripple, Adaptive(0.01))
    stored(tmp_path / "b.h5", layout, ripple, Everything(), stop=100)
    assert stored(tmp_path / "b.h5", layout, ripple, Adaptive(0.01)) < alone
    a, b = (load_surface(tmp_path / name).done.values == 1 for name in ("a.h5", "b.h5"))
    assert b[a].all()


@pytest.mark.parametrize("flips", [(1, -1), (-1, 1), (-1, -1)])
def test_the_order_of_the_coordinates_does_not_matter(tmp_path, flips):
    axes = uneven(12), uneven(20, 1)
    stored(tmp_path / "a.h5", layout_of(axes), ripple, Adaptive(0.01))
    turned = layout_of([x[::flip] for x, flip in zip(axes, flips, strict=True)])
    stored(tmp_path / "b.h5", turned, ripple, Adaptive(0.01))
    a, b = (load_surface(tmp_path / name).sortby(["x", "y"]) for name in ("a.h5", "b.h5"))
    assert_array_equal(a.done, b.done)
    assert_array_equal(a.loss, b.loss)


def test_the_finished_file_tells_how_its_points_were_chosen(tmp_path):
    layout, path = layout_of(grid((17, 17))), tmp_path / "s.h5"
    count = stored(path, layout, ripple, Adaptive(0.01, 900))
    data = load_surface(path)
    told = json.loads(data.attrs["adaptive"])
    assert (told["tolerance"], told["budget"], told["points"]) == (0.01, 900, count)
    assert 0 < told["error"] <= 0.01
    assert data.attrs["complete"] == 1
    assert np.isnan(data.loss.values[data.done.values == 0]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tolerance": 0.0}, "tolerance between 0 and 1"),
        ({"tolerance": 5.0}, "0.01 is 1 %"),
        ({"tolerance": float("nan")}, "tolerance between 0 and 1"),
        ({"budget": 0}, "one or more points, got 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Adaptive(**settings)


@pytest.mark.parametrize(("shape", "least"), [((5, 4), 20), ((51, 51), 81), ((51, 2), 18)])
def test_a_budget_below_the_coarse_grid_is_refused(shape, least):
    layout = layout_of(grid(shape))
    with pytest.raises(InputError, match=f"budget of {least} points or more.* got {least - 1}"):
        Adaptive(budget=least - 1).refuse(layout)
    Adaptive(budget=least).refuse(layout)


def test_many_values_a_point_are_refused():
    layout = layout_of(grid((5, 4)))
    items = (Axis("image", np.arange(3), "1", "image"),)
    with pytest.raises(InputError, match="leave tolerance and budget out"):
        Adaptive(0.1).refuse(replace(layout, items=items))


def test_a_plan_is_adaptive_where_something_is_asked_of_it():
    assert plan_of() == Everything()
    assert plan_of(0.01) == Adaptive(0.01)
    assert plan_of(budget=9) == Adaptive(budget=9)
