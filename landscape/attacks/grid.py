"""Attacks that search a regular grid of poses, and what lies between its points."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from landscape.attacks.base import AttackResult, Target
from landscape.attacks.strongest import Strongest
from landscape.engine import Scores
from landscape.errors import InputError
from landscape.spatial import SpatialLimits, Warp
from landscape.typing import Images, Labels

TOGETHER = 25  # poses of a grid that stops early, between two looks at who is left


@dataclass(frozen=True)
class GridResult(AttackResult):
    """The outcome of a whole grid: a spatial surface, and its worst point for each image.

    Attributes:
        poses: of the grid, in the order of its axes rotation, shift_x, shift_y.
        losses: of every image in every pose, nats.
        margins: logit of the true class minus the largest other.
        predictions: the classes.
    """

    poses: Float[Tensor, "pose 3"]
    losses: Float[Tensor, "pose batch"]
    margins: Float[Tensor, "pose batch"]
    predictions: Tensor


@dataclass(frozen=True)
class GridSearch:
    """The most harmful pose of a regular grid; the clean image is on it when all counts are odd.

    The default is the 31 x 5 x 5 = 775 poses of Engstrom et al. 2019. The grid of losses is the
    spatial surface of the images (`landscape.surfaces.SpatialSurface`), value for value.

    Attributes:
        limits: how far an image may be moved.
        rotations: values along the rotation.
        shifts: values along each shift.
        first: stop at the first pose that fools the network, farthest poses first, as their
            PyTorch release does: the same success for less work, but neither the worst loss nor
            the losses of the whole grid.
        warp: how a pose is applied.
    """

    limits: SpatialLimits = field(default_factory=SpatialLimits)
    rotations: int = 31
    shifts: int = 5
    first: bool = False
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

    def axes(self, images: Images) -> tuple[Tensor, Tensor, Tensor]:
        """The values of rotation [degrees], shift_x and shift_y [pixels] for images of a size."""
        rotation, shift_x, shift_y = self.limits.radius(images).tolist()
        return (
            _symmetric(rotation, self.rotations),
            _symmetric(shift_x, self.shifts),
            _symmetric(shift_y, self.shifts),
        )

    def poses(self, images: Images) -> Float[Tensor, "pose 3"]:
        """All poses of the grid for images of a size."""
        return torch.cartesian_prod(*self.axes(images)).view(-1, 3)

    def candidates(self, images: Images, *, generator: torch.Generator) -> Iterator[Tensor]:
        """One pose for all images at a time; nothing is drawn."""
        yield from self.poses(images)

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Try every pose on every image, or on those that are left; nothing is drawn."""
        images = images.to(network.device, network.dtype)
        if self.first:
            return self._first_success(network, images, labels.to(network.device))
        poses, strongest = self.poses(images), Strongest(images, labels)
        kept: list[Scores] = []
        for pose, scores in zip(
            poses, network.score_poses(images, labels, poses, self.warp), strict=True
        ):
            strongest.offer(pose, scores)
            kept.append(scores)
        found = strongest.result(self.warp(images, strongest.pose))
        return GridResult(
            **vars(found),
            poses=poses,
            losses=torch.stack([scores.loss for scores in kept]),
            margins=torch.stack([scores.margin for scores in kept]),
            predictions=torch.stack([scores.prediction for scores in kept]),
        )

    def _first_success(self, network: Target, images: Images, labels: Labels) -> AttackResult:
        poses, strongest = self.poses(images), Strongest(images, labels)
        reach = self.limits.radius(images).clamp(min=torch.finfo(torch.float32).tiny)
        far_first = (poses / reach).square().sum(dim=1).argsort(descending=True, stable=True)
        left = torch.arange(len(images), device=images.device)
        for group in poses[far_first].split(TOGETHER):
            scored = network.score_poses(images[left], labels[left], group, self.warp)
            for pose, scores in zip(group, scored, strict=True):
                strongest.offer(pose, scores, left)
            left = left[~strongest.wrong[left]]
            if not len(left):
                break
        return strongest.result(self.warp(images, strongest.pose))


@dataclass(frozen=True)
class RefinedGrid:
    """A grid search, then a finer one around its most harmful poses.

    It tells how much the grid under-reports. From each of the `starts` most harmful poses a
    pattern search (Hooke & Jeeves 1961, without the pattern move) tries the 6 neighbours along the
    axes, half a grid step away, moves to the most harmful one, and halves the step; `levels` times.

    Attributes:
        grid: the search that comes first.
        starts: poses of it from which it is refined.
        levels: halvings; after 5 the step is 1/32 of the grid's.
    """

    grid: GridSearch = field(default_factory=GridSearch)
    starts: int = 3
    levels: int = 5

    def __post_init__(self) -> None:
        if self.grid.first:
            raise InputError("a refined grid needs every loss of its grid; leave `first` out")
        if not 1 <= self.starts <= self.grid.evaluations or self.levels < 1:
            raise InputError(
                f"expected 1 to {self.grid.evaluations} starts and at least one level, "
                f"got {self.starts} and {self.levels}"
            )

    @property
    def warp(self) -> Warp:
        """How a pose is applied."""
        return self.grid.warp

    @property
    def limits(self) -> SpatialLimits:
        """How far an image may be moved."""
        return self.grid.limits

    @property
    def evaluations(self) -> int:
        """Of the grid, and six neighbours of each start at each level."""
        return self.grid.evaluations + 6 * self.starts * self.levels

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Search the grid, then around its worst poses; nothing is drawn."""
        coarse = self.grid(network, images, labels, generator=generator)
        assert isinstance(coarse, GridResult)
        images, labels = images.to(network.device, network.dtype), labels.to(network.device)
        strongest = Strongest(images, labels)
        strongest.offer(coarse.pose, coarse.scores, evaluations=self.grid.evaluations)
        for poses, scores in self._starts(coarse, labels):
            local = Strongest(images, labels)
            local.offer(poses, scores, evaluations=0)
            self._climb(network, images, labels, local)
            found = local.result(images)
            strongest.offer(found.pose, found.scores, evaluations=6 * self.levels)
        return strongest.result(self.warp(images, strongest.pose))

    def _starts(self, coarse: GridResult, labels: Labels) -> Iterator[tuple[Tensor, Scores]]:
        """The most harmful poses of each image, one of each at a time, and their scores."""
        rank = torch.nan_to_num(coarse.losses, nan=torch.inf)
        by_loss = rank.argsort(dim=0, descending=True, stable=True)
        wrong = (coarse.predictions != labels).gather(0, by_loss)
        wrong_first = wrong.to(torch.int8).argsort(dim=0, descending=True, stable=True)
        poses = coarse.poses.to(coarse.pose)
        for rows in by_loss.gather(0, wrong_first)[: self.starts]:
            columns = (coarse.losses, coarse.margins, coarse.predictions)
            yield poses[rows], Scores(*(c.gather(0, rows[None])[0] for c in columns))

    def _climb(self, network: Target, images: Images, labels: Labels, local: Strongest) -> None:
        radius = self.limits.radius(images).to(images)
        step = torch.stack([_spacing(axis) for axis in self.grid.axes(images)]).to(images)
        for _ in range(self.levels):
            here, step = local.pose, step / 2
            for move in (*torch.diag(step), *torch.diag(-step)):
                pose = (here + move).clamp(-radius, radius)
                local.offer(pose, network.score(self.warp(images, pose), labels))


def _spacing(axis: Tensor) -> Tensor:
    """Between neighbours of an axis; a single value has none."""
    return axis[1] - axis[0] if len(axis) > 1 else torch.zeros(())


def _symmetric(reach: float, count: int) -> Tensor:
    """`count` values from -reach to reach; a single one is 0."""
    # Not torch.linspace, whose middle is not exactly 0 (-5e-8 of the reach for 31 values).
    steps = torch.arange(1 - count, count, 2, dtype=torch.float32)
    return steps / max(count - 1, 1) * reach
