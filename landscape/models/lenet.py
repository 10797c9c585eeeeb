"""LeNet-5 as benchmarks of attacks on MNIST use it."""

from collections.abc import Sequence

from torch import nn

from landscape.models.layers import Normalize
from landscape.typing import Images, Logits

WIDTHS = (32, 64)
HIDDEN = 200
GRID = 7  # places along each side before the linear layers, whatever the size of the image


class LeNet5(nn.Module):
    """Two 3x3 convolutions, each with ReLU and pooling by 2, then two linear layers.

    The widths are those of the network whose spatial robustness advertorch's benchmark reports (32
    and 64 channels, 200 hidden units; LeCun et al. 1998 had 6, 16, 120 and 84). 648,226 parameters
    and 4.5 million multiply-adds per 28x28 grey image of ten classes.
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
                nn.Conv2d(before, width, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(GRID))  # nothing to do at 28
        self.hidden = nn.Sequential(nn.Linear(WIDTHS[-1] * GRID**2, HIDDEN), nn.ReLU(inplace=True))
        self.linear = nn.Linear(HIDDEN, classes)

    def forward(self, x: Images) -> Logits:
        """Logits of images in [0, 1]."""
        logits: Logits = self.linear(self.hidden(self.features(self.normalize(x)).flatten(1)))
        return logits
