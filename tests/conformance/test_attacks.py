"""What every attack must do; a new one in `ATTACKS` is tested without a line here."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from landscape.attacks import (
    ATTACKS,
    FGSM,
    PGD,
    Attack,
    AttackResult,
    BoundedStAdv,
    make_attack,
)
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.spatial import SpatialLimits, displace, rotate_shift

RAGGED = [3, 1, 2, 1]


FASTER = {
    "grid": "grid:rotations=5,shifts=3",
    "grid-first": "grid-first:rotations=5,shifts=3",
    "grid+refine": "grid+refine:rotations=5,shifts=3,starts=2,levels=2",
    "first-order": "first-order:steps=12,restarts=2",
    "stadv": "stadv:iterations=15",
    "stadv-bounded": "stadv-bounded:steps=15,step=0.1",
}
"""The same attacks with less to do."""


OTHERS = [
    "grid+linf:rotations=3,shifts=1",
    "first-order+linf:steps=9,order=after",
    "pgd:restarts=2,steps=3,rule=adam,loss=margin",
    "pgd-l2:restarts=2,steps=3,eps=2,step=1",
    "stadv-bounded:steps=9,step=0.1,rule=sign,loss=cross-entropy",
    "pgd+unrounded:steps=3",
]


@pytest.fixture(params=[*ATTACKS, *OTHERS])
def attack(request: pytest.FixtureRequest) -> Attack:
    return make_attack(FASTER.get(request.param, request.param))


@pytest.fixture
def result(attack, network, images, labels) -> AttackResult:
    return attack(Network(network), images, labels, generator=generator(0))


def plain_logits(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return copy.deepcopy(model).eval()(images)


def test_there_is_one_answer_per_image(result, images):
    assert result.images.shape == images.shape
    assert result.pose.shape == (len(images), 3)
    assert result.loss.shape == result.success.shape == (len(images),)
    assert result.success.dtype == torch.bool
    assert result.evaluations.shape == result.prediction.shape == result.margin.shape
    tensors = (result.images, result.pose, result.loss, result.margin, result.success)
    assert not any(tensor.requires_grad for tensor in tensors)


def test_loss_and_success_are_those_of_the_images_it_returns(result, network, labels):
    logits = plain_logits(network, result.images)
    assert torch.equal(result.success, logits.argmax(dim=1) != labels)
    assert torch.equal(result.prediction, logits.argmax(dim=1))
    true = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
    assert_close(result.margin.float(), true - others, rtol=0, atol=1e-4)
    expected = F.cross_entropy(logits.double(), labels, reduction="none")
    assert_close(result.loss.double(), expected, rtol=0, atol=1e-5)


def test_its_images_are_the_originals_as_it_says_it_moved_them(attack, result, images):
    assert 0 <= result.images.min() <= result.images.max() <= 1
    flow = getattr(result, "flow", None)
    assert flow is None or flow.abs().max() <= getattr(attack, "limit", torch.inf)
    moved = rotate_shift(images, result.pose) if flow is None else displace(images, flow)
    attack = getattr(attack, "attack", attack)
    pixels = attack if isinstance(attack, PGD | FGSM) else getattr(attack, "pixels", None)
    if pixels is None and flow is None and not hasattr(attack, "warp"):
        pytest.skip("changes images in a way of its own")
    reach = pixels.eps if pixels else 0.0
    order = 2 if getattr(pixels, "norm", "") == "l2" else torch.inf
    # An average of pixels moves no more than they do.
    assert (result.images - moved).flatten(1).norm(order, dim=1).max() <= reach + 1e-6
    assert (reach == 0) == torch.allclose(result.images, moved, rtol=0, atol=1e-6)


def test_it_never_hurts_less_than_an_image_it_has_seen_unmoved(
    attack, result, network, images, labels
):
    """Where the image as it is is one of the candidates."""
    if getattr(attack, "random_start", False) or not isinstance(attack, PGD | BoundedStAdv):
        pytest.skip("does not visit the image as it is, or ranks by something else")
    clean = Network(network).score(images, labels)
    assert (result.success | (clean.prediction == labels)).all()
    assert (result.loss >= clean.loss - 1e-6)[~result.success].all()


def test_its_poses_stay_within_the_papers_limits(result, images):
    limits = SpatialLimits().for_size(*images.shape[-2:])
    reach = torch.tensor([limits.rotation, limits.shift_x, limits.shift_y])
    assert (result.pose.abs() <= reach * (1 + 1e-6)).all()


def test_it_counts_what_the_network_saw(attack, network, images, labels):
    runner, seen = Network(network), []
    runner.prepare(images)
    runner.module.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    result = attack(runner, images, labels, generator=generator(0))
    assert sum(seen) == result.evaluations.sum()
    assert (result.evaluations <= attack.evaluations).all()
    assert result.evaluations.min() >= 1


def test_the_model_stays_bit_for_bit_as_it_was(attack, network, images, labels, untouched):
    before = images.clone()
    with untouched(network):
        attack(Network(network), images, labels, generator=generator(0))
    assert torch.equal(images, before)


def test_random_numbers_come_from_the_generator_alone(attack, result, network, images, labels):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = attack(Network(network), images, labels, generator=generator(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert vars(again).keys() == vars(result).keys()
    assert_close(vars(again), vars(result), rtol=0, atol=0)


def test_it_does_not_matter_how_the_images_are_batched(
    attack, result, network, images, labels, request
):
    runner, draws = Network(network, Compute(micro_batch=4)), generator(0)
    parts = [
        attack(runner, x, y, generator=draws)
        for x, y in zip(images.split(RAGGED), labels.split(RAGGED), strict=True)
    ]
    names = ["pose", "loss", "prediction", "success", "evaluations"]
    # Where the gradient of a pixel is next to nothing, its sign is a matter of rounding.
    steps = ("linf", "fgsm", "pgd", "stadv")
    names += [] if any(name in request.node.name for name in steps) else ["images"]
    for name in names:
        joined = torch.cat([getattr(part, name) for part in parts])
        assert_close(joined, getattr(result, name), rtol=0, atol=1e-5)


def test_it_follows_the_precision_of_the_network(attack, result, network, images, labels):
    runner = Network(copy.deepcopy(network).double())
    double = attack(runner, images, labels, generator=generator(0))
    assert double.images.dtype == double.pose.dtype == torch.float64
    assert_close(double.pose.float(), result.pose, rtol=0, atol=1e-5)
    assert_close(double.loss.double(), result.loss.double(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_the_network_does_not_know_are_refused(attack, network, images, labels, label):
    labels[2] = label
    with pytest.raises(InputError, match=r"labels from 0 to 2 \(the model has 3 outputs\), got"):
        attack(Network(network), images, labels, generator=generator(0))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_images_may_lie_on_another_device_than_the_network(attack, network, images, labels):
    plain = attack(Network(network), images, labels, generator=generator(0))
    moved = attack(Network(network, Compute(device="cuda")), images, labels, generator=generator(0))
    assert moved.images.is_cuda
    assert_close(moved.loss.cpu(), plain.loss, rtol=0, atol=1e-2)
