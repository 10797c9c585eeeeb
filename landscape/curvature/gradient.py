"""The gradient of a mean loss with respect to all weights."""

import torch
from torch import Tensor, nn

from landscape.losses import Loss
from landscape.typing import Inputs, Targets

BATCH = 128  # examples in a pass


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
    twin.requires_grad_(True).zero_grad(set_to_none=True)
    like = next(twin.parameters())
    with torch.enable_grad():
        for x, y in zip(inputs.split(BATCH), targets.split(BATCH), strict=True):
            placed = x.to(like.device, like.dtype if x.is_floating_point() else None)
            value = loss.mean(twin(placed), y.to(like.device))
            (value * (len(x) / len(inputs))).backward()
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.detach()
        for name, p in twin.named_parameters()
    }
