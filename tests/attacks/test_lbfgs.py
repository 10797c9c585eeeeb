"""L-BFGS for many problems, against closed forms and scipy."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipys
from torch import Tensor

from landscape.attacks.lbfgs import minimize
from landscape.rng import generator


def valleys(points: Tensor) -> tuple[Tensor, Tensor]:
    """Rosenbrock's function of each pair of neighbouring coordinates, and its gradient."""
    near, far = points[:, :-1], points[:, 1:]
    bend = far - near**2
    gradient = torch.zeros_like(points)
    gradient[:, :-1] = -400 * near * bend - 2 * (1 - near)
    gradient[:, 1:] += 200 * bend
    return (100 * bend**2 + (1 - near) ** 2).sum(dim=1), gradient


def test_bowls_of_any_shape_are_solved():
    curvature = 10 ** torch.linspace(-1, 1, 12).double()
    centre = torch.rand(5, 12, generator=generator(0)).double()

    def bowls(points: Tensor) -> tuple[Tensor, Tensor]:
        away = points - centre
        return (curvature * away**2).sum(dim=1) / 2, curvature * away

    found = minimize(bowls, torch.zeros(5, 12).double(), iterations=150)
    assert bowls(found)[0].max() < 1e-12


def test_curved_valleys_are_followed_about_as_fast_as_scipy_does():
    starts = 2 * torch.rand(6, 4, generator=generator(1)).double() - 1
    found = valleys(minimize(valleys, starts, iterations=120, memory=10))[0]

    def one(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = valleys(torch.from_numpy(point)[None])
        return value.item(), gradient[0].numpy()

    for start, value in zip(starts, found.tolist(), strict=True):
        theirs = scipys(one, start.numpy(), jac=True, method="L-BFGS-B", options={"maxfun": 120})
        assert value < theirs.fun + 1e-6


@pytest.mark.parametrize("iterations", [1, 7, 30])
def test_each_goes_its_own_way(iterations):
    starts = 2 * torch.rand(6, 4, generator=generator(2)).double() - 1
    together = minimize(valleys, starts, iterations=iterations)
    alone = [minimize(valleys, start[None], iterations=iterations) for start in starts]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-12)


def test_it_never_ends_higher_than_it_began_even_where_there_is_a_kink_or_nan():
    def kinked(points: Tensor) -> tuple[Tensor, Tensor]:
        value = points.abs().sum(dim=1)
        value = torch.where(points.min(dim=1).values < -2, torch.nan, value)
        return value, points.sign()

    starts = torch.tensor([[3.0, -1.5], [0.2, 0.1], [0.0, 0.0]])
    found = minimize(kinked, starts, iterations=60)
    assert (kinked(found)[0] <= kinked(starts)[0]).all()
    assert kinked(found)[0].max() < 1e-2
    assert torch.equal(found[2], starts[2])
