"""The warp against scipy.ndimage, whose `grid-constant` interpolates into the ground too."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.testing import assert_close

from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift

MODES = {"zeros": "grid-constant", "border": "nearest", "reflect": "mirror"}


def moved_by_scipy(
    picture: np.ndarray, rotation: float, dx: float, dy: float, mode: str
) -> np.ndarray:
    """Rows run down, so that a counter-clockwise turn is this matrix from new to old places."""
    cos, sin = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    back = np.array([[cos, sin], [-sin, cos]])  # on (row, column)
    centre = (np.array(picture.shape) - 1) / 2
    offset = centre - back @ (centre + np.array([dy, dx]))
    return ndimage.affine_transform(picture, back, offset, order=1, mode=mode)


@pytest.mark.parametrize("padding", MODES)
@pytest.mark.parametrize("shape", [(16, 16), (9, 14), (15, 6)])
def test_rotating_and_shifting_is_scipys_affine_transform(shape, padding):
    images = torch.rand(20, 1, *shape, generator=generator(0), dtype=torch.float64)
    limits = SpatialLimits(180.0, shape[1] / 2, shape[0] / 2)
    pose = limits.draw(images, 1, generator=generator(1))[:, 0]
    pose[0] = torch.tensor([30.0, 0.5, 0])
    moved = rotate_shift(images, pose, padding=padding)
    for image, values, result in zip(images, pose.tolist(), moved, strict=True):
        expected = moved_by_scipy(image[0].numpy(), *values, MODES[padding])
        assert_close(result[0].numpy(), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [8, 9])
def test_the_tensorflow_convention_is_two_passes_of_scipy_on_a_padded_canvas(size):
    images = torch.rand(20, 1, size, size, generator=generator(0), dtype=torch.float64)
    pose = SpatialLimits(30.0, 3.0, 3.0).draw(images, 1, generator=generator(1))[:, 0]
    moved = rotate_shift(images, pose, convention="engstrom-tf")
    margin = size // 2
    for image, (rotation, dx, dy), result in zip(images, pose.tolist(), moved, strict=True):
        canvas = np.pad(image[0].numpy(), margin)
        turned = ndimage.rotate(canvas, rotation, reshape=False, order=1, mode="grid-constant")
        shifted = ndimage.shift(turned, (dy, dx), order=1, mode="grid-constant")
        expected = shifted[margin : margin + size, margin : margin + size]
        assert_close(result[0].numpy(), expected, rtol=0, atol=1e-9)
