"""The parts a surface file is made of: axes, constants, directions, and fields in two layouts."""

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from jaxtyping import Shaped

from landscape.store.parts import part_shape
from landscape.store.schema import DONE_FIELD, Axis, Constant, Field, Layout

CHUNK_BYTES = 2**20


def write_skeleton(file: h5py.File, layout: Layout) -> None:
    """All that does not change during the sweep: axes, constants, directions."""
    own = {axis.name: axis for field in layout.fields for axis in field.own}
    for axis in (*layout.items, *layout.points, *own.values()):
        _write_axis(file, axis)
    for constant in layout.constants:
        _write_constant(file, constant)
    if layout.directions:
        group = file.create_group("directions")
        _write_directions(group, layout.directions)
        if layout.parameters:
            _write_shapes(group, layout.parameters)


def _write_axis(file: h5py.Group, axis: Axis) -> None:
    data = file.create_dataset(axis.name, data=axis.values)
    data.attrs.update(units=axis.units, long_name=axis.long_name)
    data.make_scale(axis.name)


def _write_dimension(group: h5py.Group, name: str, length: int) -> None:
    """A dimension without coordinates, as netCDF writes it; nothing of it is ever allocated."""
    data = group.create_dataset(name, (length,), dtype=">f4")
    data.make_scale(f"This is a netCDF dimension but not a netCDF variable.{length:10d}")


def _write_constant(file: h5py.File, constant: Constant) -> None:
    for dim, length in zip(constant.dims, constant.values.shape, strict=True):
        if dim not in file:
            _write_dimension(file, dim, length)
    data = file.create_dataset(constant.name, data=constant.values, compression="gzip")
    data.attrs.update(units="1", long_name=constant.long_name)
    _attach(file, data, constant.dims)


def _write_directions(
    group: h5py.Group, directions: Mapping[str, Shaped[np.ndarray, " parameters"]]
) -> None:
    length = len(next(iter(directions.values())))
    _write_dimension(group, "parameter", length)
    for name, vector in directions.items():
        _attach(group, group.create_dataset(name, data=vector, fletcher32=True), ("parameter",))


def _write_shapes(group: h5py.Group, parameters: Mapping[str, tuple[int, ...]]) -> None:
    """As a dataset of JSON: an attribute is too small for networks of a thousand tensors."""
    text = json.dumps([[name, list(shape)] for name, shape in parameters.items()])
    group.create_dataset("parameters", data=text)


def preallocate(file: h5py.File, field: Field, axes: tuple[Axis, ...]) -> h5py.Dataset:
    """A contiguous dataset whose bytes are on the disk before the first value is."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_ALLOC)
    properties.set_fill_value(_missing(field))
    return _dataset(file, field, (*axes, *field.own), dcpl=properties)


def compressed(file: h5py.File, field: Field, axes: tuple[Axis, ...]) -> h5py.Dataset:
    """A chunked dataset that is small on the disk and notices flipped bits."""
    axes = (*axes, *field.own)
    room = CHUNK_BYTES // np.dtype(field.dtype).itemsize
    chunks = part_shape([len(axis) for axis in axes], room)  # one image is read at a time
    options = {"chunks": chunks, "compression": "gzip", "shuffle": True, "fletcher32": True}
    return _dataset(file, field, axes, fillvalue=_missing(field)[()], **options)


def _dataset(file: h5py.File, field: Field, axes: tuple[Axis, ...], **options: Any) -> h5py.Dataset:
    shape = tuple(len(axis) for axis in axes)
    data = file.create_dataset(field.name, shape, field.dtype, **options)
    data.attrs.update(units=field.units, long_name=field.long_name)
    _attach(file, data, tuple(axis.name for axis in axes))
    return data


def _attach(group: h5py.Group, data: h5py.Dataset, dims: tuple[str, ...]) -> None:
    for i, dim in enumerate(dims):
        data.dims[i].attach_scale(group[dim])


def _missing(field: Field) -> Shaped[np.ndarray, ""]:
    """What stands where nothing was computed yet."""
    if field is DONE_FIELD:
        return np.array(0, dtype=field.dtype)
    missing = {"f": np.nan, "u": 0}.get(np.dtype(field.dtype).kind, -1)
    return np.array(missing, dtype=field.dtype)
