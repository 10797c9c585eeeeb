"""Accuracy under attacks, against a plain computation."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import binomtest
from torch import Tensor, nn

import landscape.evaluation
from landscape.attacks import Attack, GridSearch, Natural, RandomPose
from landscape.errors import InputError
from landscape.evaluation import Evaluation, evaluate
from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift

ATTACKS: dict[str, Attack] = {
    "natural": Natural(),
    "random": RandomPose(),
    "again": RandomPose(),
    "grid": GridSearch(rotations=3, shifts=3),
}


@pytest.fixture(params=[500, 7, 3, 1])
def ragged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven images in one batch, or in batches of which the last is a short one."""
    monkeypatch.setattr(landscape.evaluation, "BATCH", request.param)


def plain(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Accuracy and mean loss."""
    with torch.no_grad():
        logits = copy.deepcopy(model).eval()(images)
    accuracy = (logits.argmax(dim=1) == labels).double().mean().item()
    return accuracy, F.cross_entropy(logits.double(), labels).item()


@pytest.mark.usefixtures("ragged")
def test_without_an_attack_it_is_plain_accuracy_and_loss(network, images, labels):
    (row,) = evaluate(network, images, labels, {"clean": Natural()}, seed=0)
    accuracy, loss = plain(network, images, labels)
    assert row.accuracy == pytest.approx(accuracy)
    assert row.loss == pytest.approx(loss, abs=1e-6)
    assert (row.attack, row.images, row.evaluations) == ("clean", 7, 1)
    interval = binomtest(round(7 * accuracy), 7).proportion_ci(0.95, method="wilson")
    assert row.interval == pytest.approx((interval.low, interval.high), abs=1e-7)


@pytest.mark.usefixtures("ragged")
def test_random_poses_are_those_of_the_attacks_own_stream(network, images, labels):
    rows = evaluate(network, images, labels, ATTACKS, seed=4)
    draws = generator(4, "attack", "random")
    pose = SpatialLimits().draw(images, 1, generator=draws)[:, 0]
    accuracy, loss = plain(network, rotate_shift(images, pose), labels)
    assert rows[1].accuracy == pytest.approx(accuracy)
    assert rows[1].loss == pytest.approx(loss, abs=1e-6)


def same(a: Evaluation, b: Evaluation) -> bool:
    return a.accuracy == b.accuracy and a.loss == pytest.approx(b.loss, abs=1e-6)


def test_rows_come_in_order_and_do_not_depend_on_each_other(network, images, labels):
    rows = evaluate(network, images, labels, ATTACKS, seed=0)
    assert [row.attack for row in rows] == list(ATTACKS)
    assert [row.evaluations for row in rows] == [1, 1, 1, 27]
    for row, (name, attack) in zip(rows, ATTACKS.items(), strict=True):
        (alone,) = evaluate(network, images, labels, {name: attack}, seed=0)
        assert same(alone, row)
    assert rows[1].loss != rows[2].loss  # two random attacks draw their own poses
    assert rows[3].accuracy <= rows[0].accuracy


def test_the_seed_decides_and_nothing_else(network, images, labels):
    first, again, other = (
        evaluate(network, images, labels, {"random": RandomPose()}, seed=seed)[0]
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first.loss != other.loss


def test_the_model_stays_bit_for_bit_as_it_was(network, images, labels, untouched):
    with untouched(network):
        evaluate(network, images, labels, ATTACKS, seed=0)
    labels[0] = 3
    with untouched(network), pytest.raises(InputError, match="expected labels from 0 to 2"):
        evaluate(network, images, labels, ATTACKS, seed=0)


class Overflowing(nn.Module):
    """Is infinitely wrong about one dark image, and sure of class 0 on the others."""

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.tensor([5.0, 0.0]).repeat(len(x), 1)
        logits[x.mean(dim=(1, 2, 3)) < 0.1] = torch.tensor([-math.inf, 0.0])
        return logits


@pytest.mark.usefixtures("ragged")
@pytest.mark.parametrize("dark", [0, 3, 6])
def test_one_infinite_loss_makes_the_mean_infinite(images, dark):
    images[dark] = 0
    labels = torch.zeros(7, dtype=torch.int64)
    (row,) = evaluate(Overflowing(), images, labels, {"natural": Natural()}, seed=0)
    assert row.loss == math.inf
    assert row.accuracy == pytest.approx(6 / 7)


def test_progress_is_shown_only_if_asked_for(network, images, labels, capsys):
    evaluate(network, images, labels, {"natural": Natural()}, seed=0)
    assert capsys.readouterr() == ("", "")
    evaluate(network, images, labels, {"natural": Natural()}, seed=0, show_progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "natural" in shown.err
    assert "7/7" in shown.err


def test_no_images_are_refused(network, images, labels):
    with pytest.raises(InputError, match="one or more images and a label for each, got 0 images"):
        evaluate(network, images[:0], labels[:0], ATTACKS, seed=0)
