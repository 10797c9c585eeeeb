"""The gradient of a mean loss with respect to all weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape.engine import Compute
from landscape.engine.compute import arithmetic
from landscape.engine.threads import threads, usable_threads
from landscape.losses import Loss
from landscape.typing import Inputs, Targets

BATCH = 128  # examples in a pass
DEFAULT = Compute()


@dataclass(frozen=True)
class GradientPass:
    """A mean loss over all examples, and its gradient, batch by batch.

    Attributes:
        twin: a copy, in the mode it is to be run in.
        loss: of outputs and targets.
        compute: the precision is taken from it.
    """

    twin: nn.Module
    loss: Loss
    compute: Compute = DEFAULT

    def outputs(self, inputs: Inputs) -> Tensor:
        """In the precision of the computation, but given in no fewer than 32 bits."""
        weight = next(self.twin.parameters())
        placed = inputs.to(weight.device, weight.dtype if inputs.is_floating_point() else None)
        with self._settings():
            outputs: Tensor = self.twin(placed)
        return outputs if outputs.dtype == torch.float64 else outputs.float()

    def loss_and_gradient(self, inputs: Inputs, targets: Targets) -> float:
        """The mean loss, with its gradient left in the network's parameters."""
        self.twin.zero_grad(set_to_none=True)
        total = 0.0
        for x, y in zip(inputs.split(BATCH), targets.split(BATCH), strict=True):
            share = len(x) / len(inputs)
            with torch.enable_grad():
                outputs = self.outputs(x)
                loss = self.loss.mean(outputs, y.to(outputs.device))
                if loss.requires_grad:
                    with self._settings(), torch.autocast(outputs.device.type, enabled=False):
                        loss.backward(torch.full_like(loss, share))
            total += float(loss.detach()) * share
        return total

    @contextmanager
    def _settings(self) -> Iterator[None]:
        device = next(self.twin.parameters()).device
        with arithmetic(device, self.compute.precision), threads(usable_threads()):
            yield


def mean_gradient(
    twin: nn.Module, inputs: Inputs, targets: Targets, loss: Loss
) -> dict[str, Tensor]:
    """The gradient of the mean loss over all examples at a network's weights, by their names.

    It is zero for weights that the loss does not depend on.

    Args:
        twin: a copy that may be used up: in the mode it is to be run in, its gradients are set.
        inputs: (N, ...), wherever they are.
        targets: (N, ...).
        loss: of outputs and targets.
    """
    GradientPass(twin.requires_grad_(True), loss).loss_and_gradient(inputs, targets)
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.detach()
        for name, p in twin.named_parameters()
    }
