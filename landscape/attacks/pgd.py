"""Attacks on pixels within a norm: FGSM and PGD (Goodfellow et al. 2015, Madry et al. 2018)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from landscape.attacks.ascent import RULES, Rule
from landscape.attacks.base import AttackResult, Target
from landscape.attacks.goal import Goal, cost_of, goal_of, refuse_unknown_goal
from landscape.attacks.strongest import Strongest
from landscape.engine import OBJECTIVES
from landscape.errors import InputError
from landscape.registry import lookup
from landscape.spatial import Warp
from landscape.typing import Images, Labels

NORMS = ("linf", "l2")


@dataclass(frozen=True)
class PGD:
    """Projected gradient ascent on the pixels within a norm (Madry et al. 2018).

    Of all images visited the most harmful one counts, the image itself among them where the way
    begins there, unless `last` says otherwise.

    Attributes:
        norm: "linf": each pixel moves by at most `eps`; "l2": the root of the sum of squares of
            all that an image's pixels move by is at most `eps`.
        eps: in units of the range [0, 1].
        step: length of a step in this norm, likewise.
        steps: how many from each start.
        random_start: begin at a point drawn uniformly within `eps` instead of at the image.
        restarts: ways, each from a start of its own.
        rule: "steepest" goes a whole step in the direction in which the norm says the loss grows
            fastest (the sign of the gradient for "linf", the gradient's own for "l2"); "adam" takes
            steps of Adam at the rate `step` (Kingma and Ba 2015), as the released code of Prabhu et
            al. 2019 does.
        loss: a name in `landscape.engine.OBJECTIVES`.
        target: the class to be reached instead of any wrong one: its number, "random" (of the
            others) or "least-likely" (to the network, of the image as it is); "" is untargeted.
        last: the last image of a way counts, not the most harmful; so measure the papers' codes.
    """

    norm: str = "linf"
    eps: float = 8 / 255
    step: float = 2 / 255
    steps: int = 10
    random_start: bool = True
    restarts: int = 1
    rule: str = "steepest"
    loss: str = "cross-entropy"
    target: str = ""
    last: bool = False

    def __post_init__(self) -> None:
        lookup(dict.fromkeys(NORMS), self.norm, kind="norm of a perturbation")
        lookup(dict.fromkeys(("steepest", "adam")), self.rule, kind="rule of a step")
        lookup(OBJECTIVES, self.loss, kind="loss to climb")
        refuse_unknown_goal(self.target)
        if not (0 <= self.eps < float("inf") and 0 <= self.step < float("inf")):
            raise InputError(
                f"eps and step are finite and not negative, got {self.eps} and {self.step}"
            )
        if self.norm == "linf" and max(self.eps, self.step) > 1:
            raise InputError(
                f"eps and step are shares of the pixels' range [0, 1], got {self.eps} and "
                f"{self.step}; 8 of 255 is 8/255"
            )
        if self.steps < 1 or self.restarts < 1:
            raise InputError(
                f"expected at least one step and one start, got {self.steps} and {self.restarts}"
            )
        if self.restarts > 1 and not self.random_start:
            raise InputError(
                f"{self.restarts} ways from the same start are one; give random_start=true"
            )

    @property
    def evaluations(self) -> int:
        """One for each image visited, and what a target costs."""
        return self.restarts * (self.steps + 1) + cost_of(self.target)

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Attack images that nobody moves."""
        images = images.to(network.device, network.dtype)
        goal = goal_of(self.target, network, images, labels, generator=generator)
        strongest = Strongest(images, goal.labels, targeted=goal.targeted)
        best = images.clone()
        unmoved, warp = torch.zeros(3), Warp()
        self.search(network, images, goal, unmoved, warp, strongest, best, generator=generator)
        return goal.result(network, best, labels, strongest)

    def search(
        self,
        network: Target,
        images: Images,
        goal: Goal,
        pose: Tensor,
        warp: Warp,
        strongest: Strongest,
        best: Images,
        *,
        generator: torch.Generator,
    ) -> None:
        """Climb through a transform: pixels move before the image does.

        Args:
            network: what is attacked.
            images: (N, C, H, W), on its device.
            goal: which labels to leave, or to reach.
            pose: (3,) or (N, 3), in which each image is seen.
            warp: how it is applied.
            strongest: takes every attempt.
            best: pixels of the strongest attempts before they are moved; overwritten in place.
            generator: of the random starts.
        """
        poses = pose.to(images).expand(len(images), 3)

        def render(pixels: Tensor, part: slice) -> Images:
            return warp(pixels, poses[part])

        for start in self._starts(images, generator):
            pixels, rule = self._projected(start, images), self._rule()
            for number in range(self.steps + 1):
                scores, gradient = network.gradients(pixels, render, goal.labels, self.loss)
                if number == self.steps or not self.last:
                    seen = self.steps + 1 if self.last else 1
                    worse = strongest.offer(poses, scores, evaluations=seen)
                    best.copy_(torch.where(worse[:, None, None, None], pixels, best))
                if number < self.steps:
                    gradient = goal.sign * torch.nan_to_num(gradient, nan=0.0)
                    pixels = self._projected(pixels + rule(gradient), images)

    def _rule(self) -> Rule:
        return RULES["adam" if self.rule == "adam" else self.norm](self.step)

    def _starts(self, images: Images, generator: torch.Generator) -> list[Images]:
        if not self.random_start:
            return [images]
        # Image by image, so that a start does not depend on how a data set is cut into batches:
        # one number for each pixel and, for a ball, one for the radius.
        size = images[0].numel()
        count = size + (self.norm == "l2")
        unit = 2 * torch.rand(len(images), self.restarts, count, generator=generator) - 1
        if self.norm == "l2":
            normal = torch.erfinv(unit[..., :size].clamp(-1 + 1e-7, 1 - 1e-7))
            radius = ((unit[..., size:] + 1) / 2) ** (1 / size)
            unit = normal * (radius / normal.norm(dim=2, keepdim=True))
        offsets = unit.view(len(images), self.restarts, *images.shape[1:])
        return [images + self.eps * offset.to(images) for offset in offsets.unbind(dim=1)]

    def _projected(self, pixels: Images, images: Images) -> Images:
        """The nearest pixels in [0, 1] and within `eps`; of "l2", first the one, then the other."""
        if self.norm == "linf":
            low, high = (images - self.eps).clamp(min=0), (images + self.eps).clamp(max=1)
            return pixels.clamp(low, high)
        offset = pixels.clamp(0, 1) - images
        length: Tensor = offset.flatten(1).norm(dim=1)[:, None, None, None]
        # Towards an image in [0, 1] nothing leaves [0, 1].
        return images + offset * (self.eps / length.clamp(min=max(self.eps, 1e-12))).clamp(max=1)


@dataclass(frozen=True)
class FGSM:
    """One step of the length `eps` along the sign of the gradient (Goodfellow et al. 2015, eq. 1).

    Attributes:
        eps: how far each pixel moves, in units of the range [0, 1].
        loss: a name in `landscape.engine.OBJECTIVES`.
        target: as that of `PGD`.
        last: the image after the step counts even where it harms less than the one before it, as
            everybody reports it; otherwise the more harmful of the two.
    """

    eps: float = 8 / 255
    loss: str = "cross-entropy"
    target: str = ""
    last: bool = True

    def __post_init__(self) -> None:
        self.as_pgd()

    def as_pgd(self) -> PGD:
        """The same attack as a special case of the other."""
        return PGD(
            eps=self.eps,
            step=self.eps,
            steps=1,
            random_start=False,
            loss=self.loss,
            target=self.target,
            last=self.last,
        )

    @property
    def evaluations(self) -> int:
        """One for the gradient, one for the outcome, and what a target costs."""
        return self.as_pgd().evaluations

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Attack a batch; nothing is drawn but targets."""
        return self.as_pgd()(network, images, labels, generator=generator)
