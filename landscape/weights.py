"""Algebra on named weights: norms, angles, and Li et al.'s normalization of directions."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscape.errors import InputError
from landscape.typing import Weights

TINY = 1e-10  # what the reference code adds to a filter's norm before it divides (Li et al. 2018)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Detached views of the model's parameters in `named_parameters` order, shared ones once."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def bytes_of(tensor: Tensor) -> memoryview:
    """The bytes of a tensor's values in order, of any type and on any device, for digests."""
    values = tensor.detach().cpu().contiguous().reshape(-1)
    return values.view(torch.uint8).numpy().data  # numpy has not every type


def refuse_weightless(model: nn.Module) -> None:
    """Raise if a model has no parameters, and so no directions.

    Raises:
        InputError: it has none.
    """
    if next(model.parameters(), None) is None:
        raise InputError(f"expected a model with parameters, {type(model).__name__} has none")


def norm(weights: Weights) -> float:
    """The Euclidean norm over all tensors together, accumulated in float64."""
    return math.sqrt(inner(weights, weights))


def inner(a: Weights, b: Weights) -> float:
    """The inner product over all tensors together, accumulated in float64."""
    return sum(float((a[name].double() * b[name].double()).sum()) for name in a)


def cosine(a: Weights, b: Weights) -> float:
    """The cosine of the angle between two directions; nan if one of them is zero."""
    length = norm(a) * norm(b)
    return inner(a, b) / length if length else math.nan


def difference(a: Weights, b: Weights) -> dict[str, Tensor]:
    """`a - b`, tensor by tensor, with the types and devices of `b`."""
    return {name: a[name].to(tensor) - tensor for name, tensor in b.items()}


def flatten(weights: Weights) -> Float[Tensor, " parameters"]:
    """All tensors in order as one vector."""
    return torch.cat([tensor.reshape(-1) for tensor in weights.values()])


def unflatten(vector: Float[Tensor, " parameters"], like: Weights) -> dict[str, Tensor]:
    """The inverse of `flatten`, with the names, shapes, dtypes and devices of `like`.

    Raises:
        InputError: the vector is not as long as all tensors of `like` together.
    """
    sizes = [tensor.numel() for tensor in like.values()]
    if len(vector) != sum(sizes):
        raise InputError(
            f"expected a direction of {sum(sizes)} numbers (as many as the model has parameters), "
            f"got {len(vector)}; use a direction made for this architecture"
        )
    parts = vector.split(sizes)
    return {
        name: part.view(tensor.shape).to(tensor)
        for part, (name, tensor) in zip(parts, like.items(), strict=True)
    }


def refuse_diverged(model: nn.Module, owner: str) -> None:
    """Raise if a parameter or a running statistic of a model is nan or infinite.

    Other buffers may be: a mask of attention is minus infinity in places.

    Args:
        model: any network.
        owner: what it belongs to, for the message.

    Raises:
        InputError: see `refuse_nonfinite`.
    """
    running = {n: b for n, b in model.named_buffers() if n.endswith(("_mean", "_var"))}
    refuse_nonfinite({**weights_of(model), **running}, owner)


def refuse_nonfinite(weights: Weights, owner: str) -> None:
    """Raise if a weight is nan or infinite.

    Args:
        weights: parameters, or others by name.
        owner: what they belong to, for the message: a file, "the model".

    Raises:
        InputError: with the number of such values and the name of the first tensor.
    """
    bad = {name: int((~tensor.isfinite()).sum()) for name, tensor in weights.items()}
    if first := next((name for name, count in bad.items() if count), None):
        raise InputError(
            f"{owner} holds weights that are NaN or infinite: {sum(bad.values())} values, the "
            f"first in {first}; the training diverged, take an earlier checkpoint"
        )


def filter_norms(tensor: Tensor) -> Tensor:
    """The norm of each first-axis slice (a filter, a neuron), shaped to broadcast over it."""
    if tensor.ndim <= 1:
        return tensor.abs()
    norms: Tensor = torch.linalg.vector_norm(tensor.flatten(1), dim=1)
    return norms.view(-1, *[1] * (tensor.ndim - 1))


def _by_filter(direction: Tensor, weight: Tensor) -> Tensor:
    return direction * (filter_norms(weight) / (filter_norms(direction) + TINY))


def _by_layer(direction: Tensor, weight: Tensor) -> Tensor:
    norm_of: Callable[[Tensor], Tensor] = torch.linalg.vector_norm
    return direction * (norm_of(weight) / (norm_of(direction) + TINY))


NORMALIZATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "filter": _by_filter,
    "layer": _by_layer,
    "weight": lambda direction, weight: direction * weight,
    "none": lambda direction, weight: direction,
}
"""How a direction takes on the scale of the weights it moves; `filter` is the papers'."""


def normalize(
    direction: Weights, weights: Weights, *, how: str = "filter", ignore: str = "biasbn"
) -> dict[str, Tensor]:
    """A direction on the scale of the weights it moves.

    Li et al. 2018, "Visualizing the loss landscape of neural nets", sec. 4: each filter of the
    direction gets the norm of the filter of the weights.

    Args:
        direction: one tensor per weight.
        weights: the trained weights.
        how: a name in `NORMALIZATIONS`.
        ignore: `"biasbn"` leaves tensors of one dimension or less (biases, BatchNorm) at rest, as
            the papers' figures do; `"none"` moves them like the others.
    """
    scale = NORMALIZATIONS[how]
    return {
        name: torch.zeros_like(weight)
        if ignore == "biasbn" and weight.ndim <= 1
        else scale(direction[name], weight)
        for name, weight in weights.items()
    }


def direction_of(given: Any, weights: Weights) -> Weights:
    """A direction in weight space from what a user gives for one.

    Args:
        given: a flat vector, a mapping by parameter name, or tensors in `parameters()` order.
        weights: that it is to move.

    Raises:
        InputError: it does not fit the weights, or is not finite.
    """
    found = _as_weights(given, weights)
    if wrong := [name for name, part in found.items() if not part.isfinite().all()]:
        raise InputError(f"expected a finite direction, got nan or inf in its part for {wrong[0]}")
    return found


def _as_weights(direction: Any, weights: Weights) -> Weights:
    if isinstance(direction, np.ndarray | Tensor):
        return unflatten(torch.as_tensor(direction).detach().reshape(-1), weights)
    if isinstance(direction, Mapping):
        if missing := [name for name in weights if name not in direction]:
            raise InputError(
                "expected a direction with one tensor per parameter of the model, got none for "
                f"{', '.join(missing)}; build it from model.named_parameters()"
            )
        direction = [direction[name] for name in weights]
    return _fitting(direction, weights)


def _fitting(direction: Iterable[Any], weights: Weights) -> Weights:
    parts = [torch.as_tensor(part).detach() for part in direction]
    if len(parts) != len(weights):
        raise InputError(
            f"expected a direction of {len(weights)} tensors, one per parameter of the model, "
            f"got {len(parts)}; build it from model.parameters()"
        )
    for part, (name, weight) in zip(parts, weights.items(), strict=True):
        if part.shape != weight.shape:
            raise InputError(
                f"expected a direction of shape {tuple(weight.shape)} for {name}, "
                f"got {tuple(part.shape)}; build it from model.parameters()"
            )
    return {n: part.to(weight) for part, (n, weight) in zip(parts, weights.items(), strict=True)}
