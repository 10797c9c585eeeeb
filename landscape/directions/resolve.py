"""From what a user says of directions to one tensor per weight and axis."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.directions.random import gaussian
from landscape.errors import InputError
from landscape.registry import lookup
from landscape.rng import generator
from landscape.store import load_directions
from landscape.typing import Weights
from landscape.weights import NORMALIZATIONS, flatten, normalize, unflatten

DIRECTIONS: dict[str, Callable[..., dict[str, Tensor]]] = {"random": gaussian}
"""Each takes the weights and `generator=` and returns one tensor per weight."""

IGNORE = {"biasbn": "tensors of one dimension or less stay at rest", "none": "all weights move"}

FILE_SUFFIXES = (".h5", ".hdf5")

DirectionSource = str | Path | Sequence[Any] | None
"""A name in `DIRECTIONS`, the file of a weight surface, or one direction per axis: its tensors in
`parameters()` order, a mapping from parameter names, or one flat vector."""


@dataclass(frozen=True)
class Directions:
    """One direction per axis, and how they came about.

    Attributes:
        vectors: by axis name, one tensor per weight.
        configuration: source, normalization and content, for the file; JSON values.
    """

    vectors: Mapping[str, Weights]
    configuration: Mapping[str, Any]


def make_directions(
    source: DirectionSource,
    weights: Weights,
    axes: Sequence[str],
    *,
    seed: int,
    normalization: str = "filter",
    ignore: str = "biasbn",
) -> Directions:
    """The directions along which a surface moves.

    Named directions are drawn with a generator of their own per axis and normalized. Directions
    from a file or given as tensors are used as they are.

    Args:
        source: see `DirectionSource`; None means "random".
        weights: the trained weights.
        axes: the names of the axes, e.g. ("alpha", "beta").
        seed: of the random directions.
        normalization: a name in `NORMALIZATIONS`.
        ignore: see `landscape.weights.normalize`.

    Raises:
        InputError: unknown name, or directions that do not fit the weights or the axes.
    """
    lookup(NORMALIZATIONS, normalization, kind="normalization of directions")
    lookup(IGNORE, ignore, kind="set of weights to ignore")
    settings: dict[str, Any]
    if isinstance(source, Path) or str(source).endswith(FILE_SUFFIXES):
        vectors = _from_file(Path(str(source)), weights, axes)
        settings = {"directions": "file"}
    elif source is None or isinstance(source, str):
        draw = lookup(DIRECTIONS, source or "random", kind="direction")
        drawn = {a: draw(weights, generator=generator(seed, "direction", a)) for a in axes}
        vectors = {
            axis: normalize(direction, weights, how=normalization, ignore=ignore)
            for axis, direction in drawn.items()
        }
        settings = {"directions": source or "random", "seed": seed}
        settings |= {"normalization": normalization, "ignore": ignore}
    else:
        vectors = _as_given(source, weights, axes)
        settings = {"directions": "given"}
    return Directions(vectors, {**settings, "directions_sha256": _digest(vectors)})


def _from_file(path: Path, weights: Weights, axes: Sequence[str]) -> dict[str, Weights]:
    stored = load_directions(path)
    for axis in axes:
        if axis not in stored:
            raise InputError(f"{path} holds no direction for {axis}, only for {', '.join(stored)}")
    return {axis: unflatten(torch.from_numpy(stored[axis]), weights) for axis in axes}


def _as_given(
    directions: Sequence[Any], weights: Weights, axes: Sequence[str]
) -> dict[str, Weights]:
    if len(directions) != len(axes):
        raise InputError(
            f"expected {len(axes)} directions, one for each of {', '.join(axes)}, "
            f"got {len(directions)}"
        )
    return {a: _one_given(d, weights) for a, d in zip(axes, directions, strict=True)}


def _one_given(direction: Any, weights: Weights) -> Weights:
    """A flat vector, a mapping by parameter name, or tensors in `parameters()` order."""
    if isinstance(direction, np.ndarray | Tensor):
        return unflatten(torch.as_tensor(direction).detach().reshape(-1), weights)
    if isinstance(direction, Mapping):
        if missing := [name for name in weights if name not in direction]:
            raise InputError(
                "expected a direction with one tensor per parameter of the model, got none for "
                f"{', '.join(missing)}; build it from model.named_parameters()"
            )
        direction = [direction[name] for name in weights]
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


def _digest(vectors: Mapping[str, Weights]) -> str:
    content = hashlib.sha256()
    for axis, direction in vectors.items():
        content.update(axis.encode())
        content.update(flatten(direction).cpu().double().numpy().tobytes())
    return content.hexdigest()
