"""What every model must do; a new one needs nothing here."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.models import (
    MODELS,
    ModelSpec,
    build_model,
    load_checkpoint,
    save_checkpoint,
    weights_sha256,
)
from landscape.rng import generator

CLASSES, CHANNELS = 5, 3


def build(name: str, seed: int = 0) -> nn.Module:
    spec = ModelSpec(name, classes=CLASSES, channels=CHANNELS)
    return build_model(spec, generator=generator(seed))


@pytest.fixture(scope="module", params=MODELS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(name) -> nn.Module:
    return build(name).eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, CHANNELS, 16, 16, generator=generator(0, "images"))


@torch.no_grad()
def test_logits_are_finite_and_differ_between_images(model, images):
    logits = model(images)
    assert logits.shape == (3, CLASSES)
    assert logits.isfinite().all()
    assert (logits[0] - logits[1]).abs().max() > 0


@torch.no_grad()
def test_an_image_does_not_see_the_others_of_its_batch(model, images):
    alone = torch.cat([model(image[None]) for image in images])
    assert_close(model(images), alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_functional_call_is_the_forward(model, images):
    weights = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    assert_close(functional_call(model, weights, (images,)), model(images), rtol=0, atol=0)
    doubled = {**weights, **{key: 2 * value for key, value in model.named_parameters()}}
    assert not functional_call(model, doubled, (images,)).equal(model(images))


@torch.no_grad()
def test_a_copy_is_the_same_and_apart(model, images):
    expected = model(images)
    copied = copy.deepcopy(model)
    assert_close(copied(images), expected, rtol=0, atol=0)
    for parameter in copied.parameters():
        parameter.zero_()
    assert_close(model(images), expected, rtol=0, atol=0)


@torch.no_grad()
def test_double_precision_agrees_with_single(model, images):
    double = copy.deepcopy(model).double()(images.double())
    assert double.dtype == torch.float64
    assert_close(model(images).double(), double, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_images_are_normalized_inside(model, images):
    """Grey of the mean is zero to the first convolution, whatever its weights."""
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    seen = []
    hook = first.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    model(mean.expand(1, 3, 16, 16))
    hook.remove()
    assert seen[0].shape[:2] == (1, 3)
    assert_close(seen[0], torch.zeros_like(seen[0]))


def test_normalization_is_in_no_state_dict(model):
    assert not [key for key in model.state_dict() if key.split(".")[-1] == "mean"]
    assert not [key for key in model.state_dict() if "normalize" in key]


def test_every_parameter_and_the_image_get_a_gradient(name, images):
    model = build(name)
    images.requires_grad_()
    nn.functional.cross_entropy(model(images), torch.tensor([0, 3, 4])).backward()
    assert images.grad is not None
    assert images.grad.abs().max() > 0
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


def test_first_weights_come_from_the_generator(name, model):
    state = torch.get_rng_state()
    assert weights_sha256(build(name)) == weights_sha256(model) != weights_sha256(build(name, 1))
    assert torch.get_rng_state().equal(state)


def test_a_file_gives_it_back(name, model, images, tmp_path):
    spec = ModelSpec(name, classes=CLASSES, channels=CHANNELS)
    save_checkpoint(tmp_path / "model.pt", model, spec, configuration={}, provenance={})
    found = load_checkpoint(tmp_path / "model.pt")
    assert found.sha256 == weights_sha256(model)
    with torch.no_grad():
        assert_close(found.model(images), model(images), rtol=0, atol=0)


def test_weights_alone_give_classes_and_channels(name, model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    found = load_checkpoint(tmp_path / "weights.pt", spec=ModelSpec(name))
    assert (found.spec.classes, found.spec.channels) == (CLASSES, CHANNELS)


def test_images_of_other_channels_are_refused(model):
    with pytest.raises(InputError, match="3 channels, got 1"):
        model(torch.rand(2, 1, 32, 32))
