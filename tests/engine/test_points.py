"""Points of weight space against closed forms and a plain loop."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape.engine import Compute, Network, WeightPoints, settle_alike
from landscape.processes import Group
from landscape.weights import weights_of


def random_direction(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(w.shape, generator=generator) for n, w in weights_of(model).items()}


def set_weights(model, *steps):
    """The plain way: a copy whose parameters are written one by one."""
    moved = copy.deepcopy(model)
    with torch.no_grad():
        for name, parameter in moved.named_parameters():
            for coefficient, direction in steps:
                parameter += coefficient * direction[name]
    return moved.eval()


def test_a_linear_model_gives_a_closed_form():
    """Logits are linear in the weights, so the loss is log(1 + e^-z) with z linear in the step."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False)).double()
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]))
    x = torch.tensor([[2.0, 1, 0, 0], [-1.0, 3, 0, 0]]).view(2, 1, 2, 2)
    y = torch.tensor([0, 0])
    direction = {"1.weight": torch.tensor([[0.0, 1, 0, 0], [0, 0, 0, 0]]).double()}
    points = WeightPoints(Network(model), x, y, [direction])
    for a in (-1.5, 0.0, 0.5, 3.0):
        z = np.array([2 + a * 1, -1 + a * 3])  # true logit minus the other
        loss = np.log1p(np.exp(-z))
        found = points.measure([a])
        assert found["loss"].value == pytest.approx(loss.mean(), rel=1e-12)
        assert found["loss"].standard_error == pytest.approx(loss.std(ddof=1) / np.sqrt(2))
        assert found["accuracy"].value == (z > 0).mean()


@pytest.mark.parametrize("micro_batch", [2, 3, 50])
def test_points_are_those_of_a_plain_loop_in_any_order(network, images, labels, micro_batch):
    d, e = random_direction(network, 1), random_direction(network, 2)
    points = WeightPoints(
        Network(network, Compute(micro_batch=micro_batch)), images, labels, [d, e]
    )
    for a, b in [(0.3, -0.2), (0.0, 0.0), (-1.0, 1.0), (0.3, -0.2)]:
        logits = set_weights(network, (a, d), (b, e))(images)
        loss = F.cross_entropy(logits.double(), labels).item()
        found = points.measure([a, b])
        assert found["loss"].value == pytest.approx(loss, rel=1e-4)
        correct = (logits.argmax(1) == labels).double()
        assert found["accuracy"].value == pytest.approx(correct.mean().item())
        stderr = correct.std().item() / np.sqrt(len(labels))
        assert found["accuracy"].standard_error == pytest.approx(stderr)


def test_recomputed_batchnorm_is_that_of_one_batch(network, images, labels):
    """With all images in one micro-batch, statistics are those of training mode, up to n/(n-1)."""
    d = random_direction(network, 1)
    points = WeightPoints(Network(network), images, labels, [d], recompute_batchnorm=True)
    moved = set_weights(network, (0.5, d))
    features = moved[0](images).detach()
    moved[1].running_mean.copy_(features.mean((0, 2, 3)))
    moved[1].running_var.copy_(features.var((0, 2, 3)))
    loss = F.cross_entropy(moved(images).double(), labels).item()
    assert points.measure([0.5])["loss"].value == pytest.approx(loss, rel=1e-5)
    frozen = WeightPoints(Network(network), images, labels, [d]).measure([0.5])["loss"].value
    assert abs(frozen - loss) > 1e-3


def test_recomputed_batchnorm_weighs_ragged_batches_by_images(network, images, labels):
    points = WeightPoints(
        Network(network, Compute(micro_batch=5)), images, labels, [], recompute_batchnorm=True
    )
    points.measure([])
    batches = [network[0](part) for part in images.tensor_split(2)]  # 4 images and 3
    mean = sum(len(b) * b.mean((0, 2, 3)) for b in batches) / 7
    found = points._network.module[1].running_mean
    torch.testing.assert_close(found, mean.detach(), rtol=1e-4, atol=1e-6)


class Follower(Group):
    """The second of two processes, the first of which has chosen passes of three images."""

    def on_first(self, action):
        return 3


def test_statistics_are_of_the_same_batches_whatever_passes_are_chosen(network, images, labels):
    """Those of smaller batches are others, so processes that share a sweep must agree on them."""
    followed = Network(network)
    points = WeightPoints(followed, images, labels, [], recompute_batchnorm=True)
    before = points.measure([])["loss"].value
    followed.expect(700)
    settle_alike(followed, images, Follower(rank=1, size=2))
    assert followed.passes.size == 3
    assert points.measure([])["loss"].value == pytest.approx(before, rel=5e-7)
    smaller = WeightPoints(
        Network(network, Compute(micro_batch=3)), images, labels, [], recompute_batchnorm=True
    )
    assert smaller.measure([])["loss"].value != pytest.approx(before, rel=2e-6)


def test_the_callers_model_is_untouched(network, images, labels, untouched):
    with untouched(network):
        d = random_direction(network, 1)
        for recompute in (False, True):
            points = WeightPoints(
                Network(network), images, labels, [d], recompute_batchnorm=recompute
            )
            points.measure([10.0])
