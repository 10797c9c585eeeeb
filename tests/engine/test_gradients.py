"""Gradients through the engine against plain autograd."""

import copy

import pytest
import torch
import torch.nn.functional as F

from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.spatial import rotate_shift


@pytest.mark.parametrize("micro_batch", [1, 3, 50])
def test_pixels(network, images, labels, micro_batch):
    twin = copy.deepcopy(network).eval()
    x = images.clone().requires_grad_()
    loss = F.cross_entropy(twin(x).double(), labels, reduction="none")
    loss.sum().backward()
    fast = Network(network, Compute(micro_batch=micro_batch))
    found, gradient = fast.gradients(images, lambda pixels, part: pixels, labels)
    torch.testing.assert_close(found.loss, loss.detach(), rtol=1e-5, atol=1e-6)
    assert torch.equal(found.prediction, twin(images).argmax(dim=1))
    torch.testing.assert_close(gradient, x.grad, rtol=1e-4, atol=1e-6)


def test_poses_each_for_its_own_image(network, images, labels, generator):
    poses = (torch.rand(7, 3, generator=generator) - 0.5) * torch.tensor([40.0, 2.0, 2.0])
    fast = Network(network, Compute(micro_batch=3))

    def render(poses, part):
        return rotate_shift(images[part], poses)

    found, gradient = fast.gradients(poses, render, labels)
    twin = copy.deepcopy(network).eval()
    for i in range(7):
        pose = poses[i : i + 1].clone().requires_grad_()
        alone = F.cross_entropy(
            twin(rotate_shift(images[i : i + 1], pose)).double(), labels[i, None]
        )
        alone.backward()
        assert found.loss[i].item() == pytest.approx(alone.item(), rel=1e-5)
        torch.testing.assert_close(gradient[i], pose.grad[0], rtol=1e-3, atol=1e-6)


def test_the_callers_model_is_untouched(network, images, labels, untouched):
    with untouched(network):
        fast = Network(network)
        fast.gradients(images, lambda pixels, part: pixels, labels)
        with pytest.raises(InputError, match="labels from 0 to 2"):
            fast.gradients(images, lambda pixels, part: pixels, labels + 1)


def test_it_works_where_gradients_are_off(network, images, labels):
    with torch.no_grad():
        _, gradient = Network(network).gradients(images, lambda pixels, part: pixels, labels)
    assert gradient.abs().sum() > 0
