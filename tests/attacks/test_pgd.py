"""PGD on pixels, alone and with poses, against plain autograd."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from landscape.attacks import (
    FGSM,
    PGD,
    FirstOrder,
    GridSearch,
    RandomPose,
    WithLinf,
    make_attack,
)
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift

SMALL = SpatialLimits(30.0, 1.0, 1.0)


def by_hand(
    model: nn.Module,
    image: Tensor,
    label: Tensor,
    pose: Tensor,
    eps: float,
    step: float,
    steps: int,
) -> list[tuple[bool, float, Tensor]]:
    """Whether each image on the way is misclassified, its loss, and its pixels."""
    model = copy.deepcopy(model).eval()
    pixels, visited = image.clone(), []
    for _ in range(steps + 1):
        pixels.requires_grad_()
        logits = model(rotate_shift(pixels, pose))
        loss = F.cross_entropy(logits, label)
        (gradient,) = torch.autograd.grad(loss, pixels)
        pixels = pixels.detach()
        visited.append((bool(logits[0].argmax() != label[0]), loss.item(), pixels))
        pixels = (pixels + step * gradient.sign()).clamp(image - eps, image + eps).clamp(0, 1)
    return visited


@pytest.mark.parametrize("micro_batch", [2, 100])
def test_it_climbs_as_plain_autograd_does(network, images, labels, micro_batch):
    attack = PGD(eps=0.05, step=0.02, steps=4, random_start=False)
    result = attack(
        Network(network, Compute(micro_batch=micro_batch)), images, labels, generator=generator(0)
    )
    for i in range(len(images)):
        one = slice(i, i + 1)
        way = by_hand(network, images[one], labels[one], torch.zeros(3), 0.05, 0.02, 4)
        wrong, loss, pixels = max(way, key=lambda visited: visited[:2])
        assert result.success[i].item() == wrong
        assert result.loss[i].item() == pytest.approx(loss, abs=1e-5)
        assert_close(result.images[one], pixels, rtol=0, atol=1e-6)


def test_a_random_start_lies_within_eps_and_comes_from_the_generator(network, images, labels):
    attack = PGD(eps=0.1, step=0.0, steps=1, random_start=True)
    runner = Network(network)
    first, again, other = (
        attack(runner, images, labels, generator=generator(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
    moved = (first.images - images).abs()
    assert 0.05 < moved.max() <= 0.1 + 1e-6
    assert first.images.min() >= 0
    assert first.images.max() <= 1


def test_through_the_transform_each_pose_gets_its_own_perturbation(network, images, labels):
    poses, pixels = (
        RandomPose(k=3, limits=SMALL),
        PGD(eps=0.05, step=0.02, steps=3, random_start=False),
    )
    result = WithLinf(poses, pixels)(Network(network), images, labels, generator=generator(4))
    drawn = SMALL.draw(images, 3, generator=generator(4))
    for i in range(len(images)):
        one = slice(i, i + 1)
        tried = [
            (wrong, loss, pose, rotate_shift(moved, pose))
            for pose in drawn[i]
            for wrong, loss, moved in by_hand(
                network, images[one], labels[one], pose, 0.05, 0.02, 3
            )
        ]
        wrong, loss, pose, attacked = max(tried, key=lambda attempt: attempt[:2])
        assert result.success[i].item() == wrong
        assert result.loss[i].item() == pytest.approx(loss, abs=1e-5)
        assert_close(result.pose[i], pose)
        assert_close(result.images[one], attacked, rtol=0, atol=1e-6)
    assert (result.evaluations == 3 * 4).all()


def test_after_the_pose_pixels_of_the_moved_image_are_perturbed(network, images, labels):
    spatial, pixels = GridSearch(SMALL, 3, 3), PGD(eps=0.05, step=0.02, steps=3, random_start=False)
    runner = Network(network)
    moved = spatial(runner, images, labels, generator=generator(0))
    result = WithLinf(spatial, pixels, order="after")(
        runner, images, labels, generator=generator(0)
    )
    expected = pixels(runner, moved.images, labels, generator=generator(0))
    assert_close(result.images, expected.images)
    assert_close(result.loss, expected.loss)
    assert_close(result.pose, moved.pose)
    assert (result.evaluations == 27 + 4).all()
    assert (result.images - moved.images).abs().max() <= 0.05 + 1e-6


@pytest.mark.parametrize("order", ["through", "after"])
def test_both_together_hurt_at_least_as_much_as_the_poses_alone(network, images, labels, order):
    for spatial in (RandomPose(k=4, limits=SMALL), FirstOrder(8, limits=SMALL)):
        runner = Network(network)
        alone = spatial(runner, images, labels, generator=generator(0))
        both = WithLinf(spatial, order=order)(runner, images, labels, generator=generator(0))
        assert (both.success | ~alone.success).all()
        same = both.success == alone.success
        assert (both.loss[same] >= alone.loss[same] - 1e-6).all()
        assert both.loss.sum() > alone.loss.sum()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eps": 8.0}, "8 of 255 is 8/255"),
        ({"eps": -0.1}, "finite and not negative, got -0.1"),
        ({"step": 2.0}, "got 0.03"),
        ({"steps": 0}, "at least one step and one start, got 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        PGD(**settings)


def test_another_order_is_refused():
    with pytest.raises(InputError, match="through or after a pose, got 'before'"):
        WithLinf(order="before")


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_starts_fill_the_ball_and_do_not_depend_on_the_batch(network, norm):
    images, labels = torch.full((400, 1, 8, 8), 0.5), torch.zeros(400, dtype=torch.int64)
    attack = PGD(norm, eps=0.4, step=0.0, steps=1)
    found = attack(Network(network), images, labels, generator=generator(0))
    away = (found.images - images).flatten(1)
    order = 2 if norm == "l2" else torch.inf
    radius = away.norm(order, dim=1) / 0.4
    assert radius.max() <= 1 + 1e-6
    assert radius.mean() > 0.97  # of a uniform draw from 64 dimensions: 64 / 65
    assert away.mean().abs() < 0.01
    again = generator(0)
    parts = [
        attack(Network(network), x, y, generator=again)
        for x, y in zip(images.split(150), labels.split(150), strict=True)
    ]
    assert_close(torch.cat([p.images for p in parts]), found.images, rtol=0, atol=1e-6)


def test_restarts_only_help(network, images, labels):
    runner = Network(network)
    one = PGD(eps=0.3, step=0.05, steps=2)
    many = PGD(eps=0.3, step=0.05, steps=2, restarts=8)
    alone, best = (a(runner, images, labels, generator=generator(0)) for a in (one, many))
    assert (best.evaluations == 8 * 3).all()
    assert best.success.sum() >= alone.success.sum()
    assert best.loss.sum() > alone.loss.sum()


def test_the_last_image_counts_where_it_is_asked_for(network, images, labels):
    for attack in (FGSM(eps=0.5), PGD(eps=0.5, step=0.5, steps=3, random_start=False, last=True)):
        steps = attack.evaluations - 1
        found = attack(Network(network), images, labels, generator=generator(0))
        for i in range(len(images)):
            one = slice(i, i + 1)
            way = by_hand(network, images[one], labels[one], torch.zeros(3), 0.5, 0.5, steps)
            assert found.loss[i].item() == pytest.approx(way[-1][1], abs=1e-5)
        assert (found.evaluations == steps + 1).all()


def test_the_margin_is_climbed_where_it_is_asked_for(network, images, labels):
    found = {}
    for loss in ("cross-entropy", "margin"):
        attack = PGD(eps=0.1, step=0.1, steps=1, random_start=False, loss=loss, last=True)
        found[loss] = attack(Network(network), images, labels, generator=generator(0))
    model = copy.deepcopy(network).eval()
    x = images.clone().requires_grad_()
    logits = model(x)
    true = logits.gather(1, labels[:, None])[:, 0]
    (slope,) = torch.autograd.grad(
        (logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1) - true).sum(), x
    )
    expected = (images + 0.1 * slope.sign()).clamp(0, 1)
    assert ((found["margin"].images - expected).abs() > 1e-6).float().mean() < 0.01
    assert not torch.equal(found["margin"].images, found["cross-entropy"].images)


def test_adam_takes_pytorchs_steps(network, images, labels):
    pixels = images.clone().requires_grad_()
    optimizer = torch.optim.Adam([pixels], lr=0.01, maximize=True)
    model = copy.deepcopy(network).eval()
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(model(pixels).double(), labels, reduction="sum").backward()
        optimizer.step()
        with torch.no_grad():
            pixels.copy_(pixels.clamp(images - 0.04, images + 0.04).clamp(0, 1))
    attack = PGD(eps=0.04, step=0.01, steps=5, rule="adam", random_start=False, last=True)
    found = attack(Network(network), images, labels, generator=generator(0))
    assert_close(found.images, pixels.detach(), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"norm": "l1"}, "unknown norm of a perturbation 'l1'"),
        ({"rule": "newton"}, "unknown rule of a step 'newton'"),
        ({"loss": "hinge"}, "unknown loss to climb 'hinge'"),
        ({"restarts": 3, "random_start": False}, "3 ways from the same start are one"),
    ],
)
def test_contradictions_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        PGD(**settings)


@pytest.mark.parametrize("text", ["stadv+linf", "pgd+linf", "fgsm+linf:order=after"])
def test_pixels_go_together_with_poses_alone(text):
    with pytest.raises(InputError, match="together with a pose: random, grid, first-order"):
        make_attack(text)
    assert make_attack("natural+linf").evaluations == 6
