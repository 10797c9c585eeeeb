import pytest
import torch
from torch.testing import assert_close
from torchvision import models, transforms

from landscape.models.layers import IMAGENET_MEAN, IMAGENET_STD
from landscape.models.resnet import ResNet

THEIRS = {18: models.resnet18, 50: models.resnet50}


@pytest.mark.parametrize(("depth", "parameters"), [(18, 11_689_512), (50, 25_557_032)])
def test_is_torchvisions_network_behind_a_normalization(depth, parameters):
    theirs = THEIRS[depth](weights=None).eval()
    ours = ResNet(depth, 1000, 3).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert sum(p.numel() for p in ours.parameters()) == parameters
    ours.load_state_dict(theirs.state_dict())
    x = torch.rand(3, 3, 64, 48)
    expected = theirs(transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)(x))
    assert_close(ours(x), expected, rtol=0, atol=0)


def test_form_for_small_images_reduces_nothing_before_the_first_stage():
    model = ResNet(18, 10, 1, small_images=True).eval()
    shapes = []
    for stage in (model.layer1, model.layer4):
        stage.register_forward_hook(lambda module, x, y: shapes.append(tuple(y.shape[1:])))
    assert model(torch.rand(2, 1, 32, 24)).shape == (2, 10)
    assert shapes == [(64, 32, 24), (512, 4, 3)]


@pytest.mark.parametrize("small_images", [False, True])
def test_first_convolution_starts_like_the_others(small_images):
    """He et al. 2015: variance 2 / fan_out, also for the convolution that was exchanged."""
    weight = ResNet(18, 10, 3, small_images=small_images).conv1.weight
    fan_out = weight.shape[0] * weight[0, 0].numel()
    assert weight.var().item() == pytest.approx(2 / fan_out, rel=0.2)
