"""Targets: which class, what counts as success, and what is told of the outcome."""

import copy
import math

import pytest
import torch

from landscape.attacks import FGSM, PGD, WithLinf
from landscape.attacks.goal import goal_of
from landscape.attacks.strongest import Strongest
from landscape.engine import Network, Scores
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


@pytest.mark.parametrize("target", ["random", "least-likely", "0"])
def test_labels_of_classes_the_network_has_not_are_refused(network, images, labels, target):
    labels[3] = 7
    with pytest.raises(InputError, match=r"labels from 0 to 2 .* from 0 to 7"):
        PGD(target=target)(Network(network), images, labels, generator=generator(0))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("targeted", "kept"), [(True, 1.0), (False, 2.0)])
def test_what_is_nan_is_the_worst_loss_for_who_reaches_for_a_target(order, targeted, kept):
    strongest = Strongest(torch.zeros(1, 1, 2, 2), torch.tensor([3]), targeted=targeted)
    tries = [(0.5, -0.1, 2), (math.nan, math.nan, -1)]
    for which in order:
        scores = Scores(*(torch.tensor([value]) for value in tries[which]))
        strongest.offer(torch.tensor([which + 1.0, 0, 0]), scores)
    assert strongest.pose[0, 0] == kept


def test_a_class_the_network_has_not_is_refused(network, images, labels):
    with pytest.raises(InputError, match="a target from 0 to 2, got 3"):
        FGSM(target="3")(Network(network), images, labels, generator=generator(0))
