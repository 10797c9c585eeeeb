"""What an evaluation may note of attacked images beside what the attacked network makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped
from torch import Tensor

from landscape.engine import Network
from landscape.errors import InputError
from landscape.models import weights_sha256
from landscape.store import Axis, Field
from landscape.typing import Images, Labels, PerExample

Columns = dict[str, Shaped[np.ndarray, "image ..."]]

WINDOW = 11  # pixels of the Gaussian window of the SSIM


@runtime_checkable
class Extra(Protocol):
    """Something to note of each attacked image."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Under which names."""

    @property
    def configuration(self) -> Mapping[str, Any]:
        """What must agree for a file to be continued; JSON values."""

    def __call__(self, attacked: Images, images: Images, labels: Labels) -> Columns:
        """Note it."""


@dataclass(frozen=True)
class Dissimilarity:
    """How unlike an attacked image is to what it was."""

    fields: ClassVar[tuple[Field, ...]] = (
        Field("dissimilarity", "float32", "1", "1 - SSIM of the attacked image and the original"),
    )
    configuration: ClassVar[Mapping[str, Any]] = {"dissimilarity": "1 - SSIM, data range 1"}

    def __call__(self, attacked: Images, images: Images, labels: Labels) -> Columns:
        """Of each image."""
        return {"dissimilarity": dissimilarity(attacked, images).cpu().numpy()}


class ShownTo:
    """What other networks make of images made against one: transfer."""

    def __init__(self, networks: Mapping[str, Network]) -> None:
        """Name them.

        Args:
            networks: by the names that they have in the file and in tables.
        """
        self._networks = dict(networks)
        shas = {name: weights_sha256(net.module) for name, net in self._networks.items()}
        self.configuration: Mapping[str, Any] = {"shown_to": shas}
        self.fields = tuple(
            Field(seen_by(number), "int32", "1", f"class that {name} takes the attacked image for")
            for number, name in enumerate(self._networks)
        )

    def __call__(self, attacked: Images, images: Images, labels: Labels) -> Columns:
        """One prediction of each network for each image."""
        return {
            seen_by(number): network.score(attacked, labels).prediction.cpu().numpy()
            for number, network in enumerate(self._networks.values())
        }


@dataclass(frozen=True)
class Kept:
    """The attacked images themselves, of 8 bits as any picture's.

    Attributes:
        shape: (channels, height, width).
    """

    shape: tuple[int, int, int]
    configuration: ClassVar[Mapping[str, Any]] = {"pixels": "8 bits"}

    @property
    def fields(self) -> tuple[Field, ...]:
        """A single one, with axes of its own."""
        names = ("channel", "row", "column")
        own = tuple(
            Axis(name, np.arange(size), "1", name)
            for name, size in zip(names, self.shape, strict=True)
        )
        return (Field("pixels", "uint8", "1/255", "attacked image", own),)

    def __call__(self, attacked: Images, images: Images, labels: Labels) -> Columns:
        """Of images that are `rounded`."""
        return {"pixels": (attacked * 255).round().byte().cpu().numpy()}


def seen_by(number: int) -> str:
    """The name of the field with the predictions of another network."""
    return f"prediction_{number}"


def rounded(images: Images) -> Images:
    """The nearest images of 8 bits, as a picture's file holds them."""
    return (images * 255).round() / 255


def dissimilarity(attacked: Images, images: Images) -> PerExample:
    """1 - SSIM of each image and its original: 0 for equal ones (Wang et al. 2004).

    By torchmetrics, with a Gaussian window of 11 pixels (sigma 1.5) and a data range of 1.

    Args:
        attacked: (N, C, H, W), pixels in [0, 1].
        images: of the same shape.

    Raises:
        InputError: the images are smaller than the window.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure  # takes a second

    if min(images.shape[-2:]) < WINDOW:
        raise InputError(
            f"the SSIM looks at windows of {WINDOW} pixels, got images of "
            f"{images.shape[-2]} x {images.shape[-1]}; leave it out"
        )
    similarity = structural_similarity_index_measure(
        attacked.float(), images.to(attacked.device).float(), data_range=1.0, reduction="none"
    )
    assert isinstance(similarity, Tensor)  # it can return more than that
    return 1 - similarity.reshape(len(images))
