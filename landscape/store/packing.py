"""The two states of a surface file: preallocated while it is filled, packed when it is finished."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from landscape.store.checksums import SEAL, SLAB_BYTES, SUM_FIELD, SUMMED, add_sums, seal
from landscape.store.schema import ADAPTIVE, DONE_FIELD, SCHEMA_VERSION, Layout
from landscape.store.structure import compressed, preallocate, write_skeleton


def create(file: h5py.File, layout: Layout) -> None:
    """A surface of which nothing is computed yet."""
    swept = (*layout.points, *layout.items)
    write_skeleton(file, layout)
    _tell(file, {**layout.configuration, **layout.about})
    file.attrs.update(landscape_schema=SCHEMA_VERSION, kind=layout.kind, complete=0)
    file.attrs["items"] = json.dumps([axis.name for axis in layout.items])
    file.attrs["configuration"] = json.dumps(layout.configuration)
    file.attrs[SUMMED] = json.dumps(layout.field_names)
    for f in layout.fields:
        preallocate(file, f, swept)
    preallocate(file, SUM_FIELD, layout.points)
    preallocate(file, DONE_FIELD, layout.points)
    seal(file)


def pack(source: h5py.File, target: h5py.File, layout: Layout, facts: Mapping[str, Any]) -> None:
    """Write a filled surface anew: items first, compressed and with checksums."""
    write_skeleton(target, layout)
    target.attrs.update(
        {n: v for n, v in source.attrs.items() if n not in (ADAPTIVE, SEAL, SUMMED)}
    )
    _tell(target, facts)
    target.attrs["complete"] = 1
    for f in layout.fields:
        data = compressed(target, f, (*layout.items, *layout.points))
        for part in _slabs(data):
            data[part] = source[f.name][part] if not layout.items else _behind(source, f.name, part)
    compressed(target, DONE_FIELD, layout.points)[...] = source[DONE_FIELD.name][...]
    seal(target)


def unpack(source: h5py.File, target: h5py.File, layout: Layout) -> None:
    """Write a surface as one that can be filled further; where it comes from stays.

    Args:
        source: packed, or being filled in an older schema.
        target: empty.
        layout: of both.
    """
    create(target, layout)
    kept = {*layout.configuration, *layout.about} & source.attrs.keys() - {ADAPTIVE}
    target.attrs.update({name: source.attrs[name] for name in kept})
    for f in layout.fields:
        data = source[f.name]
        for part in _slabs(data):
            if not layout.items or not source.attrs["complete"]:
                target[f.name][part] = data[part]
            else:
                target[f.name][(..., part)] = np.moveaxis(data[part], 0, -1)
    target[DONE_FIELD.name][...] = source[DONE_FIELD.name][...]
    add_sums(target, layout)
    seal(target)


def _behind(source: h5py.File, name: str, part: slice) -> Any:
    """Some items of a field being filled, their axis before those of the points."""
    return np.moveaxis(source[name][(..., part)], -1, 0)


def _slabs(data: h5py.Dataset) -> Iterator[slice]:
    """Parts of the first axis, none of more than `SLAB_BYTES` if one row of it is not."""
    rows = data.shape[0]
    step = max(1, SLAB_BYTES * rows // max(1, data.size * data.dtype.itemsize))
    yield from (slice(start, start + step) for start in range(0, rows, step))


def _tell(file: h5py.File, facts: Mapping[str, Any]) -> None:
    """Attributes: text and numbers as they are, everything else as JSON."""
    for name, value in facts.items():
        file.attrs[name] = value if isinstance(value, str | int | float) else json.dumps(value)
