"""How much higher a loss can become within a small radius of the weights."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from landscape.engine import Compute, LearningPass
from landscape.errors import InputError
from landscape.registry import lookup
from landscape.typing import Images, Labels

BATCH = 128  # images in a pass
DEFAULT = Compute()

SCALES: dict[str, Callable[[Tensor], Tensor]] = {
    "adaptive": lambda weight: weight.abs(),
    "epsilon": lambda weight: weight.abs() + 1,
}
"""How far a weight may move, in units of the radius. "adaptive": by a share of itself, which no
rescaling of layers that leaves the function alone can change (Kwon et al. 2021); "epsilon": by a
share of itself and as much again (Keskar et al. 2017)."""


@dataclass(frozen=True)
class Sharpness:
    """What an ascent found.

    Attributes:
        loss: mean loss at the weights, nats.
        highest: the highest mean loss within the radius that was found, nats: a lower bound.
    """

    loss: float
    highest: float

    @property
    def rise(self) -> float:
        """By how much the loss can rise, nats (Kwon et al. 2021, eq. 2)."""
        return self.highest - self.loss

    @property
    def relative(self) -> float:
        """In percent of 1 + loss (Keskar et al. 2017, metric 2.1)."""
        return 100 * self.rise / (1 + self.loss)


def sharpness(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    radius: float,
    scale: str = "adaptive",
    steps: int = 20,
    compute: Compute = DEFAULT,
) -> Sharpness:
    """The rise of the mean cross-entropy by the worst change of the weights within a box.

    Every weight may move by `radius` times its scale, up and down. Projected gradient ascent by the
    sign, from the weights themselves; of all points visited the highest counts.

    Args:
        model: evaluated as a copy in evaluation mode.
        images: (N, C, H, W).
        labels: (N,).
        radius: in units of the scale.
        scale: a name in `SCALES`.
        steps: of an eighth of the radius each.
        compute: where and how.

    Raises:
        InputError: scale not known, or radius or number of steps out of range.
    """
    reach = lookup(SCALES, scale, kind="scale of a change of weights")
    if not 0 <= radius < float("inf") or steps < 1:
        raise InputError(
            f"expected a finite radius, not negative, and at least one step, got {radius} and "
            f"{steps}"
        )
    device = compute.device_for(model)
    twin = copy.deepcopy(model).eval().to(device).requires_grad_(True)
    centre = [p.detach().clone() for p in twin.parameters()]
    room = [radius * reach(weight) for weight in centre]
    run, losses = LearningPass(twin, compute), []
    for number in range(steps + 1):
        losses.append(_loss_and_gradient(run, twin, images.to(device), labels.to(device)))
        if number == steps:
            break
        for parameter, weight, most in zip(twin.parameters(), centre, room, strict=True):
            if parameter.grad is not None:  # a parameter that the loss does not depend on
                ahead = parameter.detach() + most / 8 * parameter.grad.sign()
                parameter.data = ahead.clamp(weight - most, weight + most)
    return Sharpness(losses[0], max(losses))


def _loss_and_gradient(run: LearningPass, twin: nn.Module, images: Images, labels: Labels) -> float:
    """The mean loss, with its gradient left in the network's parameters."""
    twin.zero_grad(set_to_none=True)
    total = 0.0
    for x, y in zip(images.split(BATCH), labels.split(BATCH), strict=True):
        loss, _ = run(x, y, weight=len(x) / len(images))
        total += float(loss) * len(x) / len(images)
    return total
