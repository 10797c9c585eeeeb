"""One step of a curve in training, and everything that steps change."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscape.directions.curve import Curve, bernstein
from landscape.engine import Compute, Network
from landscape.engine.compute import arithmetic
from landscape.engine.prepare import private_copy
from landscape.engine.scores import checked_rows
from landscape.engine.threads import threads, usable_threads
from landscape.errors import InputError
from landscape.losses import Loss
from landscape.training.optimizer import FUSED
from landscape.typing import Inputs, Targets, Weights

LOOK_EVERY = 32  # steps between two looks at the losses; every look makes a GPU wait
LEAST_RATE = 0.01  # of the highest one


@dataclass(frozen=True)
class Descent:
    """Stochastic gradient descent on the control points of a curve.

    Attributes:
        steps: of the whole training.
        learning_rate: at its highest.
        momentum: of the gradient, without dampening.
        weight_decay: L2 penalty of the point of the curve where a step is taken.
        loss: of outputs and targets.
        precision: of the network, see `Compute`.
    """

    steps: int
    learning_rate: float
    momentum: float
    weight_decay: float
    loss: Loss
    precision: str

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"learning_rate is positive and finite, got {self.learning_rate}")
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum lies in [0, 1), got {self.momentum}")
        if not 0 <= self.weight_decay < float("inf"):
            raise InputError(f"weight_decay is finite and not negative, got {self.weight_decay}")

    def rate(self, step: int) -> float:
        """The rate of the step that follows `step` others."""
        return self.learning_rate * curve_rate(step / self.steps)


def curve_rate(done: float) -> float:
    """The factor of the learning rate when the share `done`, in [0, 1], of all steps is taken.

    1 for the first half, then falling on a straight line to 0.01 at nine tenths, and 0.01 from
    there on: the schedule of the code of Garipov et al. 2018, which sets it once an epoch.
    """
    fallen = min(max((done - 0.5) / 0.4, 0.0), 1.0)
    return 1 - fallen * (1 - LEAST_RATE)


class CurveLearner:
    """A network that moves along a curve, and the control points that learn from it.

    Attributes:
        device: where it runs.
    """

    def __init__(self, model: nn.Module, line: Curve, descent: Descent, compute: Compute) -> None:
        """Copy the model; its form is settled by the first batch.

        Args:
            model: of the architecture; its weights do not matter.
            line: where the control points start.
            descent: how they learn.
            compute: where the network runs.
        """
        self._network = Network(model, replace(compute, compile="never"))
        self._line, self._descent = line, descent
        self.device = self._network.device
        self._module = private_copy(model, self.device).train().requires_grad_()
        self._parameters = list(self._module.parameters())
        self._weights: list[Tensor] = []
        self._points: list[list[Tensor]] = []
        self._steps = 0
        self._fresh: list[tuple[Tensor, int]] = []
        self._sum, self._seen = 0.0, 0

    def step(self, inputs: Inputs, targets: Targets, *, t: float) -> None:
        """Learn from a batch at one point of the curve.

        Args:
            inputs: (N, ...), anywhere.
            targets: (N, ...).
            t: where on the curve.
        """
        if not self._points:
            self._settle(inputs)
        coefficients = bernstein(t, self._line.degree).tolist()
        self._go_to(coefficients)
        loss = self._pass(self._network.place(inputs), targets.to(self.device))
        self._learn(coefficients)
        self._steps += 1
        self._fresh.append((loss, len(inputs)))
        if self._steps % LOOK_EVERY == 0:
            self._look()

    def close_epoch(self) -> float:
        """The mean loss over the examples since the last call.

        Raises:
            InputError: it is not finite, or there were no examples.
        """
        self._look()
        if not self._seen:
            raise InputError(
                "expected batches that can be gone through once an epoch, but there were none this "
                "time; give a list or a DataLoader"
            )
        mean = self._sum / self._seen
        self._sum, self._seen = 0.0, 0
        return mean

    def curve(self, history: tuple[float, ...] = ()) -> Curve:
        """The curve as it is now.

        Raises:
            InputError: a control point is not finite.
        """
        start, *_, end = self._line.points
        inner = [self._named(point) for point in self._points[1:-1]]
        if not all(bool(tensor.isfinite().all()) for point in inner for tensor in point.values()):
            raise self._divergence("a control point is not finite", self._steps - 1)
        return Curve((start, *inner, end), self._line.buffers, history)

    def _settle(self, inputs: Inputs) -> None:
        """Choose the memory format and lay out the control points like the network's weights."""
        self._network.prepare(inputs[:2])
        self._module.to(memory_format=self._network.memory_format)
        self._weights = [parameter.detach() for parameter in self._parameters]
        self._points = [
            [
                torch.empty_like(weight).copy_(tensor)
                for weight, tensor in zip(self._weights, point.values(), strict=True)
            ]
            for point in self._line.points
        ]
        inner = [tensor for point in self._points[1:-1] for tensor in point]
        floating = all(tensor.is_floating_point() for tensor in inner)
        self._optimizer = torch.optim.SGD(
            inner,
            lr=self._descent.learning_rate,
            momentum=self._descent.momentum,
            fused=floating and self.device.type in FUSED,
        )

    def _go_to(self, coefficients: list[float]) -> None:
        torch._foreach_copy_(self._weights, self._points[0])
        torch._foreach_mul_(self._weights, coefficients[0])
        for coefficient, point in zip(coefficients[1:], self._points[1:], strict=True):
            torch._foreach_add_(self._weights, point, alpha=coefficient)

    def _pass(self, inputs: Inputs, targets: Targets) -> Float[Tensor, ""]:
        """The mean loss; its gradient is left in the weights."""
        self._module.zero_grad(set_to_none=True)
        # Autocast remembers weights until it ends, and these are new at every step.
        with arithmetic(self.device, self._descent.precision), threads(usable_threads()):
            outputs = checked_rows(_run(self._module, inputs), len(inputs))
            with torch.autocast(self.device.type, enabled=False):
                halved = outputs.dtype in (torch.bfloat16, torch.float16)
                loss = self._descent.loss.mean(outputs.float() if halved else outputs, targets)
                loss.backward()
        return loss.detach()

    def _learn(self, coefficients: list[float]) -> None:
        """One step of all control points: each has its share in where the network was."""
        gradients = [
            torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()
            for parameter in self._parameters
        ]
        if self._descent.weight_decay:
            torch._foreach_add_(gradients, self._weights, alpha=self._descent.weight_decay)
        for coefficient, point in zip(coefficients[1:-1], self._points[1:-1], strict=True):
            shares = torch._foreach_mul(gradients, coefficient)
            for tensor, share in zip(point, shares, strict=True):
                tensor.grad = share
        for group in self._optimizer.param_groups:
            group["lr"] = self._descent.rate(self._steps)
        self._optimizer.step()

    def _look(self) -> None:
        """Add the latest losses to the sum."""
        if not self._fresh:
            return
        losses = torch.stack([loss for loss, _ in self._fresh]).tolist()
        first = self._steps - len(losses)
        for i, (loss, (_, count)) in enumerate(zip(losses, self._fresh, strict=True)):
            if not abs(loss) < float("inf"):
                raise self._divergence(f"the loss is {loss}", first + i)
            self._sum += loss * count
            self._seen += count
        self._fresh.clear()

    def _named(self, point: list[Tensor]) -> Weights:
        return {
            name: tensor.to("cpu", memory_format=torch.contiguous_format, copy=True)
            for name, tensor in zip(self._line.points[0], point, strict=True)
        }

    def _divergence(self, what: str, step: int) -> InputError:
        return InputError(
            f"the training of the curve has diverged: {what} after step {step + 1} of "
            f"{self._descent.steps} (learning rate {self._descent.rate(step):.3g}); start anew "
            "with a lower learning rate"
        )


def _run(module: nn.Module, inputs: Inputs) -> Any:
    try:
        return module(inputs)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise InputError(
            "BatchNorm cannot learn from a batch of a single example; leave it out "
            "(drop_last=True) or join it to another"
        ) from error
