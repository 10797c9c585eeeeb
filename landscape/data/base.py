"""Labelled images: the one form in which data reaches training, attacks and surfaces."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Generator, Tensor

from landscape.data.loading import Wanted, default_workers, reading
from landscape.data.pixels import Indices, Pixels
from landscape.errors import InputError
from landscape.typing import Images, Inputs, Labels, Targets
from landscape.weights import bytes_of


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images of one split of a data set, or a part of them.

    Attributes:
        name: the key of `DATASETS` they came from, or the user's own name.
        split: the split they came from.
        pixels: uint8, in memory as a tensor (images, channels, height, width) or on disk.
        labels: int64 on the CPU, each below `len(classes)`.
        classes: the name of each class.
        indices: the number of each image in the whole split.

    Raises:
        InputError: the parts do not fit together, or there is no image.
    """

    name: str
    split: str
    pixels: Pixels
    labels: Indices
    classes: tuple[str, ...]
    indices: Indices

    def __post_init__(self) -> None:
        if isinstance(self.pixels, Tensor) and (
            self.pixels.dtype != torch.uint8 or self.pixels.ndim != 4
        ):
            raise InputError(
                f"pixels of {self.name} must be uint8 (images, channels, height, width), got "
                f"{self.pixels.dtype} {tuple(self.pixels.shape)}"
            )
        if not len(self):
            raise InputError(f"{self.name} ({self.split}) holds no image; at least one is needed")
        if not self.pixels.shape[0] == len(self.labels) == len(self.indices):
            raise InputError(
                f"{self.name} needs one label and one index per image, got "
                f"{self.pixels.shape[0]} images, {len(self.labels)} labels and "
                f"{len(self.indices)} indices"
            )
        low, high = (int(value) for value in self.labels.aminmax())
        if low < 0 or high >= len(self.classes):
            raise InputError(
                f"labels of {self.name} must lie in 0 to {len(self.classes) - 1} (one per class "
                f"name), got {low} to {high}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every image."""
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    @cached_property
    def sha256(self) -> str:
        """Digest of pixels and labels, in order; names of data set and classes do not enter.

        Images on disk enter by their relative names and sizes alone.
        """
        if isinstance(self.pixels, Tensor):
            digest = hashlib.sha256(repr(tuple(self.pixels.shape)).encode())
            digest.update(self.pixels.contiguous().numpy().data)
        else:
            digest = hashlib.sha256(self.pixels.sha256.encode())
        digest.update(self.labels.numpy().astype("<i8").data)
        return digest.hexdigest()

    def images(self, indices: Indices | slice = slice(None)) -> Images:
        """The images at some indices of this set (default: all), float32 in [0, 1]."""
        if isinstance(indices, slice):
            indices = torch.arange(len(self))[indices]
        return self.pixels[indices].float().div_(255)

    def batches(self, size: int, *, workers: int | None = None) -> Iterator[tuple[Images, Labels]]:
        """Images and labels in order, `size` at a time; the last batch holds what is left.

        Args:
            size: images in a batch.
            workers: processes that read images on disk ahead of their use; None: as many as there
                are cores, at most 8.

        Raises:
            InputError: a batch is to hold no image; later, an image that cannot be read.
        """
        if size < 1:
            raise InputError(f"a batch needs at least 1 image, got size={size}")
        batches = torch.arange(len(self)).split(size)
        if isinstance(self.pixels, Tensor):
            for positions in batches:
                yield self.images(positions), self.labels[positions]
            return
        workers = default_workers(len(self)) if workers is None else workers
        wanted = map(Wanted, batches)
        with reading(self.pixels, wanted, workers=workers, batch=size) as pictures:
            for positions, read in zip(batches, pictures, strict=True):
                yield read.images(torch.device("cpu")), self.labels[positions]

    def take(self, indices: Indices) -> "ImageSet":
        """The images at `indices` of this set, in that order.

        Raises:
            InputError: an index lies outside the set, or there is none.
        """
        outside = indices[(indices < 0) | (indices >= len(self))]
        if len(outside):
            raise InputError(
                f"{self.name} ({self.split}) has {len(self)} images, numbered from 0; "
                f"there is none at {int(outside[0])}"
            )
        pixels = self.pixels
        return replace(
            self,
            pixels=pixels[indices] if isinstance(pixels, Tensor) else pixels.take(indices),
            labels=self.labels[indices],
            indices=self.indices[indices],
        )

    def subset(self, n: int | None, *, generator: Generator) -> "ImageSet":
        """`n` images drawn without replacement, in their original order; None: all of them.

        Raises:
            InputError: `n` is not in 1 to `len(self)`.
        """
        if n is None or n == len(self):
            return self
        if not 1 <= n <= len(self):
            raise InputError(
                f"{self.name} ({self.split}) has {len(self)} images; between 1 and {len(self)} "
                f"can be drawn, not {n}"
            )
        drawn = torch.randperm(len(self), generator=generator)[:n]
        return self.take(drawn.sort().values)


def content_sha256(inputs: Inputs, targets: Targets) -> str:
    """The sha256 of the data that something was measured on."""
    content = hashlib.sha256()
    for tensor in (inputs, targets):
        content.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        content.update(bytes_of(tensor))
    return content.hexdigest()
