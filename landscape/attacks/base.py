"""What an attack is and what it returns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from landscape.engine import Scores
from landscape.spatial import Warp
from landscape.typing import Images, Labels, Logits, PerExample, PerExampleFlag, Pose


@dataclass(frozen=True)
class AttackResult:
    """The strongest attempt on each image, whether it succeeded or not.

    Attributes:
        images: the attacked images.
        pose: the (rotation [degrees], shift_x [pixels], shift_y [pixels]) they are in.
        loss: their cross-entropy, nats.
        margin: logit of the true class minus the largest other; negative if misclassified.
        prediction: the class the network takes them for; -1 if it does not say.
        success: whether the network misclassifies them; of a targeted attack, whether it takes them
            for the target.
        evaluations: how many times what was attacked, a network or its vote, looked at each image;
            a gradient counts as once.
        target: the class that each image was to be taken for; None: any but its own.
    """

    images: Images
    pose: Pose
    loss: PerExample
    margin: PerExample
    prediction: PerExampleFlag
    success: PerExampleFlag
    evaluations: Int[Tensor, " batch"]
    target: Labels | None = field(default=None, kw_only=True)

    @property
    def scores(self) -> Scores:
        """What the network makes of the attacked images."""
        return Scores(self.loss, self.margin, self.prediction)


@runtime_checkable
class Target(Protocol):
    """What is attacked: a `Network`, or the vote of one (`landscape.attacks.voting.Voter`)."""

    device: torch.device
    dtype: torch.dtype

    def score(self, images: Images, labels: Labels) -> Scores:
        """Loss, margin and prediction of each image."""

    def score_poses(
        self, images: Images, labels: Labels, poses: Tensor, warp: Warp
    ) -> Iterator[Scores]:
        """The scores of all images in each pose, pose by pose."""

    def logits(self, images: Images) -> Logits:
        """The network's outputs."""

    def gradients(
        self,
        variables: Tensor,
        render: Callable[[Tensor, slice], Images],
        labels: Labels,
        objective: str = "cross-entropy",
    ) -> tuple[Scores, Tensor]:
        """Each example's scores, and the gradient of an objective in its own variables."""


@runtime_checkable
class Attack(Protocol):
    """Find, within its own limits, the version of each image that hurts most."""

    @property
    def evaluations(self) -> int:
        """How many times the network sees each image, at most."""

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Attack a batch; random numbers come from `generator` alone."""


@runtime_checkable
class PoseList(Attack, Protocol):
    """An attack that tries poses which do not depend on what the network says of them."""

    warp: Warp

    def candidates(self, images: Images, *, generator: torch.Generator) -> Iterator[Pose]:
        """One pose per image at a time, each (3,) for all images or (N, 3)."""
