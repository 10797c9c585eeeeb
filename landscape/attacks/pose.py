"""Attacks that try given or random rotations and shifts (Engstrom et al. 2019)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from landscape.attacks.base import AttackResult, Target
from landscape.attacks.strongest import Strongest
from landscape.errors import InputError
from landscape.spatial import SpatialLimits, Warp
from landscape.typing import Images, Labels


@dataclass(frozen=True)
class Natural:
    """No attack: the images as they are."""

    evaluations: ClassVar[int] = 1
    warp: ClassVar[Warp] = Warp()

    def candidates(self, images: Images, *, generator: torch.Generator) -> Iterator[Tensor]:
        """The one pose of an image that nobody moves."""
        yield torch.zeros(3)

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Score the images; nothing is drawn."""
        images = images.to(network.device, network.dtype)
        strongest = Strongest(images, labels)
        strongest.offer(torch.zeros(3), network.score(images, labels))
        return strongest.result(images)


@dataclass(frozen=True)
class RandomPose:
    """The most harmful of `k` poses drawn uniformly within limits.

    Attributes:
        k: how many poses are tried; 1 is plain random augmentation, 10 is "worst-of-10".
        limits: how far an image may be moved.
        include_clean: whether the unmoved image is a candidate too. In the TensorFlow release of
            Engstrom et al. it is not, in their PyTorch release it is.
        warp: how a pose is applied.
    """

    k: int = 1
    limits: SpatialLimits = field(default_factory=SpatialLimits)
    include_clean: bool = False
    warp: Warp = field(default_factory=Warp)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"expected at least one random pose, got k={self.k}")

    @property
    def evaluations(self) -> int:
        """One for each candidate."""
        return self.k + self.include_clean

    def candidates(self, images: Images, *, generator: torch.Generator) -> Iterator[Tensor]:
        """`k` poses for each image, one for all of them at a time."""
        poses = self.limits.draw(images, self.k, generator=generator)
        if self.include_clean:
            poses = torch.cat([torch.zeros_like(poses[:, :1]), poses], dim=1)
        yield from poses.unbind(dim=1)

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Try the poses one after the other, the same number for every image."""
        images = images.to(network.device, network.dtype)
        strongest = Strongest(images, labels)
        for pose in self.candidates(images, generator=generator):
            strongest.offer(pose, network.score(self.warp(images, pose), labels))
        return strongest.result(self.warp(images, strongest.pose))
