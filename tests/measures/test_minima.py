"""Minima and their persistence: against known answers and a plain union of sets."""

import importlib

import numpy as np
import pytest
import xarray as xr

from landscape.errors import InputError
from landscape.measures.minima import minima

AXES = ("alpha", "beta", "gamma")


def loss_of(values, **coordinates):
    values = np.asarray(values, dtype=np.float64)
    dims = AXES[: values.ndim]
    evenly = {d: np.linspace(-1, 1, n) for d, n in zip(dims, values.shape, strict=True)}
    return xr.DataArray(values, dims=dims, coords=evenly | coordinates, attrs={"units": "nat"})


def naive_pairs(values):
    """Points joined one by one in the order of their loss; (minimum, saddle, survivor) of each."""
    values = np.where(np.isfinite(values), values, np.inf)
    root, pairs = {}, []

    def find(point):
        while root[point] != point:
            point = root[point]
        return point

    for flat in np.argsort(values, axis=None, kind="stable"):
        point = tuple(int(i) for i in np.unravel_index(flat, values.shape))
        if np.isinf(values[point]):
            break
        root[point] = point
        steps = [(axis, step) for axis in range(values.ndim) for step in (-1, 1)]
        around = [
            tuple(p + step * (a == axis) for a, p in enumerate(point)) for axis, step in steps
        ]
        met = {find(beside) for beside in around if beside in root} | {point}
        eldest, *others = sorted(met, key=lambda minimum: (values[minimum], minimum == point))
        for younger in others:
            root[younger] = eldest
            if values[younger] < values[point]:
                pairs.append((younger, point, eldest))
    ended = {younger for younger, _, _ in pairs}
    return pairs, {find(point) for point in root} - ended


def places(loss, table, prefix=""):
    columns = [table[f"{prefix}{d}"].values for d in loss.dims]
    axes = [loss[d].values for d in loss.dims]
    return [
        tuple(int(np.flatnonzero(axis == x)[0]) for axis, x in zip(axes, place, strict=True))
        for place in zip(*columns, strict=True)
        if not np.isnan(place[0])
    ]


@pytest.mark.parametrize("shape", [(30,), (7, 12), (1, 9), (4, 5, 3), (2, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_minima_saddles_and_parents_are_those_of_a_plain_union_of_sets(shape, seed):
    """Random, all different losses: nothing is ambiguous."""
    loss = loss_of(np.random.default_rng(seed).permutation(np.prod(shape)).reshape(shape))
    table = minima(loss)
    pairs, endless = naive_pairs(loss.values)
    mine = places(loss, table)
    (deepest,) = endless
    assert mine[0] == deepest
    assert table.parent[0] == -1
    assert table.persistence[0] == np.inf
    saddles = places(loss, table, "saddle_")
    parents = [mine[parent] for parent in table.parent.values[1:]]
    assert set(zip(mine[1:], saddles, parents, strict=True)) == set(pairs)


@pytest.mark.parametrize("seed", range(6))
def test_losses_that_are_alike_have_the_same_persistences(seed):
    """Four values only, so that plateaus and equal saddles abound; walls of inf and nan too."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (9, 8)).astype(np.float64)
    values[rng.random((9, 8)) < 0.25] = np.inf
    values[rng.random((9, 8)) < 0.1] = np.nan
    table = minima(loss_of(values))
    pairs, endless = naive_pairs(values)
    wanted = [(values[p], values[s]) for p, s, _ in pairs] + [(values[p], np.inf) for p in endless]
    got = zip(table.loss.values, table.saddle_loss.values, strict=True)
    assert sorted(got) == sorted(wanted)
    merged = table.parent.values >= 0
    np.testing.assert_array_equal(merged, np.isfinite(table.saddle_loss))
    elder = table.isel(minimum=table.parent.values[merged])
    assert (elder.saddle_loss.values > table.saddle_loss.values[merged]).all()
    assert (elder.loss.values <= table.loss.values[merged]).all()


def test_a_double_well_has_two_minima_and_the_saddle_between_them():
    """f = (x² - 1)² + x/4 + y²: the right well is higher, the saddle lies near x = 0."""
    x, y = np.linspace(-2, 2, 81), np.linspace(-1, 1, 41)
    f = (x[:, None] ** 2 - 1) ** 2 + x[:, None] / 4 + y**2
    table = minima(loss_of(f, alpha=x, beta=y))
    roots = np.sort(np.roots([4, 0, -4, 0.25]).real)  # of the derivative along x
    line = [(r**2 - 1) ** 2 + r / 4 for r in roots]
    assert table.sizes["minimum"] == 2
    np.testing.assert_allclose(table.alpha, [roots[0], roots[2]], atol=0.026)
    np.testing.assert_allclose(table.beta, 0, atol=1e-12)
    np.testing.assert_allclose(table.saddle_alpha[1], roots[1], atol=0.026)
    np.testing.assert_allclose(table.persistence[1], line[1] - line[2], atol=3e-3)
    assert table.parent.values.tolist() == [-1, 0]
    assert table.alpha.attrs == {}
    assert table.saddle_loss.attrs["units"] == "nat"


def test_diagonal_neighbours_are_not_connected():
    """Two low corners that touch at a corner alone are two minima in a plane."""
    table = minima(loss_of([[0, 5], [6, 1]]))
    assert table.loss.values.tolist() == [0, 1]
    assert table.saddle_loss.values.tolist() == [np.inf, 5]


def test_the_merge_tree_names_the_elder_of_the_component_not_the_neighbour():
    """C joins B's basin first, B has joined none yet; then B joins A."""
    table = minima(loss_of([0, 9, 3, 6, 4, 7]))
    assert table.loss.values.tolist() == [0, 3, 4]
    assert table.saddle_loss.values.tolist() == [np.inf, 9, 6]
    assert table.parent.values.tolist() == [-1, 0, 1]
    assert minima(loss_of([3, 9, 0, 6, 4, 7])).parent.values.tolist() == [-1, 0, 0]


def test_a_flat_bottom_is_one_minimum_and_little_ones_can_be_left_out():
    loss = loss_of([2, 0, 0, 0, 3, 2.5, 4, 1, 5])
    assert minima(loss).persistence.values.tolist() == [np.inf, 3, 0.5]
    assert minima(loss, persistence=0.5).persistence.values.tolist() == [np.inf, 3]


@pytest.mark.parametrize("wall", [np.inf, np.nan, -np.inf])
def test_basins_behind_walls_join_no_other(wall):
    table = minima(loss_of([1, 2, wall, wall, 0, 1]))
    assert table.loss.values.tolist() == [0, 1]
    assert table.persistence.values.tolist() == [np.inf, np.inf]
    assert table.parent.values.tolist() == [-1, -1]
    assert np.isnan(table.saddle_alpha).all()


@pytest.mark.parametrize("values", [[np.nan, np.inf], [[np.nan]], 1.0])
def test_a_loss_without_a_finite_value_or_without_axes_is_refused(values):
    with pytest.raises(InputError, match="expected a loss over one or more axes"):
        minima(loss_of(values))


def test_without_gudhi_one_sentence_says_what_to_install(monkeypatch):
    real = importlib.import_module

    def absent(name, *rest):
        if name == "gudhi":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(InputError, match=r"pip install 'landscape\[topology\]'"):
        minima(loss_of([1, 0]))
