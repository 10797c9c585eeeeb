"""Directions that come as tensors or in a file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.errors import InputError
from landscape.store import load_directions
from landscape.typing import Weights
from landscape.weights import unflatten

FILE_SUFFIXES = (".h5", ".hdf5")


def is_file(source: Any) -> bool:
    """Whether what a user says of directions means a file."""
    return isinstance(source, Path) or str(source).endswith(FILE_SUFFIXES)


def from_file(path: Path, axis: str, weights: Weights) -> Weights:
    """The direction that a file holds for an axis.

    Args:
        path: a weight surface, or a direction file of Li et al.
        axis: its name.
        weights: that it is to fit.

    Raises:
        InputError: the file has none for this axis, or it does not fit.
    """
    stored = load_directions(path)
    if axis not in stored:
        raise InputError(f"{path} holds no direction for {axis}, only for {', '.join(stored)}")
    return unflatten(torch.from_numpy(stored[axis]), weights)


def from_tensors(direction: Any, weights: Weights) -> Weights:
    """A flat vector, a mapping by parameter name, or tensors in `parameters()` order.

    Raises:
        InputError: it does not fit the weights.
    """
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
