"""The residual networks that He et al. made for ImageNet."""

from collections.abc import Sequence
from typing import Any

from torch import nn
from torchvision.models import resnet

from landscape.models.layers import BlurPool, Normalize
from landscape.registry import lookup
from landscape.typing import Images, Logits

STAGES = {18: (resnet.BasicBlock, [2, 2, 2, 2]), 50: (resnet.Bottleneck, [3, 4, 6, 3])}
"""Kind and number of blocks per stage (He et al. 2016, table 1)."""
STEM_WIDTH = 64
POOLS: dict[str, type[nn.MaxPool2d | nn.AvgPool2d]] = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}


class ResNet(resnet.ResNet):  # type: ignore[misc]  # torchvision has no types
    """ResNet-18 or -50 of torchvision behind a normalization; public weights fit key for key.

    With `small_images` the first convolution is 3x3 with stride 1 and nothing is pooled after it,
    as is usual for 32x32 images. `pool` "avg" takes means where the stem takes maxima, the only
    place where a ResNet pools but at its end. With `blur` a filter of so many taps comes before
    every subsampling but that of the stem's convolution (Zhang 2019); it has no parameters.

    Raises:
        InputError: `pool` or `blur` is not known.
    """

    def __init__(
        self,
        depth: int,
        classes: int,
        channels: int,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        *,
        small_images: bool = False,
        pool: str = "max",
        blur: int = 0,
    ) -> None:
        lookup(POOLS, pool, kind="way to pool")
        block, blocks = STAGES[depth]
        super().__init__(block, blocks, num_classes=classes)
        if small_images:
            self.conv1 = nn.Conv2d(channels, STEM_WIDTH, 3, padding=1, bias=False)
            self.maxpool: nn.Module = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(channels, STEM_WIDTH, 7, stride=2, padding=3, bias=False)
            self.maxpool = _stem_pool(pool, blur)
        if blur:
            for stage in (self.layer2, self.layer3, self.layer4):
                _blur(stage[0], blur)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.normalize = Normalize.of(channels, mean, std)

    def forward(self, x: Images) -> Logits:
        """Logits of images in [0, 1]."""
        logits: Logits = super().forward(self.normalize(x))
        return logits


def _stem_pool(pool: str, blur: int) -> nn.Module:
    if not blur:
        return POOLS[pool](3, stride=2, padding=1)
    return nn.Sequential(POOLS[pool](3, stride=1, padding=1), BlurPool(STEM_WIDTH, blur))


def _blur(block: Any, size: int) -> None:
    """Let a block that halves the resolution do so by a filter, behind the ReLU of its convolution.

    The convolution with the stride loses it, the next one gets the filter in front, and so does
    that of the shortcut.
    """
    strided, after = ("conv2", "conv3") if hasattr(block, "conv3") else ("conv1", "conv2")
    getattr(block, strided).stride = (1, 1)
    following, shortcut = getattr(block, after), block.downsample[0]
    setattr(block, after, nn.Sequential(BlurPool(following.in_channels, size), following))
    shortcut.stride = (1, 1)
    block.downsample[0] = nn.Sequential(BlurPool(shortcut.in_channels, size), shortcut)
