"""Attacks on pixels bounded in the maximum norm, alone and together with rotations and shifts."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from landscape.attacks.base import Attack, AttackResult, PoseList, Target
from landscape.attacks.pose import RandomPose
from landscape.attacks.strongest import Strongest
from landscape.errors import InputError
from landscape.spatial import SpatialLimits, Warp
from landscape.typing import Images, Labels


@dataclass(frozen=True)
class LinfPGD:
    """Projected gradient ascent on the pixels within a maximum norm (Madry et al. 2018).

    The default is that of the TensorFlow release of Engstrom et al. 2019: 5 steps of 2/255 within
    8/255, from the image itself. Of all images visited the most harmful one counts.

    Attributes:
        eps: how far each pixel may be moved, in units of the range [0, 1].
        step: length of a step, likewise.
        steps: how many.
        random_start: begin at a point drawn uniformly within `eps` instead of at the image.
    """

    eps: float = 8 / 255
    step: float = 2 / 255
    steps: int = 5
    random_start: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.eps <= 1 and 0 <= self.step <= 1):
            raise InputError(
                f"eps and step are shares of the pixels' range [0, 1], got {self.eps} and "
                f"{self.step}; 8 of 255 is 8/255"
            )
        if self.steps < 1:
            raise InputError(f"expected at least one step, got {self.steps}")

    @property
    def evaluations(self) -> int:
        """One for each image visited."""
        return self.steps + 1

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Attack images that nobody moves."""
        images = images.to(network.device, network.dtype)
        strongest, best = Strongest(images, labels), images.clone()
        unmoved, warp = torch.zeros(3), Warp()
        self.search(network, images, labels, unmoved, warp, strongest, best, generator=generator)
        return strongest.result(best)

    def search(
        self,
        network: Target,
        images: Images,
        labels: Labels,
        pose: Tensor,
        warp: Warp,
        strongest: Strongest,
        best: Images,
        *,
        generator: torch.Generator,
    ) -> None:
        """Climb through a transform: pixels move before the image does.

        Args:
            network: what is attacked.
            images: (N, C, H, W), on its device.
            labels: (N,).
            pose: (3,) or (N, 3), in which each image is seen.
            warp: how it is applied.
            strongest: takes every attempt.
            best: pixels of the strongest attempts before they are moved; overwritten in place.
            generator: of the random start.
        """
        poses = pose.to(images).expand(len(images), 3)

        def render(pixels: Tensor, part: slice) -> Images:
            return warp(pixels, poses[part])

        low, high = (images - self.eps).clamp(min=0), (images + self.eps).clamp(max=1)
        pixels = images
        if self.random_start:
            unit = 2 * torch.rand(images.shape, generator=generator) - 1
            pixels = (images + self.eps * unit.to(images)).clamp(low, high)
        for number in range(self.steps + 1):
            scores, gradient = network.gradients(pixels, render, labels)
            worse = strongest.offer(poses, scores)
            best.copy_(torch.where(worse[:, None, None, None], pixels, best))
            if number < self.steps:
                ascent = torch.nan_to_num(gradient, nan=0.0).sign()
                pixels = (pixels + self.step * ascent).clamp(low, high)


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
    pixels: LinfPGD = field(default_factory=LinfPGD)
    order: str = "through"

    def __post_init__(self) -> None:
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
        warp: Warp = getattr(self.spatial, "warp", Warp())
        for pose in self._poses(network, images, labels, strongest, generator):
            self.pixels.search(
                network, images, labels, pose, warp, strongest, best, generator=generator
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
            labels,
            torch.zeros(3),
            Warp(),
            strongest,
            best,
            generator=generator,
        )
        return replace(strongest.result(best), pose=moved.pose)
