"""Attacks that rotate and shift, against a loop over images and poses."""

import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from landscape.attacks import AttackResult, GridSearch, Natural, RandomPose
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.spatial import SpatialLimits, Warp, rotate_shift

WARPS = [Warp(), Warp("engstrom-tf"), Warp(padding="reflect")]
SMALL = SpatialLimits(40.0, 1.5, 2.0)


def worst_by_loop(
    model: nn.Module, images: Tensor, labels: Tensor, poses: Tensor, warp: Warp
) -> list[tuple[Tensor, float, bool]]:
    """Pose, loss and success per image; `poses` is (images, candidates, 3)."""
    model.eval()
    found = []
    for image, label, candidates in zip(images, labels, poses, strict=True):
        tried = []
        for pose in candidates:
            logits = model(warp(image[None], pose))
            wrong = bool(logits[0].argmax() != label)
            tried.append((wrong, F.cross_entropy(logits, label[None]).item(), pose))
        wrong, loss, pose = max(tried, key=lambda t: t[:2])
        found.append((pose, loss, wrong))
    return found


def check_against_loop(
    result: AttackResult,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    poses: Tensor,
    warp: Warp = WARPS[0],
) -> None:
    with torch.no_grad():
        expected = worst_by_loop(model, images, labels, poses, warp)
    assert (result.evaluations == poses.shape[1]).all()
    assert result.success.tolist() == [wrong for _, _, wrong in expected]
    assert_close(result.pose, torch.stack([pose for pose, _, _ in expected]), rtol=0, atol=1e-6)
    losses = torch.tensor([loss for _, loss, _ in expected])
    assert_close(result.loss.float(), losses, rtol=0, atol=1e-5)
    assert_close(result.images, warp(images, result.pose), rtol=0, atol=1e-6)


@pytest.mark.parametrize("micro_batch", [1, 4, 128])
def test_the_grid_finds_what_a_loop_finds(network, images, labels, micro_batch):
    attack = GridSearch(SMALL, rotations=5, shifts=3)
    runner = Network(network, Compute(micro_batch=micro_batch))
    result = attack(runner, images, labels, generator=generator(0))
    poses = torch.cartesian_prod(
        torch.tensor([-40.0, -20, 0, 20, 40]),
        torch.tensor([-1.5, 0, 1.5]),
        torch.tensor([-2.0, 0, 2]),
    )
    check_against_loop(result, network, images, labels, poses.expand(7, 45, 3))


@pytest.mark.parametrize("include_clean", [False, True])
@pytest.mark.parametrize("k", [1, 6])
def test_the_worst_random_pose_is_the_one_a_loop_finds(network, images, labels, k, include_clean):
    attack = RandomPose(k, SMALL, include_clean=include_clean)
    result = attack(
        Network(network, Compute(micro_batch=3)), images, labels, generator=generator(2)
    )
    poses = SMALL.draw(images, k, generator=generator(2))
    if include_clean:
        poses = torch.cat([torch.zeros(7, 1, 3), poses], dim=1)
    check_against_loop(result, network, images, labels, poses)


@pytest.mark.parametrize("warp", WARPS, ids=str)
def test_the_poses_are_applied_as_asked(network, images, labels, warp):
    result = RandomPose(3, SMALL, warp=warp)(
        Network(network), images, labels, generator=generator(0)
    )
    poses = SMALL.draw(images, 3, generator=generator(0))
    check_against_loop(result, network, images, labels, poses, warp)
    grid = GridSearch(SMALL, rotations=3, shifts=1, warp=warp)
    result = grid(Network(network), images, labels, generator=generator(0))
    poses = torch.tensor([[-40.0, 0, 0], [0, 0, 0], [40, 0, 0]]).expand(7, 3, 3)
    check_against_loop(result, network, images, labels, poses, warp)


def test_no_attack_leaves_the_images_bit_for_bit(network, images, labels):
    result = Natural()(Network(network), images, labels, generator=generator(0))
    assert torch.equal(result.images, images)
    assert not result.pose.any()
    check_against_loop(result, network, images, labels, torch.zeros(7, 1, 3))


# --- the grid ---------------------------------------------------------------------------------


def test_the_default_grid_has_the_papers_775_poses():
    poses = GridSearch().poses(torch.zeros(1, 3, 20, 30))
    assert poses.shape == (775, 3)
    assert len(poses.unique(dim=0)) == 775
    for column, (reach, count) in zip(poses.T, [(30, 31), (3, 5), (2, 5)], strict=True):
        expected = torch.tensor([reach * (2 * i / (count - 1) - 1) for i in range(count)])
        assert_close(column.unique(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shifts", [1, 3, 5, 7])
@pytest.mark.parametrize("rotations", [1, 3, 7, 11, 31, 61, 121])
def test_an_odd_grid_holds_the_clean_image_exactly(rotations, shifts):
    poses = GridSearch(SMALL, rotations=rotations, shifts=shifts).poses(torch.zeros(1, 1, 8, 8))
    assert (poses == 0).all(dim=1).sum() == 1
    assert_close(poses, -poses.flip(0), rtol=0, atol=0)


def test_an_even_grid_has_no_clean_image():
    poses = GridSearch(SMALL, rotations=4, shifts=3).poses(torch.zeros(1, 1, 8, 8))
    assert not (poses == 0).all(dim=1).any()


def test_the_grid_hurts_at_least_as_much_as_no_attack(network, images, labels):
    runner = Network(network)
    clean = Natural()(runner, images, labels, generator=generator(0))
    grid = GridSearch(SMALL, rotations=5, shifts=3)(runner, images, labels, generator=generator(0))
    assert (grid.success | ~clean.success).all()
    comparable = grid.success == clean.success
    assert (grid.loss[comparable] >= clean.loss[comparable] - 1e-6).all()
    assert grid.loss.mean() > clean.loss.mean()


def test_a_random_attack_with_the_clean_image_hurts_at_least_as_much(network, images, labels):
    runner = Network(network)
    clean = Natural()(runner, images, labels, generator=generator(0))
    attack = RandomPose(1, SpatialLimits(180.0), include_clean=True)
    worst = attack(runner, images, labels, generator=generator(0))
    assert (worst.success | ~clean.success).all()
    assert not worst.pose.any(dim=1).all()  # for some images the clean one was the worst


# --- which pose is the worst ------------------------------------------------------------------


class Table(nn.Module):
    """The logits of row i of a table where column i of the image is the brightest."""

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        super().__init__()
        self.rows = torch.tensor(rows)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows[x.sum(dim=(1, 2)).argmax(dim=1)]


SURE, DOUBTFUL, JUST_WRONG = [9.0, 0, 0, 0], [0.1, 0, 0, 0], [1.0, 1.1, 0, 0]
"""Losses of class 0: below 0.001, 1.31, and 0.89."""
NAN, CERTAINLY_WRONG = [math.nan] * 4, [-math.inf, 0, 0, 0]


@pytest.mark.parametrize(
    ("rows", "worst"),
    [
        ([SURE, DOUBTFUL, SURE], 1),
        ([JUST_WRONG, SURE, DOUBTFUL], 0),
        ([DOUBTFUL, SURE, JUST_WRONG], 2),
        ([DOUBTFUL, [0, 9.0, 0, 0], JUST_WRONG], 1),
        ([JUST_WRONG, [0, 9.0, 0, 0], CERTAINLY_WRONG], 2),
        ([DOUBTFUL, NAN, SURE], 1),
        ([SURE, SURE, NAN], 2),
        ([NAN, DOUBTFUL, SURE], 0),
        ([SURE, SURE, SURE], 0),
        ([CERTAINLY_WRONG, SURE, CERTAINLY_WRONG], 0),
    ],
    ids=str,
)
def test_misclassified_comes_first_then_the_higher_loss_then_the_earlier_pose(rows, worst):
    image = torch.zeros(1, 1, 3, 3)
    image[..., 1, 1] = 1
    labels = torch.tensor([0])
    attack = GridSearch(SpatialLimits(0.0, 1.0, 0.0), rotations=1, shifts=3)
    result = attack(Network(Table(rows)), image, labels, generator=generator(0))
    assert result.pose[0].tolist() == [0, worst - 1, 0]
    assert torch.equal(result.images, rotate_shift(image, torch.tensor([0.0, worst - 1, 0])))
    expected = F.cross_entropy(torch.tensor(rows[worst])[None].double(), labels)
    assert_close(result.loss[0], expected, equal_nan=True)


def test_a_failed_attack_returns_its_strongest_attempt():
    image = torch.zeros(1, 1, 3, 3)
    image[..., 1, 1] = 1
    attack = GridSearch(SpatialLimits(0.0, 1.0, 0.0), rotations=1, shifts=3)
    network = Network(Table([SURE, SURE, DOUBTFUL]))
    result = attack(network, image, torch.tensor([0]), generator=generator(0))
    assert not result.success.any()
    assert result.pose[0].tolist() == [0, 1, 0]


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, -1])
def test_at_least_one_random_pose(k):
    with pytest.raises(InputError, match=f"at least one random pose, got k={k}"):
        RandomPose(k)


@pytest.mark.parametrize("counts", [(0, 5), (31, 0), (-1, 1)])
def test_at_least_one_value_per_axis(counts):
    with pytest.raises(
        InputError, match="at least one value per axis, got {} x {}".format(*counts)
    ):
        GridSearch(rotations=counts[0], shifts=counts[1])
