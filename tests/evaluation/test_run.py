"""Accuracy under attacks, against a plain computation."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import binomtest
from torch import Tensor, nn

from landscape.attacks import PGD, Attack, GridSearch, Natural, RandomPose, Vote
from landscape.data import ImageSet
from landscape.engine import Network
from landscape.errors import InputError
from landscape.evaluation import Evaluation, evaluate, run
from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift
from landscape.store import facts, load_surface

ATTACKS: dict[str, Attack] = {
    "natural": Natural(),
    "random": RandomPose(),
    "again": RandomPose(),
    "grid": GridSearch(rotations=3, shifts=3),
}


@pytest.fixture(params=[7, 3, 1])
def ragged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven images in one batch, in three of which the last is a short one, or one by one."""
    monkeypatch.setattr(run, "BLOCK", request.param)


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
def test_random_poses_are_those_of_the_attacks_own_streams(network, images, labels):
    rows = evaluate(network, images, labels, ATTACKS, seed=4)
    poses = torch.cat(
        [
            SpatialLimits().draw(part, 1, generator=generator(4, "attack", "random", block))[:, 0]
            for block, part in enumerate(images.split(run.BLOCK))
        ]
    )
    accuracy, loss = plain(network, rotate_shift(images, poses), labels)
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


def test_images_may_be_a_set_with_its_labels(network, images, labels):
    pixels = (images * 255).round().to(torch.uint8)
    data = ImageSet("mine", "test", pixels, labels, ("a", "b", "c"), torch.arange(10, 17))
    rows = evaluate(network, data, None, ATTACKS, seed=0)
    assert rows == evaluate(network, pixels.float() / 255, labels, ATTACKS, seed=0)


# --- votes ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ragged")
def test_a_vote_adds_a_row_after_each_attack(network, images, labels):
    vote = Vote(3, SpatialLimits(40.0))
    rows = evaluate(network, images, labels, ATTACKS, seed=0, vote=vote)
    alone = evaluate(network, images, labels, ATTACKS, seed=0)
    assert [(row.attack, row.vote) for row in rows] == [(n, v) for n in ATTACKS for v in (0, 3)]
    assert rows[::2] == alone
    assert rows[1].label == "natural, vote of 3"
    votes = [
        vote(Network(network), x, y, generator=generator(0, "vote", "natural", block))
        for block, (x, y) in enumerate(
            zip(images.split(run.BLOCK), labels.split(run.BLOCK), strict=True)
        )
    ]
    prediction = torch.cat([scores.prediction for scores in votes])
    assert rows[1].accuracy == pytest.approx((prediction == labels).double().mean().item())
    assert rows[1].loss == pytest.approx(torch.cat([v.loss for v in votes]).mean().item())


def test_an_attack_on_the_vote_has_the_vote_s_row_alone(network, images, labels):
    vote, attacks = Vote(3, SpatialLimits(40.0)), {"grid": GridSearch(rotations=5, shifts=1)}
    (on_vote,) = evaluate(network, images, labels, attacks, seed=0, vote=vote, target="vote")
    assert on_vote.vote == 3
    assert on_vote.evaluations == 3 * 5


def test_no_attacks_are_refused(network, images, labels):
    with pytest.raises(InputError, match="expected at least one attack, got none"):
        evaluate(network, images, labels, {}, seed=0)


def test_a_vote_can_only_be_attacked_if_there_is_one(network, images, labels):
    with pytest.raises(InputError, match=r"got none; give --vote 10 \(vote=Vote\(k=10\)\)"):
        evaluate(network, images, labels, ATTACKS, seed=0, target="vote")


# --- files ------------------------------------------------------------------------------------


def test_what_was_done_to_each_image_is_kept(network, images, labels, tmp_path):
    (_, row) = evaluate(
        network,
        images,
        labels,
        {"natural": Natural(), "grid:rotations=3": GridSearch(rotations=3)},
        seed=0,
        out=tmp_path,
        identity={"model": "small"},
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["grid_rotations_3.h5", "natural.h5"]
    data = load_surface(tmp_path / "grid_rotations_3.h5")
    result = GridSearch(rotations=3)(Network(network), images, labels, generator=generator(0))
    assert data.label.values.tolist() == labels.tolist()
    assert (data.prediction != data.label).values.tolist() == result.success.tolist()
    found = torch.stack([torch.tensor(data[n].values) for n in ("rotation", "shift_x", "shift_y")])
    torch.testing.assert_close(found.T, result.pose)
    torch.testing.assert_close(torch.tensor(data.loss.values), result.loss)
    assert (data.evaluations == 75).all()
    assert row.accuracy == float((data.prediction == data.label).mean())
    known = facts(data)
    assert known["configuration"]["attack"]["rotations"] == 3
    assert known["configuration"]["model"] == "small"
    assert known["run"]["micro_batch"] >= 1


class Counting(Natural):
    """Notes which images it sees, and stops working when told to."""

    def __init__(self, stop_after: int | None = None) -> None:
        object.__setattr__(self, "seen", [])
        object.__setattr__(self, "stop_after", stop_after)

    def __call__(self, network, images, labels, *, generator):
        if len(self.seen) == self.stop_after:
            raise KeyboardInterrupt
        self.seen.append(len(images))
        return super().__call__(network, images, labels, generator=generator)


def test_an_evaluation_goes_on_where_it_stopped(network, images, labels, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "BLOCK", 3)
    whole = evaluate(network, images, labels, {"n": Natural()}, seed=0)
    stopped = Counting(stop_after=1)
    with pytest.raises(KeyboardInterrupt):
        evaluate(network, images, labels, {"n": stopped}, seed=0, out=tmp_path)
    rest = Counting()
    assert evaluate(network, images, labels, {"n": rest}, seed=0, out=tmp_path) == whole
    assert (stopped.seen, rest.seen) == ([3], [3, 1])
    again = Counting()
    assert evaluate(network, images, labels, {"n": again}, seed=0, out=tmp_path) == whole
    assert again.seen == []
    anew = Counting()
    assert evaluate(network, images, labels, {"n": anew}, seed=0, out=tmp_path, overwrite=True) == (
        whole
    )
    assert anew.seen == [3, 3, 1]


def test_results_of_something_else_are_not_mixed_in(network, images, labels, tmp_path):
    evaluate(network, images, labels, {"random": RandomPose()}, seed=0, out=tmp_path)
    before = (tmp_path / "random.h5").read_bytes()
    for change in ({"seed": 1}, {"identity": {"model": "other"}}):
        with pytest.raises(InputError, match="another surface"):
            evaluate(
                network,
                images,
                labels,
                {"random": RandomPose()},
                **{"seed": 0, "out": tmp_path, **change},
            )
    with pytest.raises(InputError, match="attack is"):
        evaluate(network, images, labels, {"random": RandomPose(k=2)}, seed=0, out=tmp_path)
    with pytest.raises(InputError, match="data_sha256 is"):
        evaluate(network, images * 0.9, labels, {"random": RandomPose()}, seed=0, out=tmp_path)
    assert (tmp_path / "random.h5").read_bytes() == before


def test_votes_and_attacks_on_them_have_files_of_their_own(network, images, labels, tmp_path):
    attacks: dict[str, Attack] = {"linf": PGD(steps=1)}
    evaluate(network, images, labels, attacks, seed=0, out=tmp_path)
    evaluate(network, images, labels, attacks, seed=0, out=tmp_path, vote=Vote(2))
    random: dict[str, Attack] = {"random": RandomPose()}
    evaluate(network, images, labels, random, seed=0, out=tmp_path, vote=Vote(2), target="vote")
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["linf-vote2.h5", "linf.h5", "random-vote2-attacked.h5"]
    voted = load_surface(tmp_path / "linf-vote2.h5")
    assert set(voted.voted_margin.values.tolist()) <= {-1.0, 0.0, 0.5, 1.0, -0.5}
