"""The residual networks that He et al. made for ImageNet."""

from collections.abc import Sequence

from torch import nn
from torchvision.models import resnet

from landscape.models.layers import Normalize
from landscape.typing import Images, Logits

STAGES = {18: (resnet.BasicBlock, [2, 2, 2, 2]), 50: (resnet.Bottleneck, [3, 4, 6, 3])}
"""Kind and number of blocks per stage (He et al. 2016, table 1)."""
STEM_WIDTH = 64


class ResNet(resnet.ResNet):  # type: ignore[misc]  # torchvision has no types
    """ResNet-18 or -50 of torchvision behind a normalization; public weights fit key for key.

    With `small_images` the first convolution is 3x3 with stride 1 and nothing is pooled after it,
    as is usual for 32x32 images.
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
    ) -> None:
        block, blocks = STAGES[depth]
        super().__init__(block, blocks, num_classes=classes)
        if small_images:
            self.conv1 = nn.Conv2d(channels, STEM_WIDTH, 3, padding=1, bias=False)
            self.maxpool = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(channels, STEM_WIDTH, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.normalize = Normalize.of(channels, mean, std)

    def forward(self, x: Images) -> Logits:
        """Logits of images in [0, 1]."""
        logits: Logits = super().forward(self.normalize(x))
        return logits
