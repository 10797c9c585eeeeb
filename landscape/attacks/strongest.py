"""Keeping, per image, the most harmful attempt so far."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from landscape.attacks.base import AttackResult
from landscape.engine import Scores
from landscape.typing import Images, Labels, PerExample, Pose, SharedPose

Rows = slice | Int[Tensor, " tried"]
EVERY = slice(None)


class Strongest:
    """Per image the most harmful attempt: misclassified first, then the higher loss.

    The order of Engstrom et al.'s TensorFlow release. A nan loss counts as infinite; of equals the
    first one stays. Where the labels are targets: recognized as such first, then the lower loss,
    and a nan is the weakest.

    Attributes:
        labels: (N,), on the network's device.
        wrong: whether an attempt on the image has succeeded.
    """

    def __init__(self, images: Images, labels: Labels, *, targeted: bool = False) -> None:
        """Nothing has been tried yet.

        Args:
            images: (N, C, H, W), on the network's device.
            labels: (N,).
            targeted: whether the labels are to be reached, not left.
        """
        count, device, self._targeted = len(images), images.device, targeted
        self.labels = labels.to(device)
        self.wrong = torch.zeros(count, dtype=torch.bool, device=device)
        self._pose = torch.zeros(count, 3, dtype=images.dtype, device=device)
        self._loss = torch.zeros(count, dtype=torch.float64, device=device)
        self._margin = torch.zeros_like(self._loss)
        self._rank = torch.full_like(self._loss, -torch.inf)
        self._tried = torch.zeros_like(self.wrong)
        self._prediction = torch.full((count,), -1, dtype=torch.int64, device=device)
        self._seen = torch.zeros(count, dtype=torch.int64, device=device)

    def offer(
        self,
        pose: Pose | SharedPose,
        scores: Scores,
        rows: Rows = EVERY,
        *,
        rank: PerExample | None = None,
        evaluations: int | Int[Tensor, " tried"] = 1,
    ) -> Bool[Tensor, " tried"]:
        """Take note of one attempt on each of some images.

        Args:
            pose: of each, or one for all of them.
            scores: of each.
            rows: which images; all of them unless given.
            rank: which of two attempts that both succeed, or both fail, is the stronger one; by
                default the loss.
            evaluations: how many times the network saw each of them for it.

        Returns:
            On which of them it is the most harmful one so far.
        """
        wrong = (scores.prediction == self.labels[rows]) == self._targeted
        if rank is None:
            rank = -scores.loss.double() if self._targeted else scores.loss.double()
        unknown = -torch.inf if self._targeted else torch.inf
        rank = torch.nan_to_num(rank.double(), nan=unknown, posinf=torch.inf, neginf=-torch.inf)
        before = self.wrong[rows]
        higher = (wrong == before) & (rank > self._rank[rows])
        worse = ~self._tried[rows] | (wrong & ~before) | higher
        self._pose[rows] = torch.where(worse[:, None], pose.to(self._pose), self._pose[rows])
        self._loss[rows] = torch.where(worse, scores.loss.double(), self._loss[rows])
        self._margin[rows] = torch.where(worse, scores.margin.double(), self._margin[rows])
        self._rank[rows] = torch.where(worse, rank, self._rank[rows])
        self._prediction[rows] = torch.where(worse, scores.prediction, self._prediction[rows])
        self.wrong[rows] = before | wrong
        self._tried[rows] = True
        self._seen[rows] += evaluations
        return worse

    @property
    def pose(self) -> Pose:
        """Of the most harmful attempts."""
        return self._pose.clone()

    def result(self, images: Images) -> AttackResult:
        """The attempts as the outcome of an attack.

        Args:
            images: as they are in these attempts.
        """
        return AttackResult(
            images=images,
            pose=self._pose,
            loss=self._loss,
            margin=self._margin,
            prediction=self._prediction,
            success=self.wrong,
            evaluations=self._seen,
            target=self.labels if self._targeted else None,
        )
