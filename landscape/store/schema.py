"""What a surface file holds: axes, fields, constants, and the facts that identify it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Shaped

from landscape.errors import InputError

SCHEMA_VERSION = 2
READABLE = (1, SCHEMA_VERSION)
"""Schemas that are read and continued; 1 had no checksums of points and facts."""
ADAPTIVE = "adaptive"
"""The attribute of a surface whose points were chosen by their values; see `store.refine`."""
HUGE = 1e100  # beyond it distances between coordinates, and their squares, are no numbers


def beyond_computing(values: Shaped[np.ndarray, " n"]) -> bool:
    """Whether finite coordinates are too large, or too close together, to compute with."""
    span = float(values.max()) - float(values.min())
    return bool(np.abs(values).max() > HUGE or 0 < span < 1 / HUGE)


@dataclass(frozen=True)
class Axis:
    """One dimension of a surface and its coordinate values."""

    name: str
    values: Shaped[np.ndarray, " n"]
    units: str
    long_name: str

    def __post_init__(self) -> None:
        if len(self.values) == 0:
            raise InputError(f"the axis {self.name} needs one or more values, got none")
        if not np.isfinite(self.values).all():
            raise InputError(f"the axis {self.name} has values that are not finite")
        if len(np.unique(self.values)) != len(self.values):
            raise InputError(f"the axis {self.name} names the same value twice")
        if beyond_computing(self.values):
            raise InputError(
                f"the axis {self.name} needs values of at most {HUGE:g} over a range of at least "
                f"{1 / HUGE:g}, got {self.values.min():g} to {self.values.max():g}"
            )

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Field:
    """One measured quantity; it has a value per point and per item (e.g. per image).

    Attributes:
        name: of the variable.
        dtype: of its values.
        units: as udunits writes them.
        long_name: a few words.
        own: further axes, of this quantity alone, e.g. the pixels of an attacked image; they come
            last. Only of surfaces without items.
    """

    name: str
    dtype: str
    units: str
    long_name: str
    own: tuple[Axis, ...] = ()


DONE_FIELD = Field("done", "int8", "1", "1 where the point was computed")


@dataclass(frozen=True)
class Constant:
    """A variable that is known before the sweep, e.g. the labels of the images."""

    name: str
    dims: tuple[str, ...]
    values: Shaped[np.ndarray, "..."]
    long_name: str


@dataclass(frozen=True)
class Layout:
    """Everything that is known of a surface before a point of it is computed.

    Attributes:
        kind: a key of `SURFACES`, e.g. "spatial"; or "attack", of attacked images.
        points: the swept axes; a point of the surface is one value of each.
        items: axes that every point covers at once, e.g. the images. On disk they come first.
        fields: what is measured.
        constants: variables over any of the axes, or over dimensions of their own.
        configuration: what must agree for a file to be continued; JSON values only.
        about: further facts for the reader, such as versions and device.
        directions: flat vectors stored in the group `directions`, by axis name.
        parameters: names and shapes of the weights that the vectors are made of, in order.
    """

    kind: str
    points: tuple[Axis, ...]
    fields: tuple[Field, ...]
    items: tuple[Axis, ...] = ()
    constants: tuple[Constant, ...] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    directions: Mapping[str, Shaped[np.ndarray, " parameters"]] = field(default_factory=dict)
    parameters: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """The number of values of each swept axis."""
        return tuple(len(axis) for axis in self.points)

    @property
    def field_names(self) -> list[str]:
        """What is measured at every point, in order."""
        return [field.name for field in self.fields]

    @property
    def item_shape(self) -> tuple[int, ...]:
        """The number of values of each item axis."""
        return tuple(len(axis) for axis in self.items)

    def coordinates(self, indices: Shaped[np.ndarray, " n"]) -> Shaped[np.ndarray, "n axes"]:
        """The coordinates of points given by their flat, row-major indices."""
        where = np.unravel_index(indices, self.grid_shape)
        columns = [axis.values[i] for axis, i in zip(self.points, where, strict=True)]
        return np.stack(columns, axis=1).astype(np.float64)
