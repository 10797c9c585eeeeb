"""Rules by which an attack turns gradients into steps; each example has a way of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Rule = Callable[[Tensor], Tensor]
"""From the gradient (N, ...) of each example to the step that it takes uphill."""


def sign_steps(length: float) -> Rule:
    """A whole step along every coordinate, up or down: steepest ascent in the maximum norm."""
    return lambda gradient: length * gradient.sign()


def normalized_steps(length: float) -> Rule:
    """A step along the gradient: steepest ascent in the Euclidean norm."""

    def step(gradient: Tensor) -> Tensor:
        norm: Tensor = gradient.flatten(1).norm(dim=1)
        norm = norm.clamp(min=torch.finfo(gradient.dtype).tiny)
        return length * gradient / norm.view(-1, *[1] * (gradient.ndim - 1))

    return step


@dataclass
class Adam:
    """Adam with its usual constants (Kingma and Ba 2015, algorithm 1).

    Every coordinate of every example is on its own, so a batch changes nothing.

    Attributes:
        rate: what a step is at most, about.
        decay: of the means of gradients and of their squares.
        least: added to the root of the latter.
    """

    rate: float
    decay: tuple[float, float] = (0.9, 0.999)
    least: float = 1e-8
    _means: list[Tensor] = field(default_factory=list)
    _taken: int = 0

    def __call__(self, gradient: Tensor) -> Tensor:
        """The next step."""
        if not self._means:
            self._means = [torch.zeros_like(gradient) for _ in self.decay]
        self._taken += 1
        unbiased = []
        for mean, decay, value in zip(
            self._means, self.decay, (gradient, gradient**2), strict=True
        ):
            mean.lerp_(value, 1 - decay)
            unbiased.append(mean / (1 - decay**self._taken))
        first, second = unbiased
        return self.rate * first / (second.sqrt() + self.least)


RULES: dict[str, Callable[[float], Rule]] = {
    "linf": sign_steps,
    "l2": normalized_steps,
    "adam": Adam,
}
"""By the norm in which a step is steepest, or by name; each takes the length of a step."""
