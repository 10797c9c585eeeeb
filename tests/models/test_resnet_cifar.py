import pytest
import torch
from torch import nn
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.models.resnet_cifar import BasicBlock, CifarResNet

MILLIONS = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85}
"""Parameters by depth, He et al. 2016, table 6."""


def public_names(depth: int) -> list[str]:
    """The keys of the public state dicts of akamaster/pytorch_resnet_cifar10, in their order."""
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    names = ["conv1.weight", *(f"bn1.{part}" for part in norm)]
    for stage in (1, 2, 3):
        for block in range((depth - 2) // 6):
            for i in (1, 2):
                names.append(f"layer{stage}.{block}.conv{i}.weight")
                names += [f"layer{stage}.{block}.bn{i}.{part}" for part in norm]
    return [*names, "linear.weight", "linear.bias"]


@pytest.mark.parametrize("depth", MILLIONS)
def test_parameter_counts_of_the_paper(depth):
    count = sum(p.numel() for p in CifarResNet(depth, 10, 3).parameters())
    assert round(count / 1e6, 2) == pytest.approx(MILLIONS[depth], abs=0.0101)


@pytest.mark.parametrize("depth", MILLIONS)
def test_as_many_layers_as_the_name_says(depth):
    layers = [
        m for m in CifarResNet(depth, 10, 3).modules() if isinstance(m, nn.Conv2d | nn.Linear)
    ]
    assert len(layers) == depth


@pytest.mark.parametrize("depth", MILLIONS)
def test_names_are_those_of_the_public_weights(depth):
    assert list(CifarResNet(depth, 10, 3).state_dict()) == public_names(depth)


def test_shortcut_without_parameters():
    """With a silent residual, a block is the shortcut alone: written out channel by channel."""
    block = BasicBlock(3, 8).eval()
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 3, 6, 7)
    expected = torch.zeros(2, 8, 3, 4)
    for channel in range(3):
        for row in range(3):
            for column in range(4):
                expected[:, 2 + channel, row, column] = x[:, channel, 2 * row, 2 * column]
    assert_close(block(x), expected, rtol=0, atol=0)


def test_same_width_keeps_the_image():
    block = BasicBlock(4, 4).eval()
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 4, 5, 5)
    assert_close(block(x), x, rtol=0, atol=0)


def test_agrees_with_the_layers_applied_one_by_one():
    model = CifarResNet(8, 5, 3).double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    images = torch.rand(3, 3, 16, 16).double()
    mean, std = (
        torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )

    def conv(x, name, stride):
        weight = model.get_parameter(f"{name}.weight")
        return nn.functional.conv2d(x, weight, stride=stride, padding=1)

    def norm(x, name):
        bn = model.get_submodule(name)
        scale = bn.weight / (bn.running_var + 1e-5).sqrt()
        return x * scale.view(-1, 1, 1) + (bn.bias - bn.running_mean * scale).view(-1, 1, 1)

    x = norm(conv((images - mean) / std, "conv1", 1), "bn1").clamp(min=0)
    for stage, stride in ((1, 1), (2, 2), (3, 2)):
        name = f"layer{stage}.0"
        y = norm(conv(x, f"{name}.conv1", stride), f"{name}.bn1").clamp(min=0)
        y = norm(conv(y, f"{name}.conv2", 1), f"{name}.bn2")
        if stride == 2:
            zeros = torch.zeros_like(x[:, ::2, ::2, ::2])
            x = torch.cat([zeros, x[:, :, ::2, ::2], zeros], dim=1)
        x = (x + y).clamp(min=0)
    expected = x.mean(dim=(2, 3)) @ model.linear.weight.T + model.linear.bias
    assert_close(model(images), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("depth", [2, 18, 21])
def test_refuses_a_depth_that_is_not_6n_plus_2(depth):
    with pytest.raises(InputError, match=rf"6n \+ 2 .*got {depth}"):
        CifarResNet(depth, 10, 3)
