"""Eigenvalues and eigenvectors of small networks, against those of the whole matrix."""

import copy

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from landscape.curvature import (
    ENDS,
    ExtremeEigenvalues,
    eigen,
    eigenpairs,
    lanczos,
)
from landscape.errors import InputError
from landscape.weights import flatten, norm, weights_of


def expected_of(values, which, count):
    """From all eigenvalues, ascending, to those that are asked for, descending."""
    falling = values[::-1]
    if which == "magnitude":
        return np.sort(falling[np.argsort(-np.abs(falling))[:count]])[::-1]
    low, high = ENDS[which](count)
    return np.concatenate([falling[:high], falling[len(falling) - low :]])


@pytest.mark.parametrize(
    ("which", "matrix"), [*((which, "hessian") for which in ENDS), ("largest", "ggn")]
)
def test_they_are_those_of_the_whole_matrix(reader, tokens, labels, in_full, which, matrix):
    model = reader.double()
    whole = in_full(model, tokens, labels, matrix=matrix)
    known = np.linalg.eigvalsh(whole)
    found = eigenpairs(model, tokens, labels, count=4, matrix=matrix, which=which, batch=4)
    limit = 1e-4 * np.abs(known).max()
    np.testing.assert_allclose(found.values, expected_of(known, which, 4), rtol=0, atol=limit)
    assert found.residuals.max() <= limit
    for value, vector, residual in zip(found.values, found.vectors, found.residuals, strict=True):
        assert {n: v.shape for n, v in vector.items()} == {
            n: w.shape for n, w in weights_of(model).items()
        }
        assert norm(vector) == pytest.approx(1)
        flat = flatten(vector).numpy()
        assert flat[np.abs(flat).argmax()] > 0
        assert np.linalg.norm(whole @ flat - value * flat) == pytest.approx(residual, abs=1e-12)


def test_extremes_of_two_are_the_smallest_and_the_largest(reader, tokens, labels, in_full):
    known = np.linalg.eigvalsh(in_full(reader.double(), tokens, labels))
    found = eigenpairs(reader, tokens, labels, count=2, which="extremes", tolerance=1e-6)
    np.testing.assert_allclose(found.values, known[[-1, 0]], rtol=1e-6)
    assert ExtremeEigenvalues(reader, tokens, labels, tolerance=1e-6).at() == pytest.approx(
        (known[0], known[-1]), rel=1e-6
    )


@pytest.mark.parametrize("count", [1, 5, 9])
def test_eigenvalues_that_occur_several_times_are_found_as_often(regression, count):
    """Of a regression with three outputs each does so three times."""
    model, x, y, hessian = regression
    found = eigenpairs(model, x, y, count=count, loss="mse")
    known = np.linalg.eigvalsh(hessian)[::-1]
    np.testing.assert_allclose(found.values, known[:count], rtol=0, atol=1e-4 * known[0])
    vectors = torch.stack([flatten(vector) for vector in found.vectors])
    assert_close(vectors @ vectors.T, torch.eye(count).double(), rtol=0, atol=1e-8)


@pytest.mark.parametrize("dense", [0, 1000])
def test_a_small_matrix_is_formed(reader, tokens, labels, monkeypatch, dense):
    usual = eigenpairs(reader.double(), tokens, labels, count=3, tolerance=1e-7)
    monkeypatch.setattr(eigen, "DENSE", dense)
    found = eigenpairs(reader, tokens, labels, count=3, tolerance=1e-7)
    np.testing.assert_allclose(found.values, usual.values, rtol=1e-6)
    for a, b in zip(found.vectors, usual.vectors, strict=True):
        assert_close(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize("which", ENDS)
def test_all_eigenvalues_of_a_small_network(network, images, labels, in_full, which):
    known = np.linalg.eigvalsh(in_full(network, images, labels))
    found = eigenpairs(network, images, labels, count=99, which=which)
    np.testing.assert_allclose(found.values, known[::-1], rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_and_another_agrees(reader, tokens, labels):
    first, again, other = (
        eigenpairs(reader, tokens, labels, which="extremes", count=2, seed=seed, tolerance=1e-5)
        for seed in (0, 0, 1)
    )
    for a, b, c in zip(first.vectors, again.vectors, other.vectors, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)
        assert not all(torch.equal(a[name], c[name]) for name in a)
        assert_close(a, c, rtol=0, atol=1e-3)
    assert (first.values == again.values).all()


def test_at_other_weights_they_are_those_of_that_network(network, images, labels):
    other = copy.deepcopy(network)
    for weight in other.parameters():
        weight.data *= 1.5
    other[1].running_var *= 3
    here, there = (
        ExtremeEigenvalues(m, images, labels, tolerance=1e-6).at() for m in (network, other)
    )
    extremes = ExtremeEigenvalues(network, images, labels, tolerance=1e-6)
    assert extremes.at() == here
    assert extremes.at(other.state_dict()) == there
    assert extremes.at(network.state_dict()) == here
    assert here != pytest.approx(there, rel=0.1)


def test_where_they_are_not_finite_they_are_nan_and_the_next_point_is_not(network, images, labels):
    extremes = ExtremeEigenvalues(network, images, labels)
    here = extremes.at()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for value in (float("nan"), float("inf"), 1e38):
        assert np.isnan(extremes.at({"6.weight": torch.full((3, 16), value)})).all()
        assert extremes.at(state) == here


def test_a_network_whose_output_does_not_move_is_flat(network, images, labels):
    flat = {name: torch.zeros_like(value) for name, value in weights_of(network).items()}
    flat["1.bias"] -= 1  # below the kink of the ReLU
    extremes = ExtremeEigenvalues(network, images, labels, matrix="ggn")
    smallest, largest = extremes.at(flat)
    assert smallest == pytest.approx(0, abs=1e-6)
    assert largest == pytest.approx(1 / 3, rel=0.1)  # of the last bias alone


def test_what_cannot_be_had_is_refused(network, images, labels, monkeypatch):
    with pytest.raises(InputError, match="unknown end of the spectrum 'biggest'"):
        eigenpairs(network, images, labels, which="biggest")
    for wrong in ({"count": 0}, {"count": 100}, {"tolerance": 0.0}):
        with pytest.raises(InputError, match="1 to 99 eigenvalues"):
            eigenpairs(network, images, labels, **wrong)
    broken = copy.deepcopy(network)
    broken[6].weight.data[0, 0] = float("inf")
    with pytest.raises(InputError, match="nan or infinite at these weights"):
        eigenpairs(broken, images, labels)
    monkeypatch.setattr(lanczos, "RESTARTS", 1)
    with pytest.raises(InputError, match="did not converge"):
        eigenpairs(network, images, labels, count=6, which="extremes", tolerance=1e-12)


def test_the_model_stays_as_it_was(network, images, labels, untouched):
    with untouched(network):
        eigenpairs(network, images, labels)
        ExtremeEigenvalues(network, images, labels).at({"6.weight": torch.ones(3, 16)})
