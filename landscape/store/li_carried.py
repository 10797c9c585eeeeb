"""What a file of Li et al. carries along for us: a group that their code does not look at.

It counts while the losses beside it are those that it was written for.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Shaped

from landscape.store.checksums import SUM_FIELD
from landscape.store.li_arrays import SPLITS
from landscape.store.li_guard import FACTS, OURS
from landscape.store.members import is_number, refused, shown
from landscape.store.schema import DONE_FIELD, Axis
from landscape.store.told import parsed

Told = dict[str, tuple[Shaped[np.ndarray, "..."], str, str]]
"""Values, units and words, by the names of fields."""


def group_of_ours(file: h5py.File) -> h5py.Group | None:
    """What was carried along, unless somebody changed the losses since."""
    if OURS not in file:
        return None
    group = file[OURS]
    split = group.attrs.get("split")
    if split not in SPLITS or f"{split}_loss" not in file:
        return None
    same = digest(file[f"{split}_loss"][()]) == group.attrs.get("loss_sha256")
    return group if same else None


def carried_fields(group: h5py.Group, axes: tuple[Axis, ...], path: Path) -> Told:
    """Fields that were carried along: values, units, words."""
    shape = tuple(len(axis) for axis in axes)
    taken = {DONE_FIELD.name, SUM_FIELD.name, *(axis.name for axis in axes)}
    fields = {name: data for name, data in group.items() if name != FACTS}
    for name, data in fields.items():
        if data.shape != shape or data.dtype.kind != "f" or name in taken or not _is_field(data):
            raise refused(path, f"a field over the grid as {shown(name)} in {OURS}", data.dtype)
    return {n: (d[()], str(d.attrs["units"]), str(d.attrs["long_name"])) for n, d in fields.items()}


def _is_field(data: h5py.Dataset) -> bool:
    return is_number(data.dtype) and {"units", "long_name"} <= set(data.attrs)


def carried_facts(group: h5py.Group) -> dict[str, Any]:
    """Facts that were carried along."""
    told = parsed(text_in(group, FACTS))
    return told if isinstance(told, dict) else {}


def text_in(group: h5py.Group, name: str) -> str:
    """A text; empty where there is none."""
    return str(group[name].asstr()[()]) if name in group else ""


def digest(array: Shaped[np.ndarray, "..."]) -> str:
    """Of the bytes of an array."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def carry(
    group: h5py.Group,
    fields: Mapping[str, tuple[Shaped[np.ndarray, "..."], dict[str, str]]],
    split: str,
    about: Mapping[str, Any],
) -> None:
    """Write fields and facts into a group."""
    group.attrs["split"] = split
    group[FACTS] = json.dumps(about, sort_keys=True)
    for name, (values, words) in fields.items():
        group[name] = values
        group[name].attrs.update(words)
