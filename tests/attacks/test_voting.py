"""Majority votes, against counting by hand."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from landscape.attacks import FirstOrder, GridSearch, RandomPose, Vote, Voter
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift

SMALL = SpatialLimits(40.0, 1.5, 2.0)


@pytest.mark.parametrize("micro_batch", [1, 3, 100])
@pytest.mark.parametrize("k", [1, 5])
def test_the_majority_is_counted_as_by_hand(network, images, labels, k, micro_batch):
    runner = Network(network, Compute(micro_batch=micro_batch))
    scores = Vote(k, SMALL)(runner, images, labels, generator=generator(0))
    poses = SMALL.draw(images, k, generator=generator(0))
    for i, label in enumerate(labels.tolist()):
        with torch.no_grad():
            logits = torch.cat(
                [network.eval()(rotate_shift(images[i : i + 1], pose)) for pose in poses[i]]
            ).double()
        shares = logits.softmax(dim=1).mean(dim=0)
        votes = logits.argmax(dim=1).bincount(minlength=3)
        winners = [c for c in range(3) if votes[c] == votes.max()]
        assert scores.prediction[i].item() == max(winners, key=lambda c: shares[c])
        assert scores.loss[i].item() == pytest.approx(-shares[label].log().item(), abs=1e-5)
        others = max(int(votes[c]) for c in range(3) if c != label)
        assert scores.margin[i].item() == pytest.approx((int(votes[label]) - others) / k)


class Scripted(nn.Module):
    """The next row of a table at each call, for every image."""

    def __init__(self, rows: list[list[float]]) -> None:
        super().__init__()
        self.rows, self.calls = rows, 0

    def forward(self, x: Tensor) -> Tensor:
        row = self.rows[self.calls % len(self.rows)]
        self.calls += 1
        return torch.tensor(row).repeat(len(x), 1)


NAN = [math.nan] * 3


@pytest.mark.parametrize(
    ("rows", "winner"),
    [
        ([[0.1, 0, 0], [0.1, 0, 0], [0, 9.0, 0]], 0),  # two timid votes against a bold one
        ([[0.1, 0, 0], [0, 9.0, 0]], 1),  # a tie: the bolder one
        ([NAN, [0, 0, 0.1], NAN], 2),  # who does not know does not vote
        ([NAN, NAN], -1),
    ],
)
def test_ties_and_voters_who_do_not_know(rows, winner):
    network = Network(Scripted(rows), Compute(compile="never"))
    images, labels = torch.rand(2, 1, 8, 8, generator=generator(0)), torch.tensor([0, 1])
    network.settle(images)
    network.module.calls = 0
    scores = Vote(len(rows), SMALL)(network, images, labels, generator=generator(0))
    assert scores.prediction.tolist() == [winner, winner]


def test_an_attack_on_the_vote_sees_the_vote(network, images, labels):
    vote = Vote(3, SMALL)
    runner = Network(network)
    voter = Voter(runner, vote, generator=generator(7))
    result = RandomPose(1, SMALL)(voter, images, labels, generator=generator(0))
    pose = SMALL.draw(images, 1, generator=generator(0))[:, 0]
    expected = vote(runner, rotate_shift(images, pose), labels, generator=generator(7))
    assert_close(result.loss, expected.loss)
    assert torch.equal(result.prediction, expected.prediction)
    grid = GridSearch(SMALL, 3, 1)(voter, images, labels, generator=generator(0))
    assert grid.losses.shape == (3, 7)


def test_a_vote_has_no_gradient(network, images, labels):
    voter = Voter(Network(network), Vote(2), generator=generator(0))
    with pytest.raises(InputError, match="no gradient to climb; let this attack look at the"):
        FirstOrder(1)(voter, images, labels, generator=generator(0))


@pytest.mark.parametrize("k", [0, -3])
def test_at_least_one_vote(k):
    with pytest.raises(InputError, match=f"at least one vote, got k={k}"):
        Vote(k)


def test_labels_the_network_does_not_know_are_refused(network, images, labels):
    with pytest.raises(InputError, match="labels from 0 to 2"):
        Vote(2)(Network(network), images, labels + 1, generator=generator(0))
