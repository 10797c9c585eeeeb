"""What a file must hold to be read as a surface; see `members` for how it must hold it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from landscape.files import Signature, signature
from landscape.store.checksums import SUM_FIELD
from landscape.store.members import Held, attributes, is_number, is_text, members, refused, shown
from landscape.store.schema import DONE_FIELD, Layout, beyond_computing
from landscape.store.told import refuse_misshapen_facts, tensors
from landscape.store.watch import under_watch

DIRECTIONS, PARAMETER, PARAMETERS = "directions", "parameter", "parameters"


@dataclass(frozen=True)
class Looked:
    """What was found in a surface when it was looked through.

    Attributes:
        signature: of the file, before and after; None if it was changed meanwhile.
        held: as `parts_of` has it; its datasets are closed.
        facts: likewise.
    """

    signature: Signature | None
    held: dict[str, Held]
    facts: dict[str, Any]

    def again(self, file: h5py.File, path: Path) -> tuple[dict[str, Held], dict[str, Any]]:
        """As `parts_of`, without another look where the file is the one that was looked through.

        Args:
            file: opened since.
            path: of it.
        """
        if self.signature is None or self.signature != signature(path):
            return parts_of(file, path)
        held = {name: replace(one, data=file[name]) for name, one in self.held.items()}
        return held, dict(self.facts)


def refuse_hostile(path: Path) -> Looked:
    """Raise unless a file that says that it is a surface is built like one.

    Returns:
        What was found; nothing in a file that does not say so.

    Raises:
        InputError: it is not HDF5, damaged, or holds what no surface does.
    """
    before = signature(path)
    with under_watch(path) as file:
        parts = parts_of(file, path) if "landscape_schema" in file.attrs else ({}, {})
    return Looked(before if before == signature(path) else None, *parts)


def parts_of(file: h5py.File, path: Path) -> tuple[dict[str, Held], dict[str, Any]]:
    """The datasets and attributes of a surface.

    Args:
        file: opened by `watch.under_watch`, or looked through before.
        path: of it.

    Returns:
        The datasets of the file itself, those of directions left out, and its attributes.

    Raises:
        InputError: with the first thing that no surface holds.
    """
    facts = dict(attributes(file, "the file", path))
    read = refuse_misshapen_facts(facts, path)
    held = members(file, path, groups=(DIRECTIONS,))
    own = {name: one for name, one in held.items() if "/" not in name}
    _refuse_inconsistent(own, path)
    _refuse_axes(own, read["items"], path)
    if not read["complete"] and read["landscape_schema"] > 1:
        _refuse_scattered(own, path)
    _refuse_vectors({n.partition("/")[2]: h for n, h in held.items() if "/" in n}, path)
    return own, facts


def refuse_other_fields(file: h5py.File, layout: Layout, path: Path) -> None:
    """Raise unless a file holds the fields of a layout, in the types and shapes they are kept in.

    Args:
        file: one that holds a surface.
        layout: of what is to be written to it.
        path: of it.

    Raises:
        InputError: with the first field that is absent or different.
    """
    complete, schema = file.attrs["complete"], file.attrs["landscape_schema"]
    points, items = layout.grid_shape, layout.item_shape
    shape = (*items, *points) if complete else (*points, *items)
    wanted = {f.name: (f.dtype, (*shape, *map(len, f.own))) for f in layout.fields}
    wanted[DONE_FIELD.name] = (DONE_FIELD.dtype, points)
    if not complete and schema > 1:
        wanted[SUM_FIELD.name] = (SUM_FIELD.dtype, points)
    for name, (dtype, size) in wanted.items():
        got = (str(file[name].dtype), file[name].shape) if name in file else ("nothing", "")
        if got != (dtype, size):
            raise refused(
                path, f"{shown(name)} as {dtype} of shape {size}", " ".join(map(str, got))
            )


def _refuse_inconsistent(held: Mapping[str, Held], path: Path) -> None:
    """Raise unless all that is no dimension are numbers over dimensions that fit."""
    for name, one in held.items():
        if not is_number(one.data.dtype):
            raise refused(path, f"numbers in {shown(name)}", one.data.dtype)
        if one.scale:
            continue
        lengths = tuple(held[dim].data.size for dim in one.dims if held[dim].scale)
        if lengths != one.data.shape or len(set(one.dims)) != len(one.dims):
            over = f"{shown(name)} over {', '.join(map(shown, one.dims)) or 'nothing'}"
            raise refused(path, over, f"the shape {one.data.shape}")


def _refuse_axes(held: Mapping[str, Held], items: list[str], path: Path) -> None:
    """Raise unless the swept axes and the items have coordinates such as a sweep has."""
    done = held.get("done")
    if done is None or done.data.dtype != np.int8 or not done.dims:
        raise refused(path, "the marks 'done' of the points that were computed", "others")
    for dim in (*done.dims, *items):
        if dim not in held or not held[dim].scale or held[dim].blank:
            raise refused(path, f"{shown(dim)} as an axis", "something else")
    if len({*done.dims, *items}) < len(done.dims) + len(items):
        raise refused(path, "items beside the swept axes", items)
    for name, one in held.items():
        if one.scale and not one.blank:
            values = one.data[...]
            if not np.isfinite(values).all() or len(np.unique(values)) < len(values):
                raise refused(path, f"distinct numbers as coordinates {shown(name)}", "others")
            if beyond_computing(values):
                largest = np.abs(values).max()
                raise refused(path, f"coordinates {shown(name)} of sizes to compute with", largest)


def _refuse_scattered(held: Mapping[str, Held], path: Path) -> None:
    """Raise if what is being filled has no place of its own: it is written there directly."""
    swept = set(held["done"].dims)
    for name, one in held.items():
        if swept <= set(one.dims) and one.data.id.get_offset() is None and not one.data.compression:
            raise refused(path, f"{shown(name)} in one piece", "chunks")


def _refuse_vectors(held: Mapping[str, Held], path: Path) -> None:
    """Raise unless directions are vectors of one length, cut into tensors as the file says."""
    if not held:
        return
    vectors = [one.data for name, one in held.items() if name not in (PARAMETER, PARAMETERS)]
    length = vectors[0].size if vectors else 0
    for data in vectors:
        if data.shape != (length,) or data.dtype.kind != "f":
            raise refused(path, f"directions of {length} numbers", f"the shape {data.shape}")
    if PARAMETERS in held:
        data = held[PARAMETERS].data
        if not is_text(data.dtype):
            raise refused(path, "names and shapes of tensors as text", data.dtype)
        count = sum(math.prod(shape) for _, shape in tensors(data.asstr()[()], path))
        if count != length:
            raise refused(path, f"tensors of {length} numbers", count)
