"""What is evaluated: images in memory or on disk, read block by block."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from torch import Tensor

from landscape.data import ImageSet, content_sha256
from landscape.errors import InputError
from landscape.typing import Images, Labels


@dataclass(frozen=True)
class Labelled:
    """Images that are read when they are needed.

    Attributes:
        read: images at consecutive positions.
        labels: of all of them.
        ids: their numbers in the data set.
        sha256: their digest.
        shape: (channels, height, width) of each.
    """

    read: Callable[[slice], Images]
    labels: Labels
    ids: Int[np.ndarray, " image"]
    sha256: str
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.labels)


def labelled(images: Images | ImageSet, labels: Labels | None) -> Labelled:
    """Images with their labels, wherever they lie.

    Raises:
        InputError: no images, or not as many labels.
    """
    if isinstance(images, ImageSet):
        ids = images.indices.numpy()
        return Labelled(images.images, images.labels, ids, images.sha256, images.shape)
    if labels is None or len(images) == 0 or len(labels) != len(images):
        given = "none" if labels is None else str(len(labels))
        raise InputError(
            "expected one or more images and a label for each, "
            f"got {len(images)} images and {given} labels"
        )
    pixels: Tensor = images
    digest = content_sha256(images, labels)
    _, channels, height, width = pixels.shape
    ids, shape = np.arange(len(images)), (channels, height, width)
    return Labelled(lambda part: pixels[part], labels, ids, digest, shape)
