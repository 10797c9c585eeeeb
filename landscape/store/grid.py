"""The grid of a stored surface: its axes, how much of it is there, and the part that is whole."""

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from landscape.errors import InputError
from landscape.store.order import strides
from landscape.store.refine import Lattice, fill
from landscape.store.schema import ADAPTIVE


def swept_axes(data: xr.Dataset) -> tuple[str, ...]:
    """The names of the axes the surface was swept over."""
    return tuple(str(axis) for axis in data["done"].dims)


def share_done(data: xr.Dataset) -> float:
    """The fraction of the grid points that were computed."""
    return float((data["done"] == 1).mean())


def complete_part(data: xr.Dataset, *fields: str) -> xr.Dataset:
    """All of the surface that can be shown as a grid, with ascending coordinates.

    Of a surface with an adaptive grid this is all of it: between the points that were measured,
    those of which `done` is 1, numbers are interpolated (see `store.refine`). Of another one it is
    the finest centred sub-grid whose points are all computed, since sweeps run coarse to fine (see
    `store.order`); nan and inf were then measured.

    Of a surface that was opened lazily nothing is read but what must be interpolated. Select what
    is to be shown, then read that with `store.in_memory`.

    Args:
        data: a stored surface.
        fields: the variables wanted besides `done`; all unless given.

    Raises:
        InputError: not even the centre was computed.
    """
    if fields:
        data = data[[*fields, "done"]]
    done = data["done"].values == 1
    if ADAPTIVE in data.attrs and not done.all():
        return _interpolated(_ascending(data))
    for stride in reversed(strides(done.shape)):
        places = [slice(n // 2 % stride, None, stride) for n in done.shape]
        if done[tuple(places)].all():
            where = dict(zip(swept_axes(data), places, strict=True))
            return _ascending(data if stride == 1 else data.isel(where))
    raise _nothing(done)


def _ascending(data: xr.Dataset) -> xr.Dataset:
    axes = swept_axes(data)
    unsorted = [axis for axis in axes if (np.diff(data[axis].values) < 0).any()]
    part = data.sortby(unsorted) if unsorted else data
    return part.assign_coords({axis: part[axis].astype(np.float64) for axis in axes})


def _interpolated(data: xr.Dataset) -> xr.Dataset:
    """The fields on all of the grid; `done` still tells which points were measured."""
    axes = swept_axes(data)
    done = data["done"].values == 1
    lattice = Lattice(tuple(data[axis].values for axis in axes))
    if not done[lattice.place(0)].all():
        raise _nothing(done)
    filled = {}
    for name in point_fields(data):
        field = data[name].compute().transpose(*axes)
        filled[name] = field.copy(data=fill(lattice, field.values.astype(np.float64), done))
    return data.assign(filled)


def _nothing(done: Bool[np.ndarray, "..."]) -> InputError:
    return InputError(
        f"expected a surface with computed points, but the centre of the grid is not done "
        f"({done.sum()} of {done.size} points are); continue its sweep, then draw it"
    )


def path_places(data: xr.Dataset) -> Float[np.ndarray, "path axes"] | None:
    """Where checkpoints or other networks lie in a weight surface, if any are marked."""
    names = [f"path_{axis}" for axis in swept_axes(data)]
    if not all(name in data for name in names):
        return None
    return np.stack([data[name].values.astype(np.float64) for name in names], axis=1)


def point_fields(data: xr.Dataset) -> tuple[str, ...]:
    """The names of the measured numbers that have one value for each point of the grid."""
    swept = set(swept_axes(data))
    return tuple(
        str(name)
        for name, field in data.data_vars.items()
        if set(field.dims) == swept and field.dtype.kind == "f"
    )
