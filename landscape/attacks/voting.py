"""Majority votes over random poses: a defence, and a target of its own (Engstrom et al. 2019)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from landscape.engine import Network, Scores, refuse_foreign_labels
from landscape.errors import InputError
from landscape.spatial import SpatialLimits, Warp
from landscape.typing import Images, Labels, Logits


@dataclass(frozen=True)
class Vote:
    """The class that most of `k` random poses of an image are taken for.

    Among classes with as many votes the one with the larger mean probability wins.

    Attributes:
        k: poses, drawn anew for every image and every time it is looked at.
        limits: within which they are drawn uniformly.
        warp: how they are applied; an attacked image is warped a second time.
    """

    k: int = 10
    limits: SpatialLimits = field(default_factory=SpatialLimits)
    warp: Warp = field(default_factory=Warp)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"expected at least one vote, got k={self.k}")

    def __call__(
        self, network: Network, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Scores:
        """Let each image be voted on.

        Returns:
            The predictions of the majority; as loss [nats] that of the mean probabilities; as
            margin the share of votes for the true class minus that of the next best class.
        """
        images, labels = images.to(network.device, network.dtype), labels.to(network.device)
        poses = self.limits.draw(images, self.k, generator=generator).unbind(dim=1)
        votes, shares = torch.zeros(()), torch.zeros(())
        for pose in poses:
            logits = network.logits(self.warp(images, pose)).double()
            refuse_foreign_labels(labels, classes=logits.shape[1])
            valid = ~logits.isnan().any(dim=1, keepdim=True)  # others abstain
            ballot = F.one_hot(logits.argmax(dim=1), logits.shape[1]) * valid
            votes, shares = votes.to(ballot) + ballot, shares.to(logits) + logits.softmax(dim=1)
        shares = shares / self.k
        decided = votes + 0.5 * shares.nan_to_num()  # less than a vote: for ties alone
        prediction = decided.argmax(dim=1).masked_fill(votes.sum(dim=1) == 0, -1)
        true = votes.gather(1, labels[:, None])[:, 0]
        others = votes.scatter(1, labels[:, None], -1).amax(dim=1)
        return Scores(
            loss=-shares.gather(1, labels[:, None])[:, 0].log(),
            margin=(true - others).double() / self.k,
            prediction=prediction,
        )


class Voter:
    """A network's vote as the target of an attack that knows of it.

    Attributes:
        device: of the network.
        dtype: of the network.
    """

    def __init__(self, network: Network, vote: Vote, *, generator: torch.Generator) -> None:
        """Wrap a network; `generator` draws the poses of every vote that an attack asks for."""
        self.device, self.dtype = network.device, network.dtype
        self._network, self._vote, self._generator = network, vote, generator

    def score(self, images: Images, labels: Labels) -> Scores:
        """One vote on each image."""
        return self._vote(self._network, images, labels, generator=self._generator)

    def score_poses(
        self, images: Images, labels: Labels, poses: Tensor, warp: Warp
    ) -> Iterator[Scores]:
        """One vote on each image in each pose."""
        for pose in poses:
            yield self.score(warp(images, pose), labels)

    def logits(self, images: Images) -> Logits:
        """Of the network alone; they choose the target of an attack."""
        return self._network.logits(images)

    def gradients(
        self,
        variables: Tensor,
        render: Callable[[Tensor, slice], Images],
        labels: Labels,
        objective: str = "cross-entropy",
    ) -> tuple[Scores, Tensor]:
        """Refused: votes are counted, and a count has no gradient.

        Raises:
            InputError: always.
        """
        raise InputError(
            "a majority vote has no gradient to climb; let this attack look at the single network "
            "and vote on what it finds (--vote-attack single)"
        )
