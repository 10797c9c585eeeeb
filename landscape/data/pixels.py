"""Images as sets keep them: bytes, in memory or on disk."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from landscape.typing import Images

Bytes = UInt8[Tensor, "count channel height width"]
"""Images as they lie on disk: 0 to 255, rows running downwards."""

Indices = Int64[Tensor, " count"]
"""Numbers of images in a set, counted from 0."""

Light = Float[Tensor, "3"]
"""What is added to the red, green and blue of every pixel of an image, on the scale of [0, 1]."""


@runtime_checkable
class LazyPixels(Protocol):
    """Images that stay on disk until they are asked for."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(images, channels, height, width)."""
        ...

    @property
    def sha256(self) -> str:
        """A digest of the images, as faithful as can be had without reading them all."""
        ...

    def __getitem__(self, indices: Indices, /) -> Bytes: ...

    def take(self, indices: Indices) -> "LazyPixels":
        """The images at `indices`, in that order and still on disk."""
        ...


@runtime_checkable
class Photographs(Protocol):
    """Lazy pixels of which random views can be taken."""

    def random_view(self, index: int, seed: int) -> tuple[UInt8[Tensor, "3 height width"], Light]:
        """A view of one image, of the size of all, as its seed has it."""
        ...


Pixels = Bytes | LazyPixels


@dataclass(frozen=True)
class Pictures:
    """Images as they were read, on the CPU; four times smaller than what they stand for.

    Attributes:
        pixels: uint8.
        light: added to the colours of each image; None: nothing.
    """

    pixels: Bytes
    light: Float[Tensor, "count 3"] | None = None

    def images(self, device: torch.device) -> Images:
        """Float32 in [0, 1], the same bits on every device."""
        pixels = self.pixels.pin_memory() if device.type == "cuda" else self.pixels
        # From pinned memory the copy does not wait for what the GPU has still to do.
        values = pixels.to(device, non_blocking=True).float()
        # Divided by a number of Python, a GPU would multiply by its rounded inverse.
        values.div_(torch.full((), 255.0, device=device))
        if self.light is None:
            return values
        return values.add_(self.light.to(device)[:, :, None, None]).clamp_(0, 1)
