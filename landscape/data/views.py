"""Random views of photographs, as networks for ImageNet are trained on them."""

import numpy as np
import torch
from jaxtyping import UInt8
from PIL.Image import Image
from torch import Tensor
from torchvision.transforms import v2

from landscape.data.folder import CROP
from landscape.data.pixels import Light

# Principal components of the colours of ImageNet's pixels (Krizhevsky et al. 2012, sec. 4.1), in
# the numbers that everybody uses since Facebook's release of ResNet for Torch.
EIGENVALUES = torch.tensor([0.2175, 0.0188, 0.0045])
EIGENVECTORS = torch.tensor(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
"""One column per component; rows are red, green and blue."""
LIGHTING = 0.05  # standard deviation of a component's strength; Krizhevsky et al. took 0.1

VIEW = v2.Compose(
    [
        v2.RandomResizedCrop(CROP, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)),
        v2.ColorJitter(brightness=0.1, contrast=0.1, saturation=0.1),
    ]
)


def random_view(picture: Image, seed: int) -> tuple[UInt8[Tensor, "3 height width"], Light]:
    """A part of a picture with its colours a little changed, as in the PyTorch release of Engstrom.

    Args:
        picture: in RGB, of any size.
        seed: decides about everything; the global random state is left as it was.

    Returns:
        224x224 pixels, and what is still to be added to the colours of all of them: kept apart,
        since the sum is to be clamped and not to be rounded.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        pixels = torch.from_numpy(np.array(VIEW(picture)))
        strength = torch.randn(3) * LIGHTING
    return pixels.permute(2, 0, 1).contiguous(), EIGENVECTORS @ (EIGENVALUES * strength)
