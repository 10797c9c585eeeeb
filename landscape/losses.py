"""Losses of (outputs, targets) as one value per example, and what else is counted per example."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from landscape.errors import InputError
from landscape.registry import lookup
from landscape.typing import Outputs, PerExample, Targets

LossFunction = Callable[[Any, Any], Any]
"""Of (outputs, targets): one value per example, or one number, their mean over the examples."""

AGREE = 1e-4  # relative; a loss that is no mean over its examples is off by far more


@dataclass(frozen=True)
class Loss:
    """A loss as a value per example, whatever form its function has.

    Attributes:
        name: for files and figures, e.g. "cross-entropy".
        function: of (outputs, targets). A single number is taken for the mean over the examples,
            and the function called for each of them alone; more than one number per example are
            averaged.
        units: of a value, as udunits writes them.
    """

    name: str
    function: LossFunction
    units: str = "1"

    def __call__(self, outputs: Outputs, targets: Targets) -> PerExample:
        """One value per example, differentiable, in float64 so that only the network rounds.

        Args:
            outputs: (N, ...), of the network.
            targets: (N, ...).

        Raises:
            InputError: the function does not return what it should.
        """
        outputs, targets = _exact(outputs), _exact(targets)
        values = self._of(outputs, targets)
        if values.ndim == 0:
            values = self._one_by_one(outputs, targets)
        if values.ndim == 0 or len(values) != len(outputs):
            raise InputError(
                f"expected from the loss {self.name} one number, or one value for each of "
                f"{len(outputs)} examples, got shape {tuple(values.shape)}"
            )
        return values.flatten(1).mean(dim=1) if values.ndim > 1 else values

    def mean(self, outputs: Outputs, targets: Targets) -> Tensor:
        """The mean over the examples, in the outputs' own precision, as it is learned from."""
        values: Tensor = self._of(outputs, targets)
        return values.mean() if values.ndim else values

    def verify(self, outputs: Outputs, targets: Targets) -> None:
        """See that a loss of one number is the mean over the examples it is a loss of.

        Raises:
            InputError: it is not, as where it is a sum, or looks across the batch.
        """
        whole = self._of(_exact(outputs), _exact(targets))
        if whole.ndim or not bool(whole.isfinite()):
            return
        of_each = self(outputs, targets).mean()
        if not bool((whole - of_each).abs() <= AGREE * whole.abs().clamp(min=1e-8)):
            raise InputError(
                f"the loss {self.name} of {len(outputs)} examples is {float(whole):.6g}, but the "
                f"mean of the losses of each alone is {float(of_each):.6g}; surfaces need a loss "
                "that is a mean over examples, so give one that returns a value for each "
                "(reduction='none')"
            )

    def _of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        values = self.function(outputs, targets)
        if not isinstance(values, Tensor):
            raise InputError(
                f"expected a tensor from the loss {self.name}, got {type(values).__name__}"
            )
        return values

    def _one_by_one(self, outputs: Tensor, targets: Tensor) -> Tensor:
        def alone(output: Tensor, target: Tensor) -> Tensor:
            return self._of(output[None], target[None])

        try:
            each: Tensor = torch.func.vmap(alone)(outputs, targets)
        except RuntimeError:  # a function may do what vmap cannot
            each = torch.stack([alone(o, t) for o, t in zip(outputs, targets, strict=True)])
        return each


def _exact(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the logarithm of the probability of the true class, nats, in the outputs' precision.

    Infinite where another class has an infinite logit.

    Args:
        outputs: (N, classes, ...), logits.
        targets: (N, ...), class indices.

    Returns:
        (N, ...).
    """
    true = outputs.gather(1, targets.unsqueeze(1)).squeeze(1)
    return torch.logsumexp(outputs, dim=1) - true


def _squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    if outputs.shape != targets.shape:
        raise InputError(
            f"expected targets of the shape {tuple(outputs.shape)} of the outputs for the loss "
            f"mse, got {tuple(targets.shape)}"
        )
    return (outputs - targets) ** 2


LOSSES: dict[str, Loss] = {
    "cross-entropy": Loss("cross-entropy", cross_entropy, "nat"),
    "mse": Loss("mse", _squared_error),
}
"""By name: cross-entropy of logits (N, C, ...) with classes (N, ...), and mean squared error."""

LossLike = Loss | str | LossFunction
"""A `Loss`, a name in `LOSSES`, or any function of (outputs, targets)."""


def make_loss(loss: LossLike) -> Loss:
    """A loss from what a user says of it.

    Args:
        loss: see `LossLike`; a function goes by its own name, a module by its text.

    Raises:
        InputError: the name is not known.
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str):
        return lookup(LOSSES, loss, kind="loss")
    if isinstance(loss, nn.CrossEntropyLoss) and _is_plain(loss):
        return LOSSES["cross-entropy"]
    name = repr(loss) if isinstance(loss, nn.Module) else getattr(loss, "__qualname__", repr(loss))
    return Loss(name, loss)


def _is_plain(loss: nn.CrossEntropyLoss) -> bool:
    plain = loss.weight is None and loss.ignore_index == -100 and loss.label_smoothing == 0
    return plain and loss.reduction in ("mean", "none")


def predicted(outputs: Outputs) -> Tensor:
    """The class of the largest output along the second dimension; -1, which is no class, for a nan.

    Args:
        outputs: (N, C, ...).

    Returns:
        (N, ...).
    """
    return outputs.argmax(dim=1).masked_fill(outputs.isnan().any(dim=1), -1)


def correct(outputs: Outputs, targets: Targets) -> PerExample:
    """The share of an example's predictions that are right: 0 or 1 where there is one.

    See `predicted`: where it says of no class there is nothing right.

    Args:
        outputs: (N, C, ...).
        targets: (N, ...), class indices.

    Raises:
        InputError: the shapes are not those of a classification.
    """
    if outputs.ndim < 2 or targets.shape != (len(outputs), *outputs.shape[2:]):
        raise InputError(
            "expected outputs (N, classes, ...) and targets (N, ...) for an accuracy, got "
            f"{tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    right = (predicted(outputs) == targets).double()
    return right.flatten(1).mean(dim=1) if right.ndim > 1 else right
