"""Attacks that move every pixel a little: spatially transformed examples (Xiao et al. 2018)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from landscape.attacks.ascent import Adam, Rule, sign_steps
from landscape.attacks.base import AttackResult, Target
from landscape.attacks.goal import cost_of, goal_of, refuse_unknown_goal
from landscape.attacks.lbfgs import minimize
from landscape.attacks.strongest import Strongest
from landscape.engine import OBJECTIVES, Scores
from landscape.errors import InputError
from landscape.registry import lookup
from landscape.spatial import PADDINGS, displace
from landscape.typing import Images, Labels, PerExample

Flow = Float[Tensor, "batch 2 height width"]
"""Pixels right and down from where a value is shown to where it is taken."""

BLUNT = 1e-3  # pixels; below it the length of a difference is rounded off, or it had no gradient


@dataclass(frozen=True)
class Flowed(AttackResult):
    """The outcome of an attack by a flow.

    Attributes:
        flow: of each image; `displace` makes the attacked one of it.
    """

    flow: Flow


@dataclass(frozen=True)
class StAdv:
    """The smoothest flow that changes the class (Xiao et al. 2018, eqs. 2 to 5).

    L-BFGS minimizes max(margin, -kappa) + tau * roughness, from no flow at all; of all flows
    visited that succeed by kappa the smoothest counts, of an image where none does that of least
    margin. Nothing bounds the flow.

    Attributes:
        tau: weight of the roughness, logits per pixel.
        kappa: the margin, in logits, by which an image is to be misclassified.
        iterations: evaluations of the gradient after the first.
        target: as that of `PGD`.
        padding: what lies outside, a name in `landscape.spatial.PADDINGS`.
    """

    tau: float = 0.05
    kappa: float = 0.0
    iterations: int = 100
    target: str = ""
    padding: str = "border"

    def __post_init__(self) -> None:
        _refuse_unusable(self.tau, self.iterations, self.padding, self.target)
        if not 0 <= self.kappa < float("inf"):
            raise InputError(f"kappa is finite and not negative, got {self.kappa}")

    @property
    def evaluations(self) -> int:
        """One for each flow visited, and what a target costs."""
        return self.iterations + 1 + cost_of(self.target)

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Flowed:
        """Attack a batch; nothing is drawn but targets."""
        seeking = _Seeking(self, network, images, labels, "margin", generator)
        goal = seeking.goal

        def cost(points: Tensor) -> tuple[Tensor, Tensor]:
            flow = points.view_as(seeking.flow)
            scores, gradient = seeking.look(flow)
            roughness, bend = flow_roughness(flow)
            margin = goal.sign * scores.margin
            lost = margin <= -self.kappa
            smoothness = 1 / (1 + roughness.double())  # above 0: such a flow outranks all others
            seeking.offer(flow, scores, torch.where(lost, self.kappa + smoothness, -margin))
            held = ~lost[:, None, None, None]
            slope = self.tau * bend - torch.where(held, goal.sign * gradient, 0.0)
            return margin.clamp(min=-self.kappa) + self.tau * roughness, slope.flatten(1)

        minimize(cost, torch.zeros_like(seeking.flow).flatten(1), iterations=self.iterations)
        return seeking.result()


@dataclass(frozen=True)
class BoundedStAdv:
    """The most harmful flow within a bound, as Prabhu et al. 2019 use the attack of Xiao et al.

    Of all flows visited, the image as it is among them, the most harmful one counts.

    Attributes:
        limit: pixels that a value may come from afar, right or left and up or down. The paper's
            "0.3/64" of a grid over [-1, 1] is 0.075 pixels of 32; its released code takes 0.05 of
            it, 0.8 pixels.
        step: the rate of Adam, or the length of a step along the sign; pixels. The code's 0.001 is
            0.016 pixels.
        steps: how many.
        rule: "adam" or "sign".
        tau: weight of the roughness, logits per pixel; the code's 0.05 is 0.003.
        loss: a name in `landscape.engine.OBJECTIVES`.
        target: as that of `PGD`.
        padding: what lies outside, a name in `landscape.spatial.PADDINGS`.
    """

    limit: float = 0.8
    step: float = 0.016
    steps: int = 100
    rule: str = "adam"
    tau: float = 0.003
    loss: str = "margin"
    target: str = ""
    padding: str = "border"

    def __post_init__(self) -> None:
        _refuse_unusable(self.tau, self.steps, self.padding, self.target)
        lookup(_STEPS, self.rule, kind="rule of a step")
        lookup(OBJECTIVES, self.loss, kind="loss to climb")
        if not (0 <= self.limit < float("inf") and 0 <= self.step < float("inf")):
            raise InputError(
                "limit and step are pixels, finite and not negative, got "
                f"{self.limit} and {self.step}"
            )

    @property
    def evaluations(self) -> int:
        """One for each flow visited, and what a target costs."""
        return self.steps + 1 + cost_of(self.target)

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> Flowed:
        """Attack a batch; nothing is drawn but targets."""
        seeking = _Seeking(self, network, images, labels, self.loss, generator)
        goal, flow, rule = seeking.goal, seeking.flow, _STEPS[self.rule](self.step)
        for number in range(self.steps + 1):
            scores, gradient = seeking.look(flow)
            seeking.offer(flow, scores)
            if number < self.steps:
                up = goal.sign * gradient - self.tau * flow_roughness(flow)[1]
                flow = (flow + rule(up)).clamp(-self.limit, self.limit)
        return seeking.result()


_STEPS: dict[str, Callable[[float], Rule]] = {"adam": Adam, "sign": sign_steps}


class _Seeking:
    """A network as a function of flows, and the strongest flow so far."""

    def __init__(
        self,
        attack: StAdv | BoundedStAdv,
        network: Target,
        images: Images,
        labels: Labels,
        objective: str,
        generator: torch.Generator,
    ) -> None:
        self._network, self._labels, self._objective = network, labels, objective
        self._padding = attack.padding
        self._images = images = images.to(network.device, network.dtype)
        self.goal = goal_of(attack.target, network, images, labels, generator=generator)
        self._strongest = Strongest(images, self.goal.labels, targeted=self.goal.targeted)
        number, _, height, width = images.shape
        self.flow = torch.zeros(number, 2, height, width).to(images)

    def look(self, flow: Flow) -> tuple[Scores, Flow]:
        """What the network makes of the images so moved, and the slope of the objective."""
        scores, gradient = self._network.gradients(
            flow, self._moved, self.goal.labels, self._objective
        )
        return scores, torch.nan_to_num(gradient, nan=0.0)

    def _moved(self, flow: Flow, part: slice) -> Images:
        return displace(self._images[part], flow, padding=self._padding)

    def offer(self, flow: Flow, scores: Scores, rank: PerExample | None = None) -> None:
        """Take note of an attempt."""
        better = self._strongest.offer(torch.zeros(3), scores, rank=rank)
        self.flow = torch.where(better[:, None, None, None], flow, self.flow)

    def result(self) -> Flowed:
        """The strongest attempts."""
        attacked = displace(self._images, self.flow, padding=self._padding)
        labels = self._labels.to(attacked.device)
        found = self.goal.result(self._network, attacked, labels, self._strongest)
        return Flowed(**vars(found), flow=self.flow)


def flow_roughness(flow: Flow) -> tuple[PerExample, Flow]:
    """How much neighbouring pixels part, and the gradient of that (Xiao et al. 2018, eq. 4).

    The sum over all pixels, and over the four neighbours of each, of the length of the difference
    between their flows; pixels.

    Args:
        flow: (N, 2, H, W), pixels.
    """
    total = torch.zeros(len(flow)).to(flow)
    gradient = torch.zeros_like(flow)
    for axis in (2, 3):
        size = flow.shape[axis] - 1
        near, far = gradient.narrow(axis, 0, size), gradient.narrow(axis, 1, size)
        difference = flow.narrow(axis, 1, size) - flow.narrow(axis, 0, size)
        length = (difference.square().sum(dim=1, keepdim=True) + BLUNT**2).sqrt()
        total += 2 * (length - BLUNT).flatten(1).sum(dim=1)  # each of the two is a neighbour
        pull = 2 * difference / length
        far += pull
        near -= pull
    return total, gradient


def _refuse_unusable(tau: float, steps: int, padding: str, target: str) -> None:
    lookup(PADDINGS, padding, kind="padding")
    refuse_unknown_goal(target)
    if not 0 <= tau < float("inf"):
        raise InputError(f"tau is finite and not negative, got {tau}")
    if steps < 1:
        raise InputError(f"expected at least one step, got {steps}")
