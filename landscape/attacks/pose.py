"""Attacks that rotate and shift (Engstrom et al. 2019)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from landscape.attacks.base import AttackResult
from landscape.engine import Network, Scores
from landscape.errors import InputError
from landscape.spatial import SpatialLimits, Warp
from landscape.typing import Images, Labels, Pose


@dataclass(frozen=True)
class Natural:
    """No attack: the images as they are."""

    evaluations: ClassVar[int] = 1

    def __call__(
        self, network: Network, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Score the images; nothing is drawn."""
        images = images.to(network.device, network.dtype)
        unmoved = torch.zeros(len(images), 3)
        candidates = [(unmoved, network.score(images, labels))]
        return _worst(images, labels.to(network.device), candidates, Warp())


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

    def __call__(
        self, network: Network, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Try the poses one after the other, the same number for every image."""
        images = images.to(network.device, network.dtype)
        poses = self.limits.draw(images, self.k, generator=generator)
        if self.include_clean:
            poses = torch.cat([torch.zeros_like(poses[:, :1]), poses], dim=1)
        candidates = (
            (pose, network.score(self.warp(images, pose), labels)) for pose in poses.unbind(dim=1)
        )
        return _worst(images, labels.to(network.device), candidates, self.warp)


@dataclass(frozen=True)
class GridSearch:
    """The most harmful pose of a regular grid; the clean image is on it when all counts are odd.

    The default is the 31 x 5 x 5 = 775 poses of Engstrom et al. 2019.
    """

    limits: SpatialLimits = field(default_factory=SpatialLimits)
    rotations: int = 31
    shifts: int = 5
    warp: Warp = field(default_factory=Warp)

    def __post_init__(self) -> None:
        if min(self.rotations, self.shifts) < 1:
            raise InputError(
                f"expected at least one value per axis, got {self.rotations} x {self.shifts}"
            )

    @property
    def evaluations(self) -> int:
        """One for each pose of the grid."""
        return self.rotations * self.shifts**2

    def poses(self, height: int, width: int) -> Tensor:
        """All poses of the grid as (P, 3), for images of a given size."""
        limits = self.limits.for_size(height, width)
        reach = ((limits.rotation, self.rotations), (limits.shift_x, self.shifts))
        axes = [_symmetric(r, n) for r, n in (*reach, (limits.shift_y, self.shifts))]
        return torch.cartesian_prod(*axes).view(-1, 3)

    def __call__(
        self, network: Network, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Try every pose on every image; nothing is drawn."""
        images = images.to(network.device, network.dtype)
        poses = self.poses(*images.shape[-2:])
        scores = network.score_poses(images, labels, poses, self.warp)
        shared = (pose.expand(len(images), 3) for pose in poses)
        candidates = zip(shared, scores, strict=True)
        return _worst(images, labels.to(network.device), candidates, self.warp)


def _symmetric(reach: float | None, count: int) -> Tensor:
    """`count` values from -reach to reach; a single one is 0."""
    # Not torch.linspace, whose middle is not exactly 0 (-5e-8 of the reach for 31 values).
    steps = torch.arange(1 - count, count, 2, dtype=torch.float32)
    return steps / max(count - 1, 1) * (reach or 0.0)


def _worst(
    images: Images, labels: Labels, candidates: Iterable[tuple[Pose, Scores]], warp: Warp
) -> AttackResult:
    """Per image the most harmful candidate: misclassified first, then the higher loss.

    The order of Engstrom et al.'s TensorFlow release. A nan loss counts as infinite.
    """
    tried = 0
    for pose, scores in candidates:
        pose = pose.to(images)
        wrong = scores.prediction != labels
        loss = torch.nan_to_num(scores.loss, nan=torch.inf, posinf=torch.inf)
        tried += 1
        if tried == 1:
            best_pose, best_loss, best_wrong, rank = pose, scores.loss, wrong, loss
            continue
        worse = (wrong & ~best_wrong) | ((wrong == best_wrong) & (loss > rank))
        best_pose = torch.where(worse[:, None], pose, best_pose)
        best_loss = torch.where(worse, scores.loss, best_loss)
        best_wrong, rank = best_wrong | wrong, torch.where(worse, loss, rank)
    moved = warp(images, best_pose)
    return AttackResult(moved, best_pose, best_loss, best_wrong, evaluations=tried)
