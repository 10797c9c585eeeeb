"""Gradient ascent on the pose, against a surface whose maxima are known."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from landscape.attacks import FirstOrder
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift

LIMITS = SpatialLimits(0.0, 3.0, 3.0)


class Centroid(nn.Module):
    """Two logits whose difference grows with the distance of the bright spot from a place."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.register_buffer("place", torch.tensor([x, y]))

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        rows = torch.arange(height, dtype=images.dtype) - (height - 1) / 2
        columns = torch.arange(width, dtype=images.dtype) - (width - 1) / 2
        mass = images.sum(dim=(1, 2, 3))
        x = (images.sum(dim=(1, 2)) * columns).sum(dim=1) / mass
        y = (images.sum(dim=(1, 3)) * rows).sum(dim=1) / mass
        distance = 0.1 * (torch.stack([x, y], dim=1) - self.place).square().sum(dim=1)
        return torch.stack([distance, torch.zeros_like(distance)], dim=1)


@pytest.fixture
def spot() -> Tensor:
    """A bright spot in the middle of five images."""
    image = torch.zeros(1, 1, 17, 17)
    image[..., 7:10, 7:10] = torch.tensor([[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]])
    return image.repeat(5, 1, 1, 1)


@pytest.mark.parametrize("rule", ["sign", "normalized"])
def test_it_climbs_to_the_top_of_a_hill(spot, rule):
    # The loss of class 0 is highest where the spot lies on the place, and there is no other hill.
    attack = FirstOrder(steps=60, rule=rule, limits=LIMITS)
    labels = torch.zeros(5, dtype=torch.int64)
    result = attack(Network(Centroid(1.3, -0.8)), spot, labels, generator=generator(0))
    assert_close(result.pose[:, 0], torch.zeros(5))
    assert_close(
        result.pose[:, 1:], torch.tensor([1.3, -0.8]).repeat(5, 1), rtol=0, atol=attack.shift_step
    )


def test_a_step_beyond_the_limits_ends_there(spot):
    attack = FirstOrder(steps=40, limits=SpatialLimits(0.0, 1.0, 0.5))
    labels = torch.zeros(5, dtype=torch.int64)
    result = attack(Network(Centroid(5.0, -5.0)), spot, labels, generator=generator(0))
    assert torch.equal(result.pose, torch.tensor([[0.0, 1.0, -0.5]]).repeat(5, 1))


@pytest.mark.parametrize("rule", ["sign", "normalized"])
def test_the_trajectory_is_the_way_that_was_gone(network, images, labels, rule):
    attack = FirstOrder(9, restarts=2, rule=rule)
    result = attack(
        Network(network, Compute(micro_batch=3)), images, labels, generator=generator(1)
    )
    assert result.trajectory.shape == (2, 10, 7, 3)
    starts = attack.limits.draw(images, 2, generator=generator(1))
    assert_close(result.trajectory[:, 0], starts.transpose(0, 1))
    step = (result.trajectory[:, 1:] - result.trajectory[:, :-1]).abs()
    longest = torch.tensor([0.6, 0.25, 0.25])
    assert (step <= longest + 1e-5).all()
    inside = (result.trajectory.abs() < attack.limits.radius(images) - longest).all(dim=-1)[:, :-1]
    full = (step / longest).amax(dim=-1)[inside]
    assert_close(full, torch.ones_like(full), rtol=0, atol=1e-4)
    for restart in range(2):
        for number in (0, 4, 9):
            moved = rotate_shift(images, result.trajectory[restart, number])
            with torch.no_grad():
                logits = network.eval()(moved).double()
            losses = nn.functional.cross_entropy(logits, labels, reduction="none")
            assert_close(result.trajectory_loss[restart, number], losses, rtol=0, atol=1e-4)
    assert (result.evaluations == 2 * 10).all()


def test_it_takes_the_gradients_direction(network, images, labels):
    attack = FirstOrder(1, rotation_step=0.01, shift_step=0.01, rule="normalized")
    way = attack(Network(network), images, labels, generator=generator(3)).trajectory[0]
    pose = way[0].clone().requires_grad_()
    logits = network.eval()(rotate_shift(images, pose))
    (gradient,) = torch.autograd.grad(
        nn.functional.cross_entropy(logits, labels, reduction="sum"), pose
    )
    direction = gradient / gradient.abs().amax(dim=1, keepdim=True)
    assert_close((way[1] - way[0]) / 0.01, direction, rtol=0, atol=1e-2)


def test_of_all_poses_visited_the_most_harmful_counts(network, images, labels):
    attack = FirstOrder(15, restarts=3)
    result = attack(Network(network), images, labels, generator=generator(2))
    right = ~result.success
    highest = result.trajectory_loss.flatten(0, 1).amax(dim=0)
    assert_close(result.loss[right], highest[right])
    assert (result.loss <= highest + 1e-9).all()


def test_a_flat_loss_moves_nothing(images, labels):
    class Flat(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sum(dim=(1, 2, 3))[:, None] * torch.zeros(1, 3)

    result = FirstOrder(3)(Network(Flat()), images, labels, generator=generator(0))
    assert torch.equal(result.trajectory[0, 0], result.trajectory[0, -1])
    assert_close(result.loss, torch.full((7,), math.log(3), dtype=torch.float64))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "at least one step and one start, got 0 and 1"),
        ({"restarts": 0}, "got 200 and 0"),
        ({"rotation_step": -1.0}, "not negative, got -1.0 degrees"),
        ({"shift_step": math.inf}, "finite"),
        ({"rule": "adam"}, "sign or normalized, got 'adam'"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        FirstOrder(**settings)
