"""The highest loss within a box of weights, against a closed form and random search."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape.curvature import SCALES, Sharpness, sharpness
from landscape.engine import Compute
from landscape.errors import InputError
from landscape.rng import generator


def test_of_two_linear_classes_it_is_found_exactly():
    """The loss of one example grows along the sign of what moves its logits apart."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False)).double()
    weight = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.3, 1.0, -1.0, 2.0]]).double()
    model[1].weight.data = weight.clone()
    x = torch.tensor([0.2, 0.9, 0.5, 0.1]).double().view(1, 1, 2, 2)
    found = sharpness(model, x, torch.tensor([0]), radius=0.1)
    margin = ((weight[0] - weight[1]) * x.flatten()).sum() - 0.1 * (
        weight.abs() * x.flatten()
    ).sum()
    assert found.highest == pytest.approx(F.softplus(-margin).item(), rel=1e-6)
    assert found.loss == pytest.approx(
        F.softplus(-((weight[0] - weight[1]) * x.flatten()).sum()).item(), rel=1e-6
    )
    assert found.rise == found.highest - found.loss
    assert found.relative == pytest.approx(100 * found.rise / (1 + found.loss))


@pytest.mark.parametrize(("scale", "radius"), [("adaptive", 0.05), ("epsilon", 0.01)])
def test_no_random_change_within_the_box_does_worse(network, images, labels, scale, radius):
    found = sharpness(network, images, labels, radius=radius, scale=scale)
    draws, worst = generator(0), 0.0
    for _ in range(200):
        twin = copy.deepcopy(network).eval()
        with torch.no_grad():
            for weight in twin.parameters():
                corner = 2.0 * (torch.rand(weight.shape, generator=draws) > 0.5) - 1
                weight += radius * SCALES[scale](weight) * corner
            worst = max(worst, F.cross_entropy(twin(images), labels).item())
    assert found.highest > worst > found.loss


def test_adaptive_sharpness_does_not_see_a_rescaling_that_leaves_the_function_alone(images, labels):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 3))
    scaled = copy.deepcopy(model)
    with torch.no_grad():
        scaled[1].weight.mul_(10)
        scaled[1].bias.mul_(10)
        scaled[3].weight.div_(10)
    adaptive, epsilon = (
        [sharpness(m, images, labels, radius=0.02, scale=scale).rise for m in (model, scaled)]
        for scale in ("adaptive", "epsilon")
    )
    assert adaptive[1] == pytest.approx(adaptive[0], rel=1e-4)
    assert epsilon[1] != pytest.approx(epsilon[0], rel=0.2)


def test_a_radius_of_zero_is_no_rise_and_a_larger_one_is_more(network, images, labels):
    rises = [sharpness(network, images, labels, radius=r).rise for r in (0.0, 0.01, 0.1)]
    assert rises[0] == 0
    assert 0 < rises[1] < rises[2]


def test_images_beyond_a_batch_weigh_the_same(network, images, labels, monkeypatch):
    whole = sharpness(network, images, labels, radius=0.05)
    monkeypatch.setattr("landscape.curvature.gradient.BATCH", 3)
    parts = sharpness(network, images, labels, radius=0.05)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    assert parts.highest == pytest.approx(whole.highest, rel=1e-4)


def test_what_does_not_fit_the_memory_is_cut_into_smaller_passes(network, images, labels, crowded):
    whole = sharpness(network, images, labels, radius=0.05)
    found = sharpness(crowded(network, room=3, backwards=True), images, labels, radius=0.05)
    assert found.loss == pytest.approx(whole.loss, rel=1e-5)
    assert found.highest == pytest.approx(whole.highest, rel=1e-4)


def test_the_model_stays_as_it_was_in_other_precisions_too(network, images, labels, untouched):
    with untouched(network):
        found = sharpness(network, images, labels, radius=0.05, compute=Compute(precision="bf16"))
    assert isinstance(found, Sharpness)
    plain = sharpness(network, images, labels, radius=0.05)
    assert found.highest == pytest.approx(plain.highest, rel=0.05)


def test_any_network_loss_and_data_will_do(reader, tokens, labels, regression):
    found = sharpness(reader, tokens, labels, radius=0.05)
    assert found.rise > 0
    model, x, y, hessian = regression
    found = sharpness(model, x, y, radius=0.02, scale="none", loss="mse", steps=40)
    assert found.loss == pytest.approx(F.mse_loss(model(x), y).item())
    slope = torch.autograd.grad(F.mse_loss(model(x), y), model.weight)[0].flatten()
    corner = 0.02 * slope.sign().double()
    expected = slope @ corner + corner @ torch.from_numpy(hessian) @ corner / 2
    assert found.rise >= expected.item() * (1 - 1e-9) > 0


def test_under_no_grad_it_is_the_same(network, images, labels):
    found = sharpness(network, images, labels, radius=0.05)
    with torch.no_grad():
        assert sharpness(network, images, labels, radius=0.05) == found


@pytest.mark.parametrize("wrong", [{"radius": -1.0}, {"radius": 0.1, "steps": 0}])
def test_senseless_settings_are_refused(network, images, labels, wrong):
    with pytest.raises(InputError, match="a finite radius, not negative, and at least one step"):
        sharpness(network, images, labels, **wrong)
    with pytest.raises(InputError, match="unknown scale of a change of weights 'cubic'"):
        sharpness(network, images, labels, radius=0.1, scale="cubic")
    with pytest.raises(InputError, match="labels from 0 to 2"):
        sharpness(network, images, labels + 1, radius=0.1)
