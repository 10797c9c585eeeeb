"""Which class an attack drives images away from, or towards."""

from dataclasses import dataclass, replace

import torch

from landscape.attacks.base import AttackResult, Target
from landscape.attacks.strongest import Strongest
from landscape.engine import refuse_foreign_labels
from landscape.errors import InputError
from landscape.typing import Images, Labels

TARGETS = ("random", "least-likely")
TARGET_COST = 2  # looks at an image: to choose the target, and to score the outcome by its label


def cost_of(target: str) -> int:
    """How often the network sees an image because of this target."""
    return TARGET_COST if target else 0


def refuse_unknown_goal(target: str) -> None:
    """Raise unless it is "", a name in `TARGETS` or the number of a class.

    Raises:
        InputError: with what is known.
    """
    if target and target not in TARGETS and not target.isdecimal():
        raise InputError(
            f"a target is the number of a class, {' or '.join(TARGETS)}, got {target!r}; leave it "
            "out for an attack that is content with any wrong class"
        )


@dataclass(frozen=True)
class Goal:
    """The labels whose loss an attack changes.

    Attributes:
        labels: the true classes, or those to be reached.
        targeted: whether they are to be reached.
    """

    labels: Labels
    targeted: bool = False

    @property
    def sign(self) -> float:
        """1 to climb the loss of the labels, -1 to descend it."""
        return -1.0 if self.targeted else 1.0

    def result(
        self, network: Target, images: Images, labels: Labels, strongest: Strongest
    ) -> AttackResult:
        """The outcome with loss and margin of the true class; `success` stays that of the goal.

        Args:
            network: what was attacked.
            images: as they are in the strongest attempts.
            labels: their true classes.
            strongest: the attempts.
        """
        found = strongest.result(images)
        if not self.targeted:
            return found
        scores = network.score(images, labels)
        return replace(
            found,
            loss=scores.loss,
            margin=scores.margin,
            prediction=scores.prediction,
            evaluations=found.evaluations + TARGET_COST,
        )


def goal_of(
    target: str,
    network: Target,
    images: Images,
    labels: Labels,
    *,
    generator: torch.Generator,
) -> Goal:
    """What a target means for these images.

    Args:
        target: see `PGD`.
        network: what is attacked.
        images: as they are.
        labels: their true classes.
        generator: of random targets.

    Raises:
        InputError: the class, or that of a label, is none of the network's.
    """
    labels = labels.to(network.device)
    if not target:
        return Goal(labels)
    logits = network.logits(images)
    classes = logits.shape[1]
    refuse_foreign_labels(labels, classes=classes)
    if target == "random":
        steps = torch.rand(len(labels), generator=generator).to(labels.device) * (classes - 1)
        return Goal((labels + 1 + steps.long().clamp(max=classes - 2)) % classes, targeted=True)
    if target == "least-likely":
        others = logits.scatter(1, labels[:, None], torch.inf)
        return Goal(others.argmin(dim=1), targeted=True)
    if int(target) >= classes:
        raise InputError(f"expected a target from 0 to {classes - 1}, got {target}")
    return Goal(torch.full_like(labels, int(target)), targeted=True)
