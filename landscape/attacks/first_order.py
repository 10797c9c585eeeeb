"""Gradient ascent on the pose: the attack that gets stuck (Engstrom et al. 2019, sec. 3)."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from landscape.attacks.base import AttackResult, Target
from landscape.attacks.strongest import Strongest
from landscape.errors import InputError
from landscape.spatial import SpatialLimits, Warp
from landscape.typing import Images, Labels, Pose


@dataclass(frozen=True)
class Ascent(AttackResult):
    """The outcome of gradient ascent, and the way to it.

    Attributes:
        trajectory: every pose visited, the start first.
        trajectory_loss: the loss there, nats.
    """

    trajectory: Float[Tensor, "restart step batch 3"]
    trajectory_loss: Float[Tensor, "restart step batch"]


@dataclass(frozen=True)
class FirstOrder:
    """Projected gradient ascent of the loss in rotation and shifts.

    Steps and limits are those of Engstrom et al. 2019 (200 steps of at most about 0.6 degrees or
    0.25 pixels), of whose attack no code was released. Of all poses visited the most harmful one
    counts, not the last.

    Attributes:
        steps: taken from each start.
        rotation_step: the longest step in rotation, degrees.
        shift_step: the longest step of each shift, pixels.
        restarts: ways, each from a pose drawn uniformly within the limits.
        rule: "sign" goes a full step along every coordinate, up or down; "normalized" scales the
            gradient, in units of the steps, so that the largest coordinate goes a full one.
        limits: how far an image may be moved; a step beyond ends at the limit.
        warp: how a pose is applied.
    """

    steps: int = 200
    rotation_step: float = 0.6
    shift_step: float = 0.25
    restarts: int = 1
    rule: str = "sign"
    limits: SpatialLimits = field(default_factory=SpatialLimits)
    warp: Warp = field(default_factory=Warp)

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 1:
            raise InputError(
                f"expected at least one step and one start, got {self.steps} and {self.restarts}"
            )
        if not (0 <= self.rotation_step < float("inf") and 0 <= self.shift_step < float("inf")):
            raise InputError(
                "steps must be finite and not negative, got "
                f"{self.rotation_step} degrees and {self.shift_step} pixels"
            )
        if self.rule not in ("sign", "normalized"):
            raise InputError(f"the rule of a step is sign or normalized, got {self.rule!r}")

    @property
    def evaluations(self) -> int:
        """One for each pose visited."""
        return self.restarts * (self.steps + 1)

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Ascent:
        """Climb from each start; all of them are drawn before the first step."""
        images = images.to(network.device, network.dtype)
        strongest = Strongest(images, labels)
        starts = self.limits.draw(images, self.restarts, generator=generator).unbind(dim=1)
        ways = [self._climb(network, images, labels, start, strongest) for start in starts]
        return Ascent(
            **vars(strongest.result(self.warp(images, strongest.pose))),
            trajectory=torch.stack([poses for poses, _ in ways]),
            trajectory_loss=torch.stack([losses for _, losses in ways]),
        )

    def _climb(
        self, network: Target, images: Images, labels: Labels, pose: Pose, strongest: Strongest
    ) -> tuple[Tensor, Tensor]:
        radius = self.limits.radius(images).to(images)
        length = torch.tensor([self.rotation_step, self.shift_step, self.shift_step]).to(images)

        def render(poses: Tensor, part: slice) -> Images:
            return self.warp(images[part], poses)

        poses, losses = [], []
        for number in range(self.steps + 1):
            scores, gradient = network.gradients(pose, render, labels)
            strongest.offer(pose, scores)
            poses.append(pose)
            losses.append(scores.loss)
            if number < self.steps:
                pose = (pose + length * self._direction(gradient * length)).clamp(-radius, radius)
        return torch.stack(poses), torch.stack(losses)

    def _direction(self, gradient: Tensor) -> Tensor:
        """How much of a full step each coordinate goes; a gradient that is nan moves nothing."""
        gradient = torch.nan_to_num(gradient, nan=0.0)
        if self.rule == "sign":
            return gradient.sign()
        largest = gradient.abs().amax(dim=1, keepdim=True)
        return gradient / largest.clamp(min=torch.finfo(gradient.dtype).tiny)
