"""What a network makes of labelled images."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from landscape.errors import InputError
from landscape.losses import LOSSES, Loss, cross_entropy, predicted
from landscape.typing import Labels, Logits, PerExample, PerExampleFlag, Targets


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
        return cls(
            loss=cross_entropy(logits, labels),
            margin=margin(logits, labels),
            prediction=predicted(logits),
        )

    def split(self, size: int) -> list["Scores"]:
        """Consecutive parts of `size` images."""
        columns = (self.loss, self.margin, self.prediction)
        parts = zip(*(column.split(size) for column in columns), strict=True)
        return [Scores(*part) for part in parts]


def check_logits(logits: Tensor, images: int) -> None:
    """Raise unless there is one row of logits per image.

    Raises:
        InputError: with the shape that was expected and the one that came.
    """
    if logits.ndim != 2 or len(logits) != images:
        raise InputError(
            f"expected logits of shape ({images}, classes) from the model, "
            f"got {tuple(logits.shape)}"
        )


def checked_rows(outputs: Any, count: int) -> Tensor:
    """What a network returned, if it is a tensor with a row for each of `count` examples.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(outputs, Tensor) or outputs.ndim == 0 or len(outputs) != count:
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise InputError(
            f"expected from the model a tensor with one row for each of {count} examples, "
            f"got {shape}; wrap it in a module that returns one"
        )
    return outputs


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


def refuse_unfit(loss: Loss, outputs: Tensor, targets: Targets) -> None:
    """Raise if a loss is no mean over examples, or not of such outputs and targets.

    Args:
        loss: of outputs and targets.
        outputs: of the network for the first few examples.
        targets: of all.

    Raises:
        InputError: what was expected, and what came.
    """
    first = targets[: len(outputs)]
    if loss is LOSSES["cross-entropy"]:
        shape = (len(outputs), *outputs.shape[2:])
        if outputs.ndim < 2 or first.shape != shape or first.is_floating_point():
            raise InputError(
                "expected for the cross-entropy outputs (N, classes, ...) and class indices "
                f"(N, ...), got outputs {tuple(outputs.shape)} and targets {tuple(first.shape)} of "
                f"{first.dtype}; give another loss"
            )
        refuse_foreign_labels(targets.reshape(-1), classes=outputs.shape[1])
    loss.verify(outputs, first)


def margin(logits: Logits, labels: Labels) -> PerExample:
    """How far the logit of the true class lies above the largest other one, in float64."""
    logits = logits.double()
    others = logits.scatter(1, labels[:, None], -math.inf)
    return logits.gather(1, labels[:, None])[:, 0] - others.amax(dim=1)


def largest_other(logits: Logits, labels: Labels) -> PerExample:
    """How far the largest other logit lies above the true one (Carlini and Wagner 2017, f_6).

    Without their bound: it goes on where the class is lost already.
    """
    return -margin(logits, labels)


Objective = Callable[[Logits, Labels], PerExample]

OBJECTIVES: dict[str, Objective] = {
    "cross-entropy": LOSSES["cross-entropy"],
    "margin": largest_other,
}
"""By name, what an attack climbs: high where a network errs. Differentiable in the logits."""
