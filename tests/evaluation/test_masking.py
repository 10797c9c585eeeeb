"""Signs of masked gradients: absent in an honest network, present in one that hides."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from landscape.attacks import PGD
from landscape.errors import InputError
from landscape.evaluation import Masking, masking
from landscape.evaluation.masking import HUGE, LITTLE, SLACK
from landscape.models.layers import Round

ATTACK = PGD(eps=0.02, step=0.01, steps=5)
LEVELS = 6


@pytest.fixture(scope="module")
def problem():
    """Two classes told apart by the sum of 16 pixels, some of them only just."""
    draws = torch.Generator().manual_seed(0)
    images = 0.3 + 0.4 * torch.rand(67, 1, 4, 4, generator=draws)
    labels = (images.mean(dim=(1, 2, 3)) > 0.5).long()
    return images, labels


def network(levels=0, straight_through=True):
    linear = nn.Linear(16, 2)
    with torch.no_grad():
        linear.weight[0], linear.weight[1] = -1.0, 1.0
        linear.bias.copy_(torch.tensor([8.0, -8.0]))
    first = [Round(levels, straight_through=straight_through)] if levels else []
    return nn.Sequential(*first, nn.Flatten(), linear)


def found(problem, model, **options):
    return masking(model, *problem, attack=ATTACK, seed=0, steps=10, restarts=2, **options)


def test_an_honest_network_shows_no_sign(problem):
    seen = found(problem, network(), source=network())
    assert not seen.suspected
    assert seen.images == 67
    assert seen.accuracy["natural"] == 1
    # A linear network under a sign attack: the margin falls by 2 * 16 * eps, exactly.
    images, _ = problem
    margin = 2 * (images.sum(dim=(1, 2, 3)) - 8).abs()
    left = (margin > 2 * 16 * ATTACK.eps).double().mean().item()
    for attack in ("attack", "one step", "longer", "transfer"):
        assert seen.accuracy[attack] == pytest.approx(left)
    assert seen.accuracy["guesses"] > left
    assert seen.accuracy["huge radius"] == 0
    assert {sign.numbers[0] for sign in seen.signs} == {seen.accuracy["attack"], 0.0}
    low, high = seen.interval("attack")
    assert low < left < high


def test_a_network_whose_gradient_is_rounded_away_is_suspected(problem):
    hidden = network(LEVELS, straight_through=False)
    seen = found(problem, hidden, source=network())
    assert seen.suspected
    failed = {sign.claim for sign in seen.signs if not sign.holds}
    assert "seeing the network is no weaker than images made against another" in failed
    assert f"within a radius of {HUGE} nothing is left" in failed
    assert seen.accuracy["attack"] > seen.accuracy["transfer"] + SLACK
    open_ = found(problem, network(LEVELS), source=network())
    assert open_.accuracy["natural"] == seen.accuracy["natural"]
    assert open_.accuracy["attack"] < seen.accuracy["attack"] - LITTLE  # it was never robust
    assert open_.accuracy["huge radius"] == 0


def test_an_attack_that_stops_too_early_is_found_out(problem):
    early = replace(ATTACK, step=0.001, steps=1)
    seen = masking(network(), *problem, attack=early, seed=0, steps=200, restarts=2)
    failed = [sign.claim for sign in seen.signs if not sign.holds]
    assert "more steps and starts find little more" in failed
    assert "iterating is no weaker than a single step" in failed
    assert "transfer" not in seen.accuracy


def test_the_same_seed_finds_the_same(problem):
    assert isinstance(found(problem, network()), Masking)
    assert found(problem, network(LEVELS)) == found(problem, network(LEVELS))


@pytest.mark.parametrize("attack", [PGD(norm="l2"), replace(ATTACK, eps=0.0)])
def test_other_attacks_are_refused(problem, attack):
    with pytest.raises(InputError, match="within a positive radius of linf, got l"):
        masking(network(), *problem, attack=attack, seed=0)
