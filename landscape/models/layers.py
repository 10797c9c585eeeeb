"""Layers that the package's networks share."""

import copy
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from landscape.errors import InputError
from landscape.typing import Images

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MNIST_MEAN = (0.1307,)
MNIST_STD = (0.3081,)


def default_statistics(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel: ImageNet's for colour, MNIST's for grey.

    Raises:
        InputError: neither 3 nor 1 channels.
    """
    known = {3: (IMAGENET_MEAN, IMAGENET_STD), 1: (MNIST_MEAN, MNIST_STD)}
    if channels not in known:
        raise InputError(
            f"default mean and standard deviation exist for 1 and 3 channels, not {channels}; "
            "give mean and std"
        )
    return known[channels]


class BlurPool(nn.Module):
    """A binomial filter, then every second pixel: subsampling without aliases (Zhang 2019).

    Outside lies the mirror image, or the edge where there are too few pixels for one. A side of n
    pixels becomes one of ceil(n / 2).

    Attributes:
        size: of the filter: 2 is a box, 3 a triangle, 5 nearly a Gaussian.

    Raises:
        InputError: the filter has less than two taps.
    """

    weight: Tensor

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        if size < 2:
            raise InputError(f"a filter against aliases has at least 2 taps, got {size}")
        self.size = size
        taps = torch.tensor([math.comb(size - 1, i) for i in range(size)], dtype=torch.float32)
        kernel = torch.outer(taps, taps) / taps.sum() ** 2
        shared = kernel.expand(channels, 1, size, size).clone()
        self.register_buffer("weight", shared, persistent=False)

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel half_height half_width"]:
        """The features at half the resolution."""
        before, after = (self.size - 1) // 2, self.size // 2
        mode = "reflect" if min(x.shape[-2:]) > after else "replicate"  # of two pixels, say
        wider = F.pad(x, (before, after, before, after), mode=mode)
        if x.requires_grad and x.dtype is torch.bfloat16 and x.device.type == "cpu":
            # There the way back through such a convolution takes six to ten times as long in bf16.
            with torch.autocast("cpu", enabled=False):
                return self._filtered(wider.float()).to(x.dtype)
        return self._filtered(wider)

    def _filtered(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.to(x.dtype), stride=2, groups=x.shape[1])

    def extra_repr(self) -> str:
        """What `print(model)` shows of the layer."""
        return f"size={self.size}"


class Round(nn.Module):
    """The nearest of evenly spaced levels from 0 to 1.

    Attributes:
        levels: how many; 256 are those of an 8-bit image.
        straight_through: the gradient is that of the identity (Bengio et al. 2013). Otherwise it is
            the true one, 0, which hides the network from every attack that climbs a gradient and
            makes it no more robust (Athalye et al. 2018).

    Raises:
        InputError: there are less than two levels.
    """

    def __init__(self, levels: int = 256, *, straight_through: bool = True) -> None:
        super().__init__()
        if levels < 2:
            raise InputError(f"rounding needs at least 2 levels, got {levels}")
        self.levels, self.straight_through = levels, straight_through

    def forward(self, x: Images) -> Images:
        """The rounded images."""
        rounded = (x * (self.levels - 1)).round() / (self.levels - 1)
        passes = x.requires_grad and self.straight_through
        return x + (rounded - x).detach() if passes else rounded

    def extra_repr(self) -> str:
        """What `print(model)` shows of the layer."""
        return f"levels={self.levels}, straight_through={self.straight_through}"


def without_rounding(model: nn.Module) -> nn.Module:
    """A copy of a network whose `Round` layers let everything through."""
    twin = copy.deepcopy(model)
    for module in list(twin.modules()):
        for name, child in module.named_children():
            if isinstance(child, Round):
                setattr(module, name, nn.Identity())
    return nn.Identity() if isinstance(twin, Round) else twin


class Normalize(nn.Module):
    """`(x - mean) / std` per channel, the first layer of every network of the package.

    The statistics are buffers that no state dict holds, so that public checkpoints, which know
    nothing of this layer, fit key for key.

    Raises:
        InputError: mean and std differ in length or std is not positive; in `forward`, images of
            another number of channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise InputError(
                f"expected one mean and one positive std per channel, got mean={tuple(mean)}, "
                f"std={tuple(std)}"
            )
        self.register_buffer(
            "mean", torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1), persistent=False
        )
        self.register_buffer(
            "std", torch.tensor(std, dtype=torch.float32).view(-1, 1, 1), persistent=False
        )

    @classmethod
    def of(
        cls, channels: int, mean: Sequence[float] | None, std: Sequence[float] | None
    ) -> "Normalize":
        """The layer for images of `channels` channels; None: `default_statistics`."""
        if mean is None or std is None:
            mean, std = default_statistics(channels)
        if len(mean) != channels:
            raise InputError(f"images of {channels} channels need as many means, got {mean}")
        return cls(mean, std)

    def forward(self, x: Images) -> Images:
        """The images with mean 0 and standard deviation 1, if they are as the statistics say."""
        if x.shape[1] != len(self.mean):
            raise InputError(
                f"the network takes images of {len(self.mean)} channels, got {x.shape[1]} "
                f"(shape {tuple(x.shape)})"
            )
        return (x - self.mean).div_(self.std)

    def extra_repr(self) -> str:
        """What `print(model)` shows of the layer."""
        return f"mean={self.mean.flatten().tolist()}, std={self.std.flatten().tolist()}"
