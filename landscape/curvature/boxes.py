"""How much higher a loss can become within a small radius of the weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape.curvature.gradient import DEFAULT, GradientPass
from landscape.curvature.operators import FIRST, refuse_unpaired
from landscape.engine import Compute
from landscape.engine.allocator import keep_memory
from landscape.engine.prepare import private_copy
from landscape.engine.scores import refuse_unfit
from landscape.errors import InputError
from landscape.losses import LossLike, make_loss
from landscape.registry import lookup
from landscape.typing import Inputs, Targets

SCALES: dict[str, Callable[[Tensor], Tensor]] = {
    "adaptive": lambda weight: weight.abs(),
    "epsilon": lambda weight: weight.abs() + 1,
    "none": torch.ones_like,
}
"""How far a weight may move, in units of the radius. "adaptive": by a share of itself, which no
rescaling of layers that leaves the function alone can change (Kwon et al. 2021); "epsilon": by a
share of itself and as much again (Keskar et al. 2017); "none": by the same as all others."""


@dataclass(frozen=True)
class Sharpness:
    """What an ascent found.

    Attributes:
        loss: mean loss at the weights; of cross-entropy, as all here, in nats.
        highest: the highest mean loss within the radius that was found: a lower bound.
    """

    loss: float
    highest: float

    @property
    def rise(self) -> float:
        """By how much the loss can rise (Kwon et al. 2021, eq. 2)."""
        return self.highest - self.loss

    @property
    def relative(self) -> float:
        """In percent of 1 + loss (Keskar et al. 2017, metric 2.1)."""
        return 100 * self.rise / (1 + self.loss)


def sharpness(
    model: nn.Module,
    inputs: Inputs,
    targets: Targets,
    *,
    radius: float,
    scale: str = "adaptive",
    steps: int = 20,
    loss: LossLike = "cross-entropy",
    compute: Compute = DEFAULT,
) -> Sharpness:
    """The rise of a mean loss by the worst change of the weights within a box.

    Every weight may move by `radius` times its scale, up and down. Projected gradient ascent by the
    sign, from the weights themselves; of all points visited the highest counts.

    Args:
        model: evaluated as a copy in evaluation mode.
        inputs: (N, ...).
        targets: (N, ...).
        radius: in units of the scale.
        scale: a name in `SCALES`.
        steps: of an eighth of the radius each.
        loss: see `LossLike`.
        compute: where and how.

    Raises:
        InputError: scale or loss not known, radius or number of steps out of range, or data that do
            not fit the loss.
    """
    of = make_loss(loss)
    reach = lookup(SCALES, scale, kind="scale of a change of weights")
    if not 0 <= radius < float("inf") or steps < 1:
        raise InputError(
            f"expected a finite radius, not negative, and at least one step, got {radius} and "
            f"{steps}"
        )
    refuse_unpaired(inputs, targets)
    device = compute.device_for(model)
    keep_memory()
    twin = private_copy(model, device)
    run = GradientPass(twin, of, compute)
    refuse_unfit(of, run.outputs(inputs[:FIRST]), targets.to(device))
    twin.requires_grad_(True)
    centre = [p.detach().clone() for p in twin.parameters()]
    room = [radius * reach(weight) for weight in centre]
    losses = []
    for number in range(steps + 1):
        losses.append(run.loss_and_gradient(inputs, targets))
        if number == steps:
            break
        for parameter, weight, most in zip(twin.parameters(), centre, room, strict=True):
            if parameter.grad is not None:  # a parameter that the loss does not depend on
                ahead = parameter.detach() + most / 8 * parameter.grad.sign()
                parameter.data = ahead.clamp(weight - most, weight + most)
    return Sharpness(losses[0], max(losses))
