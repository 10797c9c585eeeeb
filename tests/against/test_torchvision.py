"""The default convention is that of torchvision's affine, whose angle runs clockwise."""

import pytest
import torch
from torch.testing import assert_close
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (2, 9, 14), (1, 15, 6)])
def test_rotating_and_shifting_is_torchvisions_affine(shape):
    images = torch.rand(24, *shape, generator=generator(0))
    height, width = shape[-2:]
    limits = SpatialLimits(180.0, width / 2, height / 2)
    pose = limits.draw(images, 1, generator=generator(1))[:, 0]
    pose[0], pose[1] = torch.tensor([30.0, 0, 0]), torch.tensor([0, 0.5, -0.5])
    moved = rotate_shift(images.double(), pose)
    for image, (rotation, dx, dy), result in zip(images, pose.tolist(), moved, strict=True):
        expected = tv.affine(
            image.double(),
            angle=-rotation,
            translate=[dx, dy],
            scale=1.0,
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        assert_close(result, expected, rtol=0, atol=1e-5)
