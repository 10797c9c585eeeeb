"""Published tools on the same work, with their own defaults.

What they compute differs from ours in details that cost no time (docs/benchmarks.md), so their
values are not compared, only their speed.
"""

import importlib.util
import math
from typing import Any

import torch
from torch import Tensor

from benchmarks.plain import Done, Repetition
from benchmarks.work import LIMITS, Job


class AbsentError(Exception):
    """A rival that is not installed here."""


def loss_landscapes(job: Job) -> Repetition:
    """`random_plane` of the package loss-landscapes with its own `Loss` metric.

    It lays its own directions and squares the number of steps, so of n points asked for it
    computes the largest square.
    """
    _require("loss_landscapes", "loss-landscapes")
    from loss_landscapes import random_plane
    from loss_landscapes.metrics import Loss

    metric = Loss(torch.nn.CrossEntropyLoss(), job.images, job.labels)

    def run(points: Tensor) -> Done:
        steps = math.isqrt(len(points))
        # It leaves the model it is given moved, and so is asked for a copy.
        random_plane(job.model, metric, distance=1, steps=steps, deepcopy_model=True)
        return Done(steps**2 * len(job.images))

    return run


def foolbox_grid(job: Job) -> Repetition:
    """Foolbox's `SpatialAttack` in grid mode, kept from stopping at the first success.

    Its criterion calls no image misclassified, which is the only way to make it visit every pose;
    with its usual one it ends when all images are. It scores the unmoved images before and
    after, two passes that count as its own.
    """
    _require("foolbox", "foolbox")
    from foolbox.attacks.spatial_attack import SpatialAttack
    from foolbox.criteria import Criterion
    from foolbox.models.pytorch import PyTorchModel

    class Never(Criterion):
        """No image is ever adversarial."""

        def __repr__(self) -> str:
            return "Never()"

        def __call__(self, perturbed: Any, outputs: Any) -> Any:
            return outputs.argmax(axis=-1) < 0

    fooled = PyTorchModel(job.model, bounds=(0, 1), device=job.work.device)
    rotation, shift, _ = LIMITS
    per_rotation = job.work.axes[1] * job.work.axes[2]

    def run(points: Tensor) -> Done:
        rotations = max(1, len(points) // per_rotation)
        shifts = job.work.axes[1] if len(points) >= per_rotation else 1
        attack = SpatialAttack(
            max_translation=shift * job.work.side,
            max_rotation=rotation,
            num_translations=shifts,
            num_rotations=rotations,
        )
        attack(fooled, job.images, Never())
        return Done(rotations * shifts**2 * len(job.images))

    return run


def _require(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise AbsentError(f"{package} is not installed; pip install '.[bench]' fetches it")
