"""L-BFGS for many problems at once, each with a way of its own (Nocedal and Wright 2006, ch. 7)."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Points = Float[Tensor, "batch size"]
Values = Float[Tensor, " batch"]

SUFFICIENT = 1e-4  # share of the linear decrease that a step must reach (Armijo)
PATIENCE = 8  # halvings after which a direction is given up for that of steepest descent


def minimize(
    function: Callable[[Points], tuple[Values, Points]],
    start: Points,
    *,
    iterations: int,
    memory: int = 5,
) -> Points:
    """Points of lower values; each example gets there as if it were alone.

    Args:
        function: values, and gradients of the shape of the points.
        start: (N, D).
        iterations: evaluations after the first.
        memory: steps from which curvature is inferred.
    """
    search = LBFGS(start, *function(start), memory=memory)
    for _ in range(iterations):
        search.tell(*function(search.point))
    return search.base


class LBFGS:
    """The state of a search: where to evaluate next, and what is known so far.

    After an evaluation every example goes on, or back and half as far, whatever the others do.

    Attributes:
        base: the best points, from which the present lines go out.
        point: where to evaluate next.
    """

    def __init__(self, start: Points, values: Values, gradients: Points, *, memory: int) -> None:
        """Begin with steps against the gradients."""
        count = len(start)
        self.base, self._value, self._gradient = start, values, gradients
        past = torch.zeros(memory, *start.shape).to(start)
        self._steps, self._changes = past, past.clone()
        self._inverse = torch.zeros(memory, count).to(start)  # 0: there is no such step
        self._failures = torch.zeros(count, dtype=torch.int64, device=start.device)
        self._direction, self._length = -gradients, self._unit()
        self.point = self._next()

    def tell(self, values: Values, gradients: Points) -> None:
        """Take note of `point` and choose the next one.

        Args:
            values: of each function at its point; one that is not finite is a step too far.
            gradients: likewise.
        """
        slope = self._length * _dot(self._gradient, self._direction)
        gained = values <= self._value + SUFFICIENT * slope
        self._learn(gained, gradients)
        self.base = _where(gained, self.point, self.base)
        self._value = torch.where(gained, values, self._value)
        self._gradient = _where(gained, gradients, self._gradient)
        self._failures = torch.where(gained, 0, self._failures + 1)
        stuck = self._failures == PATIENCE
        self._inverse = torch.where(stuck, 0.0, self._inverse)
        self._direction = _where(gained | stuck, self._newton(), self._direction)
        first = (self._inverse == 0).all(dim=0)
        whole = torch.where(first, self._unit(), 1.0)
        self._length = torch.where(gained | stuck, whole, self._length / 2)
        self.point = self._next()

    def _unit(self) -> Values:
        """The length at which a step against the gradient has norm 1, or is the gradient's own."""
        norm: Values = self._gradient.norm(dim=1)
        return 1 / norm.clamp(min=1.0)

    def _next(self) -> Points:
        return self.base + self._length[:, None] * self._direction

    def _learn(self, gained: Bool[Tensor, " batch"], gradients: Points) -> None:
        """Keep the step and the change of the gradient, where there was a gain and curvature."""
        step, change = self.point - self.base, gradients - self._gradient
        curvature = _dot(step, change)
        keep = gained & (curvature > 1e-10 * _dot(change, change))
        for past, new in (
            (self._steps, step),
            (self._changes, change),
            (self._inverse, 1 / curvature),
        ):
            past[:, keep] = torch.cat([past[1:, keep], new[keep][None]])

    def _newton(self) -> Points:
        """Minus the gradient times the inverse Hessian that the last steps tell of (alg. 7.4)."""
        direction, shares = self._gradient, []
        for step, change, inverse in reversed(self._past()):
            share = inverse * _dot(step, direction)
            direction = direction - share[:, None] * change
            shares.append(share)
        latest, known = self._changes[-1], self._inverse[-1] > 0
        squared = (self._inverse[-1] * _dot(latest, latest)).clamp(min=1e-30)
        direction = direction * torch.where(known, 1 / squared, 1.0)[:, None]
        for (step, change, inverse), share in zip(self._past(), reversed(shares), strict=True):
            back = inverse * _dot(change, direction)
            direction = direction + (share - back)[:, None] * step
        return -direction

    def _past(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        return list(zip(self._steps, self._changes, self._inverse, strict=True))


def _dot(left: Points, right: Points) -> Values:
    return (left * right).sum(dim=1)


def _where(chosen: Bool[Tensor, " batch"], new: Points, old: Points) -> Points:
    return torch.where(chosen[:, None], new, old)
