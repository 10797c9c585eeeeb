"""Directions as a surface keeps them, in memory and in its file."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float

from landscape.directions.models import REACH
from landscape.directions.projection import Path
from landscape.errors import InputError
from landscape.store import facts, load_directions, open_surface, path_places
from landscape.typing import Weights
from landscape.weights import flatten, unflatten

MARGIN = 0.15  # of a path's extent, left free on every side


@dataclass(frozen=True)
class Directions:
    """One direction per axis, and how they came about.

    Attributes:
        vectors: by axis name, one tensor per weight.
        settings: how they were made, for the file; JSON values.
        labels: of the axes, by name.
        reach: lowest and highest coordinate that suits an axis, by name.
        facts: what a reader should know, such as eigenvalues; JSON values.
        path: checkpoints to be marked in the surface.
        connects: whether they lead to other trained networks.
    """

    vectors: Mapping[str, Weights]
    settings: Mapping[str, Any]
    labels: Mapping[str, str]
    reach: Mapping[str, tuple[float, float]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
    connects: bool = False

    @cached_property
    def configuration(self) -> Mapping[str, Any]:
        """Settings and content: what must agree for a surface to be continued; JSON values."""
        return {**self.settings, "directions_sha256": digest(self.vectors)}

    def on_cpu(self) -> "Directions":
        """The same, to be sent to another process."""
        vectors = {
            axis: {name: step.cpu() for name, step in vector.items()}
            for axis, vector in self.vectors.items()
        }
        return replace(self, vectors=vectors)

    def record(self) -> dict[str, Any]:
        """All but the vectors and the path, for the file; JSON values."""
        return {
            "labels": dict(self.labels),
            "reach": {axis: list(ends) for axis, ends in self.reach.items()},
            "facts": dict(self.facts),
            "connects": self.connects,
        }


def recalled(
    file: FilePath, settings: Mapping[str, Any], weights: Weights, axes: Sequence[str]
) -> Directions | None:
    """The directions of a surface, if they were made in the same way.

    Args:
        file: that may hold the surface.
        settings: how they are to be made.
        weights: that they are to fit.
        axes: that there must be.
    """
    try:
        with open_surface(file) as data:
            known, path = facts(data), _path(data)
        vectors = load_directions(file)
    except InputError:  # there is none, or not yet
        return None
    there = {name: known["configuration"].get(name) for name in settings}
    record = known.get("directions_record")
    if there != json.loads(json.dumps(settings)) or record is None or list(vectors) != list(axes):
        return None
    return Directions(
        {axis: unflatten(torch.from_numpy(vectors[axis]), weights) for axis in axes},
        settings,
        record["labels"],
        {axis: (ends[0], ends[1]) for axis, ends in record["reach"].items()},
        record["facts"],
        path,
        record["connects"],
    )


def _path(data: xr.Dataset) -> Path | None:
    places = path_places(data)
    if places is None:
        return None
    names = json.loads(data.attrs["path_names"])
    of_each = (data[name].values for name in ("path_residual", "path_distance"))
    return Path(tuple(names), places, *of_each)


def digest(vectors: Mapping[str, Weights]) -> str:
    """The sha256 of named weights or directions, in order."""
    content = hashlib.sha256()
    for name, vector in vectors.items():
        content.update(name.encode())
        content.update(flatten(vector).cpu().double().numpy().tobytes())
    return content.hexdigest()


def extent(coordinates: Float[np.ndarray, " path"]) -> tuple[float, float]:
    """The range that shows all coordinates and the centre, with a margin."""
    low, high = min(0.0, float(coordinates.min())), max(0.0, float(coordinates.max()))
    margin = MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def regular(reach: tuple[float, float], count: int) -> Float[np.ndarray, " count"]:
    """Evenly spaced coordinates over a range and, where it must be, a little more.

    The centre, 0, is one of them, unless there are two or the range is symmetric about it; on the
    way to another network so is that, 1. A single one is the centre.
    """
    low, high = reach
    if count == 1:
        return np.zeros(1)
    if low == -high or count < 3:
        return np.linspace(low, high, count)
    if reach == REACH:
        for per_unit in range(count, 0, -1):  # points a unit, as many as leave no end bare
            below, above = math.ceil(-low * per_unit), math.ceil(high * per_unit)
            if (spare := count - 1 - below - above) >= 0:
                return (np.arange(count) - below - spare // 2) / per_unit
        return np.arange(float(count))  # three: the centre, the other network, and as far again
    before = np.arange(1, count - 1)  # points below the centre
    step = np.maximum(-low / before, high / (count - 1 - before))
    best = int(step.argmin())
    return np.asarray((np.arange(count) - before[best]) * step[best])
