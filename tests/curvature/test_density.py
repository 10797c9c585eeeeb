"""The distribution of eigenvalues, against all of them."""

import numpy as np
import pytest

from landscape.curvature import Curvature, spectral_density, trace
from landscape.curvature.trace import signs
from landscape.errors import InputError
from landscape.rng import generator


@pytest.fixture
def known(reader, tokens, labels, in_full):
    return np.linalg.eigvalsh(in_full(reader.double(), tokens, labels))


def total(found):
    return (found.density * np.gradient(found.eigenvalues)).sum()


def test_moments_and_shares_are_those_of_all_eigenvalues(reader, tokens, labels, known):
    found = spectral_density(reader.double(), tokens, labels, vectors=16, steps=20, batch=4)
    assert found.size == len(known) == 117
    scale = np.abs(known).max()
    for power in (1, 2, 3):
        expected = (known**power).mean()
        assert found.moment(power) == pytest.approx(expected, abs=0.02 * scale**power)
    for at in (-0.2, -0.05, 0.05, 0.2):
        share = (known < at * scale).mean()
        assert found.share_below(at * scale) == pytest.approx(share, abs=0.04)
    low, high = found.eigenvalues[[0, -1]]
    assert low < known[0] < known[-1] < high


def test_the_first_moment_is_the_mean_of_the_same_signs(reader, tokens, labels):
    """A quadrature of one step is v' A v."""
    found = spectral_density(reader.double(), tokens, labels, steps=1, vectors=1)
    (node,), (weight,) = found.nodes[0], found.weights[0]
    assert weight == 1
    more = spectral_density(reader, tokens, labels, steps=40, vectors=1)
    assert more.moment(1) == pytest.approx(node, rel=1e-9)


def test_as_many_steps_as_weights_give_the_moments_of_the_vector_exactly(regression):
    model, x, y, hessian = regression
    found = spectral_density(model, x, y, loss="mse", steps=90, vectors=1)
    vector = signs(Curvature(model, x, y, loss="mse"), generator(0, "spectral density")).numpy()
    moved = vector / np.linalg.norm(vector)
    for power in range(12):
        expected = moved @ vector / np.linalg.norm(vector)
        assert found.moment(power) == pytest.approx(expected, rel=1e-9)
        moved = hessian @ moved
    distinct = np.unique(np.linalg.eigvalsh(hessian).round(9))
    np.testing.assert_allclose(np.unique(found.nodes[0].round(9)), distinct, atol=1e-8)


@pytest.mark.parametrize("width", [None, 1e-6, 0.5])
@pytest.mark.parametrize("points", [1000, 17])
def test_it_adds_up_to_one_however_narrow_and_coarse(reader, tokens, labels, width, points):
    found = spectral_density(
        reader, tokens, labels, steps=10, vectors=2, width=width, points=points
    )
    assert total(found) == pytest.approx(1, abs=1e-5)
    assert found.density.shape == (points,)
    assert width is None or found.width == width
    for weights in found.weights:
        assert weights.sum() == pytest.approx(1)


def test_a_flat_loss_has_all_its_eigenvalues_at_zero(regression):
    model, x, y, _ = regression
    found = spectral_density(model, x, y, loss=lambda o, t: (o - t).sum(dim=1), vectors=2)
    assert [nodes.tolist() for nodes in found.nodes] == [[0], [0]]
    assert total(found) == pytest.approx(1, abs=1e-5)


def test_the_same_seed_gives_the_same(network, images, labels):
    first, again, other = (
        spectral_density(network, images, labels, steps=5, vectors=2, seed=seed)
        for seed in (0, 0, 1)
    )
    assert (first.density == again.density).all()
    assert not np.array_equal(first.density, other.density)


def test_its_mean_is_the_trace(network, images, labels):
    found = spectral_density(network, images, labels, steps=4, vectors=40)
    estimate = trace(network, images, labels, samples=40)
    assert found.moment(1) * found.size == pytest.approx(
        estimate.value, abs=5 * estimate.standard_error
    )


def test_the_model_stays_as_it_was(network, images, labels, untouched):
    with untouched(network):
        spectral_density(network, images, labels, steps=2, vectors=1)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"vectors": 0}, {"points": 0}, {"width": -1.0}, {"width": 0.0}]
)
def test_what_cannot_be_had_is_refused(network, images, labels, wrong):
    with pytest.raises(InputError, match="at least one step, vector and point"):
        spectral_density(network, images, labels, **wrong)


def test_a_loss_that_is_not_finite_is_told(network, images, labels):
    network[6].weight.data[0, 0] = float("nan")
    with pytest.raises(InputError, match="nan or infinite at these weights"):
        spectral_density(network, images, labels)
