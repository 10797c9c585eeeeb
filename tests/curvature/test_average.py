"""The mean rise of a loss under noise, against closed forms."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from landscape.curvature import SCALES, average_sharpness
from landscape.engine import Compute
from landscape.errors import InputError


@pytest.mark.parametrize("scale", SCALES)
def test_of_a_squared_error_it_is_half_the_scaled_trace(regression, scale):
    model, x, y, hessian = regression
    reach = SCALES[scale](model.weight.detach()).flatten().numpy()
    found = average_sharpness(model, x, y, radius=0.3, scale=scale, loss="mse", draws=150)
    expected = 0.3**2 / 2 * (hessian.diagonal() * reach**2).sum()
    assert abs(found.rise - expected) < 3 * found.standard_error
    assert found.standard_error < 0.15 * expected
    assert found.loss == pytest.approx(F.mse_loss(model(x), y).item())
    assert found.draws == 150


def test_of_a_network_it_is_the_mean_over_plain_draws(network, images, labels):
    network.eval()
    rises = []
    draws = torch.Generator().manual_seed(5)
    with torch.no_grad():
        before = F.cross_entropy(network(images), labels).item()
        for _ in range(200):
            twin = copy.deepcopy(network)
            for weight in twin.parameters():
                weight += 0.3 * weight.abs() * torch.randn(weight.shape, generator=draws)
            rises.append(F.cross_entropy(twin(images), labels).item() - before)
    found = average_sharpness(network, images, labels, radius=0.3, draws=100)
    error = np.hypot(found.standard_error, np.std(rises) / 200**0.5)
    assert abs(found.rise - np.mean(rises)) < 3 * error
    assert found.rise > 5 * found.standard_error


def test_it_does_not_depend_on_batches_and_takes_any_data(reader, tokens, labels):
    whole = average_sharpness(reader, tokens, labels, radius=0.1, draws=3)
    parts = average_sharpness(
        reader, tokens, labels, radius=0.1, draws=3, compute=Compute(micro_batch=3)
    )
    assert parts.rise == pytest.approx(whole.rise, rel=1e-4)


def test_the_noise_is_common_to_all_radii_and_depends_on_the_seed(network, images, labels):
    """Of a radius ten times smaller the rise is a hundred times so, draw by draw."""
    model = copy.deepcopy(network).double()
    one, tenth = (
        average_sharpness(model, images, labels, radius=radius, draws=2) for radius in (1e-3, 1e-4)
    )
    assert one.rise == pytest.approx(100 * tenth.rise, rel=0.01)
    other = average_sharpness(model, images, labels, radius=1e-3, draws=2, seed=1)
    assert other.rise != pytest.approx(one.rise, rel=0.01)
    assert average_sharpness(network, images, labels, radius=0.0, draws=2).rise == 0


def test_the_model_stays_as_it_was_in_other_precisions_too(network, images, labels, untouched):
    with untouched(network):
        rough = average_sharpness(
            network, images, labels, radius=0.3, draws=3, compute=Compute(precision="bf16")
        )
    exact = average_sharpness(network, images, labels, radius=0.3, draws=3)
    assert rough.rise == pytest.approx(exact.rise, rel=0.2)


def test_one_draw_has_no_error(network, images, labels):
    assert np.isnan(average_sharpness(network, images, labels, radius=0.1, draws=1).standard_error)


@pytest.mark.parametrize("wrong", [{"radius": -1.0}, {"radius": 0.1, "draws": 0}])
def test_senseless_settings_are_refused(network, images, labels, wrong):
    with pytest.raises(InputError, match="a finite radius, not negative, and at least one draw"):
        average_sharpness(network, images, labels, **wrong)
    with pytest.raises(InputError, match="unknown scale of a change of weights 'cubic'"):
        average_sharpness(network, images, labels, radius=0.1, scale="cubic")
    with pytest.raises(InputError, match="labels from 0 to 2"):
        average_sharpness(network, images, labels + 1, radius=0.1)
