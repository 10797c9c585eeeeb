"""The gradient of a mean loss with respect to all weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from landscape.engine import Compute
from landscape.engine.compute import arithmetic
from landscape.engine.passes import Passes
from landscape.engine.threads import threads, usable_threads
from landscape.losses import Loss
from landscape.typing import Inputs, Targets

BATCH = 128  # examples in a pass, which takes several times the memory of one that is forward only
DEFAULT = Compute()


class GradientPass:
    """A mean loss over all examples, and its gradient, in passes that fit into the memory."""

    def __init__(self, twin: nn.Module, loss: Loss, compute: Compute = DEFAULT) -> None:
        """Take hold of a network.

        Args:
            twin: a copy, in the mode it is to be run in.
            loss: of outputs and targets.
            compute: the precision is taken from it.
        """
        self.twin, self.loss, self.compute = twin, loss, compute
        self._device = next(twin.parameters()).device
        self._passes = Passes(BATCH, self._device)

    def outputs(self, inputs: Inputs) -> Tensor:
        """In the precision of the computation, but given in no fewer than 32 bits."""
        weight = next(self.twin.parameters())
        placed = inputs.to(weight.device, weight.dtype if inputs.is_floating_point() else None)
        with self._settings():
            outputs: Tensor = self.twin(placed)
        return outputs if outputs.dtype == torch.float64 else outputs.float()

    def loss_and_gradient(self, inputs: Inputs, targets: Targets) -> float:
        """The mean loss, with its gradient left in the network's parameters.

        Raises:
            InputError: not even a single example fits into the memory.
        """
        weights = [weight for weight in self.twin.parameters() if weight.requires_grad]
        self.twin.zero_grad(set_to_none=True)
        total = 0.0

        def run(part: slice) -> tuple[float, Sequence[Tensor | None]]:
            outputs = self.outputs(inputs[part])
            loss = self.loss.mean(outputs, targets[part].to(outputs.device))
            share = len(outputs) / len(inputs)
            found: Sequence[Tensor | None] = [None] * len(weights)
            if loss.requires_grad:
                with self._settings(), torch.autocast(self._device.type, enabled=False):
                    found = torch.autograd.grad(
                        loss, weights, torch.full_like(loss, share), allow_unused=True
                    )
            return float(loss.detach()) * share, found

        with torch.enable_grad():
            for loss, gradient in self._passes.over(len(inputs), run):
                total += loss
                for weight, part in zip(weights, gradient, strict=True):
                    if part is not None:
                        weight.grad = part if weight.grad is None else weight.grad.add_(part)
        return total

    @contextmanager
    def _settings(self) -> Iterator[None]:
        with arithmetic(self._device, self.compute.precision), threads(usable_threads()):
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
