"""What an attack is and what it returns."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from landscape.engine import Network
from landscape.typing import Images, Labels, PerExample, PerExampleFlag, Pose


@dataclass(frozen=True)
class AttackResult:
    """The strongest attempt on each image, whether it succeeded or not.

    Attributes:
        images: the attacked images.
        pose: the (rotation [degrees], shift_x [pixels], shift_y [pixels]) they are in.
        loss: their cross-entropy, nats.
        success: whether the network misclassifies them.
        evaluations: how many times the network saw each image.
    """

    images: Images
    pose: Pose
    loss: PerExample
    success: PerExampleFlag
    evaluations: int


@runtime_checkable
class Attack(Protocol):
    """Find, within its own limits, the version of each image that hurts most."""

    @property
    def evaluations(self) -> int:
        """How many times the network sees each image, at most."""

    def __call__(
        self, network: Network, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Attack a batch; random numbers come from `generator` alone."""
