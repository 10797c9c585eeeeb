"""Directions that come as tensors or in a file."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.directions.base import Around
from landscape.errors import InputError
from landscape.store import is_li_directions, load_directions, read_li_directions
from landscape.typing import Weights
from landscape.weights import unflatten

FILE_SUFFIXES = (".h5", ".hdf5")


def is_file(source: Any) -> bool:
    """Whether what a user says of directions means a file."""
    return isinstance(source, Path) or (isinstance(source, str) and source.endswith(FILE_SUFFIXES))


def from_file(path: Path, axis: str, around: Around) -> Weights:
    """The direction that a file holds for an axis.

    Args:
        path: a weight surface, or a direction file of Li et al., over parameters or over the whole
            state of a network.
        axis: its name.
        around: with the weights that it is to fit.

    Raises:
        InputError: the file has none for this axis, or it does not fit.
    """
    theirs = is_li_directions(path)
    stored: Mapping[str, Any] = read_li_directions(path) if theirs else load_directions(path)
    if axis not in stored:
        raise InputError(f"{path} holds no direction for {axis}, only for {', '.join(stored)}")
    direction = _of_parameters(stored[axis], around) if theirs else stored[axis]
    return from_tensors(direction, around.weights)


def _of_parameters(tensors: Sequence[Any], around: Around) -> Sequence[Any]:
    """The tensors of parameters among those of a state dict; what they are already, otherwise.

    Raises:
        InputError: statistics of BatchNorm move, too.
    """
    state = {} if around.model is None else around.model.state_dict()
    if len(tensors) != len(state) or len(state) == len(around.weights):
        return tensors
    named = dict(zip(state, tensors, strict=True))
    moving = [name for name in named if name not in around.weights and np.any(named[name])]
    if moving:
        raise InputError(
            f"expected a direction of parameters alone, got one that moves {moving[0]} and "
            f"{len(moving) - 1} other buffers; make it with --dir_type weights, and recompute "
            "BatchNorm's statistics here"
        )
    return [named[name] for name in around.weights]


def from_tensors(direction: Any, weights: Weights) -> Weights:
    """A flat vector, a mapping by parameter name, or tensors in `parameters()` order.

    Raises:
        InputError: it does not fit the weights, or is not finite.
    """
    found = _as_weights(direction, weights)
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
