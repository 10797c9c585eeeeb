"""Attacks on the pixels of images that are rotated and shifted as well."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from landscape.attacks.base import Attack, AttackResult, PoseList, Target
from landscape.attacks.goal import Goal
from landscape.attacks.pgd import PGD
from landscape.attacks.pose import Natural, RandomPose
from landscape.attacks.strongest import Strongest
from landscape.errors import InputError
from landscape.spatial import SpatialLimits, Warp
from landscape.typing import Images, Labels


@dataclass(frozen=True)
class WithLinf:
    """A spatial attack and an attack on the pixels of the same image.

    Attributes:
        spatial: which pose.
        pixels: which perturbation.
        order: "through": pixels are perturbed, then the image is moved, and for every pose that the
            spatial attack tries, the perturbation is sought anew (TensorFlow release of Engstrom et
            al. 2019); of an attack whose poses depend on one another, for the pose it ends in.
            "after": the spatial attack moves the image, then its pixels are perturbed.
    """

    spatial: Attack = field(default_factory=lambda: RandomPose(k=10))
    pixels: PGD = field(default_factory=lambda: PGD(steps=5, random_start=False))
    order: str = "through"

    def __post_init__(self) -> None:
        if not (hasattr(self.spatial, "limits") or isinstance(self.spatial, Natural)):
            raise InputError(
                "pixels are attacked together with a pose: random, grid, first-order, ...; got "
                f"{type(self.spatial).__name__}, which moves no image as a whole"
            )
        if self.pixels.target:
            raise InputError(
                "an attack on pose and pixels is content with any wrong class, got the target "
                f"{self.pixels.target!r}; only an attack on pixels alone aims at one"
            )
        if self.order not in ("through", "after"):
            raise InputError(f"pixels are perturbed through or after a pose, got {self.order!r}")

    @property
    def limits(self) -> SpatialLimits:
        """How far an image may be moved.

        Raises:
            AttributeError: the spatial attack moves none.
        """
        return self.spatial.limits  # type: ignore[attr-defined,no-any-return]

    @property
    def evaluations(self) -> int:
        """Of the search for poses, and of the search for pixels in each or one of them."""
        if self._tries_all:
            return self.spatial.evaluations * self.pixels.evaluations
        return self.spatial.evaluations + self.pixels.evaluations

    @property
    def _tries_all(self) -> bool:
        return self.order == "through" and isinstance(self.spatial, PoseList)

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Attack pose and pixels."""
        images = images.to(network.device, network.dtype)
        if self.order == "after":
            return self._after(network, images, labels, generator)
        strongest, best = Strongest(images, labels), images.clone()
        goal = Goal(labels.to(network.device))
        warp: Warp = getattr(self.spatial, "warp", Warp())
        for pose in self._poses(network, images, labels, strongest, generator):
            self.pixels.search(
                network, images, goal, pose, warp, strongest, best, generator=generator
            )
        return strongest.result(warp(best, strongest.pose))

    def _poses(
        self,
        network: Target,
        images: Images,
        labels: Labels,
        strongest: Strongest,
        generator: torch.Generator,
    ) -> Iterator[Tensor]:
        if isinstance(self.spatial, PoseList):
            yield from self.spatial.candidates(images, generator=generator)
            return
        found = self.spatial(network, images, labels, generator=generator)
        strongest.offer(found.pose, found.scores, evaluations=found.evaluations)
        yield found.pose

    def _after(
        self, network: Target, images: Images, labels: Labels, generator: torch.Generator
    ) -> AttackResult:
        moved = self.spatial(network, images, labels, generator=generator)
        strongest, best = Strongest(images, labels), moved.images.clone()
        strongest.offer(torch.zeros(3), moved.scores, evaluations=moved.evaluations)
        self.pixels.search(
            network,
            moved.images,
            Goal(labels.to(network.device)),
            torch.zeros(3),
            Warp(),
            strongest,
            best,
            generator=generator,
        )
        return replace(strongest.result(best), pose=moved.pose)
