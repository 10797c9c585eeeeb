"""Targets: which class, what counts as success, and what is told of the outcome."""

import copy

import pytest
import torch

from landscape.attacks import FGSM, PGD, WithLinf
from landscape.attacks.goal import goal_of
from landscape.engine import Network
from landscape.errors import InputError
from landscape.rng import generator


def test_random_targets_are_other_classes_all_of_them(network, images):
    many, labels = images.repeat(60, 1, 1, 1), torch.arange(420) % 3
    goal = goal_of("random", Network(network), many, labels, generator=generator(0))
    assert (goal.labels != labels).all()
    steps = (goal.labels - labels) % 3
    assert 150 < (steps == 1).sum() < 270  # of 420; the other step is 2
    assert goal.targeted


def test_the_least_likely_class_is_never_the_true_one(network, images, labels):
    logits = copy.deepcopy(network).eval()(images)
    goal = goal_of("least-likely", Network(network), images, labels, generator=generator(0))
    for row, label, target in zip(logits.tolist(), labels.tolist(), goal.labels, strict=True):
        assert target != label
        assert row[target] == min(value for c, value in enumerate(row) if c != label)


def test_success_is_the_target_and_loss_that_of_the_true_class(network, images, labels):
    attack = PGD(eps=0.3, step=0.1, steps=5, target="2")
    found = attack(Network(network), images, labels, generator=generator(0))
    clean = Network(network).score(images, labels)
    scores = Network(network).score(found.images, labels)
    assert torch.equal(found.success, found.prediction == 2)
    assert found.success.sum() > (clean.prediction == 2).sum()
    torch.testing.assert_close(found.loss, scores.loss)
    torch.testing.assert_close(found.margin, scores.margin)
    assert (found.evaluations == attack.evaluations).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FGSM(target="cat"), "number of a class, random or least-likely, got 'cat'"),
        (lambda: PGD(target="-1"), "got '-1'"),
        (lambda: WithLinf(pixels=PGD(target="1")), "any wrong class, got the target '1'"),
    ],
)
def test_what_is_no_target_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_class_the_network_has_not_is_refused(network, images, labels):
    with pytest.raises(InputError, match="a target from 0 to 2, got 3"):
        FGSM(target="3")(Network(network), images, labels, generator=generator(0))
