"""Attacks past the rounding of pixels, against attacks on the network without it."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from landscape.attacks import FGSM, PGD, PastRounding, Vote, Voter, make_attack
from landscape.engine import Network
from landscape.errors import InputError
from landscape.models.layers import Round, without_rounding
from landscape.rng import generator


@pytest.mark.parametrize("straight_through", [True, False])
def test_images_are_made_without_the_rounding_and_judged_with_it(
    network, images, labels, straight_through
):
    attack = PGD(eps=0.2, step=0.05, steps=4)
    rounding = nn.Sequential(Round(5, straight_through=straight_through), network)
    found = PastRounding(attack)(Network(rounding), images, labels, generator=generator(0))
    plain = attack(Network(network), images, labels, generator=generator(0))
    assert_close(found.images, plain.images)
    scores = Network(rounding).score(plain.images, labels)
    assert_close(found.loss, scores.loss)
    assert torch.equal(found.prediction, scores.prediction)
    assert torch.equal(found.success, scores.prediction != labels)
    assert not torch.allclose(found.loss, plain.loss)
    assert (found.evaluations == plain.evaluations + 1).all()
    assert PastRounding(attack).evaluations == attack.evaluations + 1


@pytest.mark.parametrize("target", ["2", "random", "least-likely"])
def test_success_is_the_target_where_there_is_one(network, images, labels, target):
    rounding = Network(nn.Sequential(Round(5), network))
    attack = PGD(eps=0.3, step=0.1, steps=5, target=target)
    found = PastRounding(attack)(rounding, images, labels, generator=generator(0))
    smooth = attack(Network(network), images, labels, generator=generator(0))
    assert torch.equal(found.target, smooth.target)
    assert torch.equal(found.success, found.prediction == found.target)
    assert not torch.equal(found.success, found.prediction != labels)


def test_without_rounding_it_is_the_attack_itself(network, images, labels):
    attack = FGSM(eps=0.1)
    found = PastRounding(attack)(Network(network), images, labels, generator=generator(0))
    plain = attack(Network(network), images, labels, generator=generator(0))
    assert_close(found.loss, plain.loss)
    assert torch.equal(found.images, plain.images)


def test_the_attacked_network_keeps_its_rounding(network, images, labels):
    runner = Network(nn.Sequential(Round(3), network))
    before = runner.score(images, labels)
    PastRounding()(runner, images, labels, generator=generator(0))
    assert torch.equal(runner.score(images, labels).loss, before.loss)


def test_rounding_is_taken_out_wherever_it_stands(images):
    assert isinstance(without_rounding(Round()), nn.Identity)
    layer = Round(2)
    shared = nn.Sequential(layer, nn.Sequential(nn.Flatten(), layer))
    assert_close(without_rounding(shared)(images), images.flatten(1))
    assert shared[0] is layer


def test_it_has_a_name(network):
    assert make_attack("pgd+unrounded:eps=4/255") == PastRounding(PGD(eps=4 / 255))
    assert make_attack("fgsm+unrounded") == PastRounding(FGSM())


def test_a_vote_has_no_rounding_to_leave_out(network, images, labels):
    voter = Voter(Network(network), Vote(2), generator=generator(0))
    with pytest.raises(InputError, match="left out of a network, not of a vote"):
        PastRounding()(voter, images, labels, generator=generator(0))
