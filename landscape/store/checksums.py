"""Checksums of what HDF5 has none for: the facts of a file, and points while it is being filled.

HDF5 guards compressed chunks of numbers, but neither attributes nor the plain bytes of a file that
is being filled. A flipped bit there, or a page that did not reach the disk before a power failure,
would pass for a measurement.
"""

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence

import h5py
import numpy as np
from jaxtyping import Int, Shaped, UInt32

from landscape.errors import InputError
from landscape.store.schema import DONE_FIELD, Field, Layout

SEAL = "facts_crc32"
"""The attribute that holds the checksum of all facts of a file."""
SUM_FIELD = Field("crc32", "uint32", "1", "checksum of the values of the point, in file order")
SUMMED = "crc32_of"
"""The attribute that names the fields of a file that is being filled, in that order."""
SLAB_BYTES = 32 * 2**20  # how much of a dataset is held in memory while it is gone through


def seal(file: h5py.File) -> None:
    """Record a checksum of all that does not change while the file is filled."""
    file.attrs[SEAL] = np.uint32(_of_facts(file))


def refuse_damaged_facts(file: h5py.File) -> None:
    """Raise if attributes or coordinates are not those that were written.

    Raises:
        InputError: they are damaged. A file without a seal, of an older version, passes.
    """
    if SEAL in file.attrs and int(file.attrs[SEAL]) != _of_facts(file):
        raise InputError(
            f"{file.filename} is damaged: its attributes or coordinates are not those that were "
            "written; take a copy, or compute it anew with --overwrite"
        )


def _of_facts(file: h5py.File) -> int:
    total = _of_attributes(0, file)
    for name, data in sorted(file.items()):
        if isinstance(data, h5py.Dataset):
            total = _of_attributes(zlib.crc32(name.encode(), total), data)
            if data.is_scale and data.id.get_storage_size():  # a dimension with coordinates
                total = zlib.crc32(np.ascontiguousarray(data[...]).data, total)
    parameters = file.get("directions/parameters")
    return total if parameters is None else zlib.crc32(parameters[()], total)


def _of_attributes(total: int, holder: h5py.HLObject) -> int:
    """Text and numbers; references between datasets and their dimensions are HDF5's own."""
    attrs = holder.attrs
    for name in sorted(attrs):
        if name != SEAL and attrs.get_id(name).dtype.kind in "OSiuf":
            value = attrs[name]
            if isinstance(value, str | np.generic):
                total = zlib.crc32(f"{name}={value}".encode(), total)
    return total


def sums_of(columns: Iterable[Shaped[np.ndarray, "n ..."]]) -> UInt32[np.ndarray, " n"]:
    """The checksum of each of some points, from the values of all fields as they are stored.

    Args:
        columns: the values of each field, in the order of the layout.
    """
    columns = [np.ascontiguousarray(column) for column in columns]
    sums = np.zeros(len(columns[0]), dtype=np.uint32)
    for i in range(len(sums)):
        total = 0
        for column in columns:
            total = zlib.crc32(column[i : i + 1].data, total)
        sums[i] = total
    return sums


def damaged_points(
    file: h5py.File, shape: tuple[int, ...], fields: Sequence[str]
) -> Int[np.ndarray, " n"]:
    """Flat indices of points that are marked as done but hold other values than were written.

    Args:
        file: that is being filled.
        shape: of its grid.
        fields: in the order of the layout.
    """
    bad = [
        points[sums_of(columns) != sums]
        for points, columns, sums in _points_done(file, shape, fields)
    ]
    return np.concatenate([np.empty(0, np.int64), *bad])


def add_sums(file: h5py.File, layout: Layout) -> None:
    """Compute the checksums of all points of a file that is being filled, as they are."""
    sums = np.zeros(layout.grid_shape, dtype=np.uint32)
    for points, columns, _ in _points_done(file, layout.grid_shape, layout.field_names):
        sums.flat[points] = sums_of(columns)
    file[SUM_FIELD.name][...] = sums


def _points_done(
    file: h5py.File, shape: tuple[int, ...], fields: Sequence[str]
) -> Iterator[
    tuple[
        Int[np.ndarray, " n"],
        list[Shaped[np.ndarray, "n ..."]],
        UInt32[np.ndarray, " n"],
    ]
]:
    """Flat indices of the points that are done, their values and checksums, slab by slab."""
    rows, row = shape[0], math.prod(shape[1:])
    size = sum(file[name].size * file[name].dtype.itemsize for name in fields)
    step = max(1, SLAB_BYTES * rows // max(1, size))
    for start in range(0, rows, step):
        part = slice(start, start + step)
        done = file[DONE_FIELD.name][part].ravel() == 1
        if done.any():
            columns = []
            for name in fields:
                slab = file[name][part]
                columns.append(slab.reshape(len(done), *slab.shape[len(shape) :])[done])
            sums = file[SUM_FIELD.name][part].ravel()[done]
            yield start * row + np.flatnonzero(done), columns, sums
