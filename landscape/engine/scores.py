"""What a network makes of labelled images."""

import math
from dataclasses import dataclass

import torch

from landscape.errors import InputError
from landscape.typing import Labels, Logits, PerExample, PerExampleFlag


@dataclass(frozen=True)
class Scores:
    """What a network makes of each labelled image.

    Attributes:
        loss: cross-entropy, nats.
        margin: logit of the true class minus the largest other logit; negative if misclassified.
        prediction: the class of the largest logit; -1, which is no class, if a logit is nan.
    """

    loss: PerExample
    margin: PerExample
    prediction: PerExampleFlag

    @classmethod
    def of(cls, logits: Logits, labels: Labels) -> "Scores":
        """Scores from logits, computed in float64 so that only the network rounds."""
        logits = logits.double()
        true = logits.gather(1, labels[:, None])[:, 0]
        others = logits.scatter(1, labels[:, None], -math.inf)
        loss = torch.logsumexp(logits, dim=1) - true
        prediction = logits.argmax(dim=1).masked_fill(logits.isnan().any(dim=1), -1)
        return cls(loss=loss, margin=true - others.amax(dim=1), prediction=prediction)

    def split(self, size: int) -> list["Scores"]:
        """Consecutive parts of `size` images."""
        columns = (self.loss, self.margin, self.prediction)
        parts = zip(*(column.split(size) for column in columns), strict=True)
        return [Scores(*part) for part in parts]


def refuse_foreign_labels(labels: Labels, *, classes: int) -> None:
    """Raise if a label is not a class of the model.

    Raises:
        InputError: with the range of the labels and the number of classes.
    """
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or high >= classes:
        raise InputError(
            f"expected labels from 0 to {classes - 1} (the model has {classes} outputs), "
            f"got labels from {low} to {high}"
        )
