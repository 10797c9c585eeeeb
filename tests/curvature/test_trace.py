"""Traces, against the diagonal of the whole matrix."""

import numpy as np
import pytest
import torch

from landscape.curvature import MATRICES, METHODS, Curvature, trace
from landscape.errors import InputError
from landscape.rng import generator
from landscape.weights import unflatten, weights_of


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("matrix", MATRICES)
def test_it_is_within_its_error_and_so_is_every_parameters_share(
    reader, tokens, labels, in_full, method, matrix
):
    model = reader.double()
    diagonal = torch.from_numpy(in_full(model, tokens, labels, matrix=matrix).diagonal().copy())
    settings = {"matrix": matrix, "method": method, "samples": 60, "batch": 3}
    found = trace(model, tokens, labels, **settings)
    limit = 4 * found.standard_error + 1e-12  # of the low rank of the ggn hutch++ knows all
    assert abs(found.value - float(diagonal.sum())) < limit
    assert 0 < found.standard_error < 0.5 * float(diagonal.abs().sum())
    assert found.samples == 60
    assert sum(found.by_parameter.values()) == pytest.approx(found.value)
    exact = unflatten(diagonal, weights_of(model))
    assert list(found.by_parameter) == list(exact)
    assert found.by_parameter["unused.weight"] == 0
    for name, share in found.by_parameter.items():
        assert share == pytest.approx(float(exact[name].sum()), abs=limit)


@pytest.mark.parametrize("method", METHODS)
def test_over_many_seeds_it_is_right_and_so_is_its_error(regression, method):
    model, x, y, hessian = regression
    found = [
        trace(model, x, y, loss="mse", method=method, samples=12, seed=seed) for seed in range(40)
    ]
    values = np.array([one.value for one in found])
    spread = values.std(ddof=1)
    assert abs(values.mean() - np.trace(hessian)) < 3 * spread / np.sqrt(40)
    typical = np.sqrt(np.mean([one.standard_error**2 for one in found]))
    assert typical == pytest.approx(spread, rel=0.35)


@pytest.mark.parametrize("method", METHODS)
def test_the_share_of_each_parameter_is_unbiased(method):
    """Of a line the second derivatives are 2 (mean of x'x) and 2."""
    torch.manual_seed(0)
    model, x = torch.nn.Linear(3, 1).double(), torch.rand(7, 3).double()
    curvature, shares = Curvature(model, x, x[:, :1], loss="mse"), []
    for seed in range(300):
        known, drawn = METHODS[method](curvature, 3, generator(seed))
        shares.append(known + drawn.mean(axis=0))
    error = np.std(shares, axis=0) / np.sqrt(300)
    expected = [2 * float((x**2).sum()) / 7, 2]
    assert (np.abs(np.mean(shares, axis=0) - expected) < 4 * error).all()
    assert (error < 0.15).all()


def test_of_a_matrix_of_low_rank_hutch_plus_plus_knows_all(regression):
    """It has 21 eigenvalues that are not zero; a third of 66 products are 22."""
    model, x, y, hessian = regression
    found = trace(model, x, y, loss="mse", method="hutch++", samples=66)
    assert found.value == pytest.approx(np.trace(hessian), rel=1e-10)
    assert found.standard_error < 1e-10
    each = np.trace(hessian)
    assert found.by_parameter == {"weight": pytest.approx(each)}


def test_hutch_plus_plus_with_more_products_than_weights(in_full):
    torch.manual_seed(0)
    model, x = torch.nn.Linear(2, 1).double(), torch.rand(5, 2).double()
    found = trace(model, x, x[:, :1], loss="mse", method="hutch++", samples=30)
    assert found.value == pytest.approx(in_full(model, x, x[:, :1], loss="mse").trace())


def test_the_same_seed_gives_the_same(network, images, labels):
    first, again, other = (
        trace(network, images, labels, samples=3, seed=seed) for seed in (0, 0, 1)
    )
    assert first.value == again.value != other.value


def test_one_sample_has_no_error_and_what_is_not_finite_is_nan(network, images, labels):
    assert np.isnan(trace(network, images, labels, samples=1).standard_error)
    network[6].weight.data[0, 0] = float("inf")
    for method in METHODS:
        found = trace(network, images, labels, samples=6, method=method)
        assert np.isnan(found.value)


def test_the_model_stays_as_it_was(network, images, labels, untouched):
    with untouched(network):
        trace(network, images, labels, samples=2)


@pytest.mark.parametrize(("method", "samples"), [("hutchinson", 0), ("hutch++", 2)])
def test_too_few_samples_are_refused(network, images, labels, method, samples):
    with pytest.raises(InputError, match=f"got {samples}"):
        trace(network, images, labels, method=method, samples=samples)
    with pytest.raises(InputError, match="unknown method for a trace 'hutch'"):
        trace(network, images, labels, method="hutch")
