"""The residual networks that He et al. made for CIFAR-10."""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from landscape.errors import InputError
from landscape.models.layers import BlurPool, Normalize
from landscape.typing import Images, Logits

WIDTHS = (16, 32, 64)


class CifarResNet(nn.Module):
    """ResNet-20, -32, -44, -56, ... for small images (He et al. 2016, sec. 4.2).

    6n + 2 layers: a 3x3 convolution, three stages of n blocks with 16, 32 and 64 channels, global
    average pooling and a linear layer. Shortcuts have no parameters (option A). Parameters bear
    the names of the widely used public state dicts of akamaster/pytorch_resnet_cifar10. With `blur`
    a filter of so many taps comes before every subsampling (Zhang 2019); it has no parameters.

    Raises:
        InputError: `depth` is not 6n + 2, or a filter has less than two taps.
    """

    def __init__(
        self,
        depth: int,
        classes: int,
        channels: int,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        *,
        blur: int = 0,
    ) -> None:
        super().__init__()
        blocks, remainder = divmod(depth - 2, 6)
        if blocks < 1 or remainder:
            raise InputError(f"depth must be 6n + 2 with n >= 1 (8, 14, 20, ...), got {depth}")
        self.normalize = Normalize.of(channels, mean, std)
        self.conv1 = _conv3x3(channels, WIDTHS[0])
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], blocks)
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], blocks, blur)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], blocks, blur)
        self.linear = nn.Linear(WIDTHS[2], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Images) -> Logits:
        """Logits of images in [0, 1]."""
        x = F.relu(self.bn1(self.conv1(self.normalize(x))), inplace=True)
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Logits = self.linear(x.mean(dim=(2, 3)))
        return logits


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and the identity; where channels double, resolution halves."""

    def __init__(self, before: int, width: int, blur: int = 0) -> None:
        super().__init__()
        self.stride = 1 if before == width else 2
        self.new_channels = width - before
        blurs = blur != 0 and self.stride > 1
        self.conv1 = _conv3x3(before, width, 1 if blurs else self.stride)
        self.blur1 = BlurPool(width, blur) if blurs else None
        self.blur2 = BlurPool(before, blur) if blurs else None
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(
        self, x: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after height_after width_after"]:
        """The features after the block."""
        # In place, as no gradient needs what BatchNorm gave: memory is what these layers wait for.
        inner = F.relu(self.bn1(self.conv1(x)), inplace=True)
        if self.blur1 is not None:
            inner = self.blur1(inner)
        residual = self.bn2(self.conv2(inner))
        residual += self._shortcut(x)
        return F.relu(residual, inplace=True)

    def _shortcut(self, x: Tensor) -> Tensor:
        """Every second pixel, new channels zero: half of them before the old ones, half after."""
        if self.stride == 1:
            return x
        first = self.new_channels // 2
        padding = (0, 0, 0, 0, first, self.new_channels - first)
        fewer = x[:, :, ::2, ::2] if self.blur2 is None else self.blur2(x)
        return F.pad(fewer, padding)


def _conv3x3(before: int, width: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)


def _stage(before: int, width: int, blocks: int, blur: int = 0) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(before, width, blur), *(BasicBlock(width, width) for _ in range(blocks - 1))
    )
