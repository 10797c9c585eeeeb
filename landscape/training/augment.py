"""What happens to a batch of training images before the network sees it."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator

from landscape.errors import InputError
from landscape.spatial import SpatialLimits, rotate_shift
from landscape.typing import Images


@dataclass(frozen=True)
class Augment:
    """Random changes, one draw per image, in the order of the attributes; the default is none.

    Attributes:
        flip: mirror left and right with probability 1/2. Wrong for digits and letters.
        crop: pad with this many black pixels on each side, then crop to the old size at a random
            place: a shift of up to so many whole pixels.
        pose: rotate and shift by a pose that is uniform within these limits; None: do not.
        photograph: of image files: take a random part, 8 to 100 % of the area, at 224x224 instead
            of the middle, and change its colours a little, as networks for ImageNet are trained;
            done where the files are read, before everything else.
    """

    flip: bool = False
    crop: int = 0
    pose: SpatialLimits | None = None
    photograph: bool = False

    def __post_init__(self) -> None:
        if self.crop < 0:
            raise InputError(f"crop is a padding in pixels, 0 or more, got {self.crop}")

    def __call__(self, images: Images, *, generator: Generator) -> Images:
        """The changed images, on the device of `images`; drawn on the CPU from `generator`."""
        if self.flip:
            images = _flip_some(images, generator)
        if self.crop:
            images = _random_crop(images, self.crop, generator)
        if self.pose is not None:
            images = rotate_shift(images, self.pose.draw(images, 1, generator=generator)[:, 0])
        return images


def _flip_some(images: Images, generator: Generator) -> Images:
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen.to(images.device)[:, None, None, None], images.flip(-1), images)


def _random_crop(images: Images, padding: int, generator: Generator) -> Images:
    height, width = images.shape[-2:]
    place = torch.randint(2 * padding + 1, (2, len(images)), generator=generator)
    top, left = place.to(images.device)
    # A view of every window of every image; indexing copies one window of each.
    windows = F.pad(images, (padding,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(images), device=images.device), :, top, left]
