"""A small network for small images."""

from collections.abc import Sequence

from torch import nn

from landscape.models.layers import Normalize
from landscape.typing import Images, Logits

WIDTHS = (8, 32, 64, 128)


class SmallCNN(nn.Module):
    """Four blocks of 3x3 convolution, BatchNorm, ReLU and pooling, then a linear layer.

    All blocks but the last pool by 2, the last one averages what is left, so that images may have
    any side from 8 pixels up. 96,290 parameters and 2.1 million multiply-adds per 28x28 grey image
    of ten classes.
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.normalize = Normalize.of(channels, mean, std)
        layers: list[nn.Module] = []
        for before, width in zip((channels, *WIDTHS), WIDTHS, strict=False):
            layers += [
                nn.Conv2d(before, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
        layers[-1] = nn.AdaptiveAvgPool2d(1)
        self.features = nn.Sequential(*layers)
        self.linear = nn.Linear(WIDTHS[-1], classes)

    def forward(self, x: Images) -> Logits:
        """Logits of images in [0, 1]."""
        logits: Logits = self.linear(self.features(self.normalize(x)).flatten(1))
        return logits
