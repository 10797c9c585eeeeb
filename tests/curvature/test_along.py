"""Second derivatives along directions, against closed forms and differences."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape.curvature import along, curvature_along
from landscape.errors import InputError
from landscape.rng import generator
from landscape.weights import normalize, weights_of


def drawn(model, count, seed=0):
    draws = generator(seed)
    weights = weights_of(model)
    return [
        normalize({n: torch.randn(w.shape, generator=draws) for n, w in weights.items()}, weights)
        for _ in range(count)
    ]


@pytest.mark.parametrize("batch", [128, 3])
def test_of_a_linear_model_it_is_the_variance_of_the_moved_logits(
    images, labels, monkeypatch, batch
):
    """d'Hd of cross-entropy is the variance, under the softmax, of what d adds to the logits."""
    monkeypatch.setattr(along, "BATCH", batch)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).double()
    directions, x = drawn(model, 3), images.double().flatten(1)
    found = curvature_along(model, images.double(), labels, directions)
    p = model(images.double()).softmax(dim=1).detach()
    for value, direction in zip(found, directions, strict=True):
        moved = x @ direction["1.weight"].double().T + direction["1.bias"].double()
        variance = (p * moved**2).sum(dim=1) - (p * moved).sum(dim=1) ** 2
        assert value == pytest.approx(variance.mean().item(), rel=1e-9)


def test_of_a_network_it_is_the_second_difference_of_its_loss(network, images, labels):
    model = copy.deepcopy(network).double()
    directions = drawn(model, 2)
    found = curvature_along(model, images.double(), labels, directions)

    def loss(direction, step):
        twin = copy.deepcopy(model).eval()
        with torch.no_grad():
            for name, parameter in twin.named_parameters():
                parameter.add_(direction[name], alpha=step)
            return F.cross_entropy(twin(images.double()), labels).item()

    h = 1e-5  # small enough to cross no kink of a ReLU
    for value, direction in zip(found, directions, strict=True):
        difference = (loss(direction, h) - 2 * loss(direction, 0) + loss(direction, -h)) / h**2
        assert value == pytest.approx(difference, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("matrix", ["hessian", "ggn"])
def test_any_loss_and_data_will_do(regression, matrix):
    model, x, y, hessian = regression
    directions = drawn(model, 2)
    found = curvature_along(model, x, y, directions, loss="mse", matrix=matrix)
    flat = [direction["weight"].flatten().numpy() for direction in directions]
    np.testing.assert_allclose(found, [d @ hessian @ d for d in flat], rtol=1e-9)


def test_the_model_stays_as_it_was(network, images, labels, untouched):
    with untouched(network):
        found = curvature_along(network, images, labels, drawn(network, 1))
    assert np.isfinite(found).all()


def test_what_does_not_fit_the_memory_is_cut_into_smaller_passes(network, images, labels, crowded):
    directions = drawn(network, 2)
    whole = curvature_along(network, images, labels, directions)
    found = curvature_along(crowded(network, room=2), images, labels, _as_lists(directions))
    np.testing.assert_allclose(found, whole, rtol=1e-4)
    with pytest.raises(InputError, match="a single image needs more memory than there is on cpu"):
        curvature_along(crowded(network, room=0), images, labels, _as_lists(directions))


def _as_lists(directions):
    return [list(direction.values()) for direction in directions]


def test_directions_that_do_not_fit_are_refused(network, images, labels):
    (direction,) = drawn(network, 1)
    for wrong, words in [
        (list(direction.values())[1:], "a direction of 6 tensors, one per parameter"),
        ({"0.weight": direction["0.weight"]}, "got none for 0.bias"),
        ({**direction, "6.bias": torch.full((3,), torch.nan)}, "nan or inf in its part for 6.bias"),
    ]:
        with pytest.raises(InputError, match=words):
            curvature_along(network, images, labels, [wrong])
