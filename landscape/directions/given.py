"""Directions that come in a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from landscape.directions.base import Around
from landscape.errors import InputError
from landscape.store import is_li_directions, load_directions, read_li_directions
from landscape.typing import Weights
from landscape.weights import direction_of

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
    return direction_of(direction, around.weights)


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
