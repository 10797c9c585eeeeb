"""FGSM and PGD are foolbox's, where both count the last image."""

import warnings

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from landscape.attacks import FGSM, PGD
from landscape.engine import Network
from landscape.rng import generator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    foolbox = pytest.importorskip("foolbox")

# Where the gradient of a pixel is next to nothing, its sign is a matter of rounding.
SHARE_OF_SUCH_PIXELS = 0.01


@pytest.fixture
def theirs(network):
    return foolbox.PyTorchModel(network.eval(), bounds=(0, 1), device="cpu")


def made_by(attack, theirs, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    raw, _, _ = attack(theirs, images, labels, epsilons=eps)
    return raw


def made_here(attack, network, images: Tensor, labels: Tensor) -> Tensor:
    return attack(Network(network), images, labels, generator=generator(0)).images


@pytest.mark.parametrize("eps", [2 / 255, 8 / 255, 0.3])
def test_fgsm(theirs, network, images, labels, eps):
    expected = made_by(foolbox.attacks.LinfFastGradientAttack(), theirs, images, labels, eps)
    found = made_here(FGSM(eps=eps), network, images, labels)
    assert ((found - expected).abs() > 1e-6).double().mean() <= SHARE_OF_SUCH_PIXELS


@pytest.mark.parametrize("steps", [1, 4])
def test_pgd_in_the_maximum_norm(theirs, network, images, labels, steps):
    attack = foolbox.attacks.LinfProjectedGradientDescentAttack(
        abs_stepsize=0.02, steps=steps, random_start=False
    )
    expected = made_by(attack, theirs, images, labels, 0.05)
    ours = PGD(eps=0.05, step=0.02, steps=steps, random_start=False, last=True)
    found = made_here(ours, network, images, labels)
    assert ((found - expected).abs() > 1e-6).double().mean() <= SHARE_OF_SUCH_PIXELS


@pytest.mark.parametrize("steps", [1, 4])
def test_pgd_in_the_euclidean_norm(theirs, network, images, labels, steps):
    attack = foolbox.attacks.L2ProjectedGradientDescentAttack(
        abs_stepsize=0.2, steps=steps, random_start=False
    )
    inner = 0.25 + 0.5 * images  # far from black and white: they cut to [0, 1] last, we first
    expected = made_by(attack, theirs, inner, labels, 0.5)
    ours = PGD("l2", eps=0.5, step=0.2, steps=steps, random_start=False, last=True)
    assert_close(made_here(ours, network, inner, labels), expected, rtol=0, atol=1e-5)


def test_a_target_is_reached_as_theirs_reaches_it(theirs, network, images, labels):
    attack = foolbox.attacks.LinfProjectedGradientDescentAttack(
        abs_stepsize=0.02, steps=4, random_start=False
    )
    criterion = foolbox.criteria.TargetedMisclassification(torch.full_like(labels, 2))
    expected, _, _ = attack(theirs, images, criterion, epsilons=0.05)
    ours = PGD(eps=0.05, step=0.02, steps=4, random_start=False, target="2", last=True)
    found = made_here(ours, network, images, labels)
    assert ((found - expected).abs() > 1e-6).double().mean() <= SHARE_OF_SUCH_PIXELS
