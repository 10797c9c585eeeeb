"""Other weights of the same network, in whatever form they come."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from landscape.errors import InputError
from landscape.models import load_checkpoint
from landscape.typing import Weights
from landscape.weights import refuse_nonfinite, weights_of

CheckpointSource = Mapping[str, Any] | Sequence[Any]
"""Modules, mappings from parameter names, or files of `landscape train`; in order, or by name."""


def weights_by_name(checkpoints: CheckpointSource, weights: Weights) -> dict[str, Weights]:
    """The weights of checkpoints, in order; names are given, or those of files, or numbers.

    Args:
        checkpoints: see `CheckpointSource`.
        weights: whose names and shapes they must have.

    Raises:
        InputError: a file cannot be read, or its weights are not finite, or of another network.
    """
    if not isinstance(checkpoints, Mapping):
        checkpoints = dict(zip(_names(checkpoints), checkpoints, strict=True))
    return {name: _fitting(_read(c), weights, name) for name, c in checkpoints.items()}


def _names(checkpoints: Sequence[Any]) -> list[str]:
    files = [Path(c) if isinstance(c, str | Path) else None for c in checkpoints]
    for name_of in (lambda f: f.stem, lambda f: f"{f.parent.name}/{f.stem}", str):
        names = [str(i + 1) if f is None else name_of(f) for i, f in enumerate(files)]
        if len(set(names)) == len(names):
            return names
    raise InputError("expected different checkpoints, got the same file twice")


def _read(checkpoint: Any) -> Mapping[str, Any]:
    if isinstance(checkpoint, str | Path):
        checkpoint = load_checkpoint(checkpoint).model
    return weights_of(checkpoint) if isinstance(checkpoint, nn.Module) else checkpoint


def _fitting(state: Mapping[str, Any], weights: Weights, owner: str) -> Weights:
    for name, like in weights.items():
        if name not in state or state[name].shape != like.shape:
            there = tuple(state[name].shape) if name in state else "nothing"
            raise InputError(
                f"expected in the checkpoint {owner} a tensor {name} of shape {tuple(like.shape)}, "
                f"got {there}; checkpoints must be of the same network"
            )
    found = {name: state[name].detach() for name in weights}
    refuse_nonfinite(found, f"the checkpoint {owner}")
    return found
