"""The grid as a surface, the grid that stops early, and what lies between its points."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.testing import assert_close

import landscape
from landscape.attacks import GridSearch, RefinedGrid
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift

SMALL = SpatialLimits(40.0, 1.5, 2.0)
GRID = GridSearch(SMALL, rotations=5, shifts=3)


def test_a_grid_attack_is_a_spatial_surface(network, images, labels):
    result = GRID(Network(network), images, labels, generator=generator(0))
    rotation, shift_x, shift_y = GRID.axes(images)
    surface = landscape.spatial_surface(
        network, images, labels, rotation=rotation, shift_x=shift_x, shift_y=shift_y
    )
    for name, values in (
        ("loss", result.losses),
        ("margin", result.margins),
        ("prediction", result.predictions),
    ):
        stored = surface[name].transpose("rotation", "shift_x", "shift_y", "image")
        expected = stored.values.reshape(len(result.poses), -1)
        assert_close(values.to(torch.float64), torch.tensor(expected).double(), rtol=0, atol=1e-5)
    wrong = (surface.prediction != surface.label).any(["rotation", "shift_x", "shift_y"])
    assert wrong.values.tolist() == result.success.tolist()


@pytest.mark.parametrize("micro_batch", [1, 4, 100])
def test_stopping_at_the_first_success_finds_the_same_successes(
    network, images, labels, micro_batch
):
    runner = Network(network, Compute(micro_batch=micro_batch))
    whole = GRID(runner, images, labels, generator=generator(0))
    first = GridSearch(SMALL, 5, 3, first=True)(runner, images, labels, generator=generator(0))
    assert torch.equal(first.success, whole.success)
    assert first.success.sum() > 0
    assert (first.evaluations <= 45).all()
    assert (first.evaluations[~first.success] == 45).all()
    assert_close(first.loss[~first.success], whole.loss[~first.success])
    moved = rotate_shift(images, first.pose)
    assert_close(first.images, moved, rtol=0, atol=1e-6)


def test_stopping_early_saves_work(network, images, labels):
    wrong = (labels + 1) % 3  # an untrained network takes few images for these
    attack = GridSearch(SMALL, 31, 3, first=True)
    result = attack(Network(network), images, wrong, generator=generator(0))
    assert result.evaluations.min() < attack.evaluations


class Peak(nn.Module):
    """The loss of class 0 is highest where the bright spot lies between the points of the grid."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.register_buffer("place", torch.tensor([x, y]))

    def forward(self, images: Tensor) -> Tensor:
        side = images.shape[-1]
        axis = torch.arange(side, dtype=images.dtype) - (side - 1) / 2
        mass = images.sum(dim=(1, 2, 3))
        x = (images.sum(dim=(1, 2)) * axis).sum(dim=1) / mass
        y = (images.sum(dim=(1, 3)) * axis).sum(dim=1) / mass
        distance = (torch.stack([x, y], dim=1) - self.place).square().sum(dim=1)
        return torch.stack([distance, torch.zeros_like(distance)], dim=1)


def test_refinement_reaches_a_maximum_between_the_points_of_the_grid():
    image = torch.zeros(2, 1, 17, 17)
    image[..., 8, 8] = 1
    network, labels = Network(Peak(0.37, -1.21)), torch.zeros(2, dtype=torch.int64)
    grid = GridSearch(SpatialLimits(0.0, 2.0, 2.0), rotations=1, shifts=5)
    coarse = grid(network, image, labels, generator=generator(0))
    assert_close(coarse.pose, torch.tensor([[0.0, 0, -1]]).repeat(2, 1))
    refined = RefinedGrid(grid, starts=1, levels=6)
    fine = refined(network, image, labels, generator=generator(0))
    assert_close(fine.pose[:, 1:], torch.tensor([[0.37, -1.21]]).repeat(2, 1), rtol=0, atol=2 / 64)
    assert (fine.loss > coarse.loss).all()
    assert (fine.evaluations == refined.evaluations).all()


def test_refinement_is_never_worse_than_its_grid_and_near_scipy(network, images, labels):
    runner = Network(network)
    coarse = GRID(runner, images, labels, generator=generator(0))
    fine = RefinedGrid(GRID, starts=3, levels=6)(runner, images, labels, generator=generator(0))
    assert (fine.success | ~coarse.success).all()
    same = fine.success == coarse.success
    assert (fine.loss[same] >= coarse.loss[same]).all()
    assert fine.loss.mean() > coarse.loss.mean()
    radius = SMALL.radius(images).numpy()
    for i in range(2):

        def loss(pose: np.ndarray, i: int = i) -> float:
            moved = rotate_shift(images[i : i + 1], torch.tensor(pose, dtype=torch.float32))
            with torch.no_grad():
                logits = network.eval()(moved).double()
            return -nn.functional.cross_entropy(logits, labels[i : i + 1]).item()

        best = minimize(
            loss,
            coarse.pose[i].numpy(),
            method="Nelder-Mead",
            bounds=list(zip(-radius, radius, strict=True)),
        )
        assert fine.loss[i] >= -best.fun - 0.02


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"starts": 0}, "expected 1 to 775 starts and at least one level, got 0 and 5"),
        ({"levels": 0}, "got 3 and 0"),
        ({"grid": GridSearch(rotations=1, shifts=1)}, "expected 1 to 1 starts"),
        ({"grid": GridSearch(first=True)}, "needs every loss"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        RefinedGrid(**settings)
