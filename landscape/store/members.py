"""The datasets of an HDF5 file, if all of them are such as may be read.

A file can name other files to be opened, unpack to more than any memory holds, or say of its own
parts what makes HDF5 write where it must not. So it is looked through before anything acts on it,
and refused unless it holds only what this package or the code of Li et al. writes: numbers and
text, by hard links, in the file itself.

Sizes are bounded by the file's own. Every stored byte belongs to one dataset, so all of them
together take no more than the file; and deflate packs at most 1032 bytes into one (zlib, technical
details). A file of n bytes can thus hold numbers that take up to 1032 n in memory, as those of a
constant loss do. Chunks that were never written, or that share their place, may add 256 MiB, which
harms nobody; more is refused.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from landscape.errors import InputError
from landscape.text import printable

MOST_MEMBERS = 4096  # of a group; a file of ours has some dozens
MOST_ATTRIBUTES = 1024  # of one holder
MOST_TEXT = 16 * 2**20  # characters: the names and shapes of 100,000 tensors
MOST_WORDS = 500  # characters of a unit or of what says in words what a dataset is
MOST_DIMENSIONS = 8
MOST_EXPANSION = 1032
MOST_UNWRITTEN = 256 * 2**20
LARGEST_CHUNK = 4 * 2**20  # bytes; those of this package have 1 MiB, those that h5py chooses, too
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
LAYOUTS = {h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED}
NUMBERS = "biuf"
BLANK = b"This is a netCDF dimension but not a netCDF variable"
STRUCTURE = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS"}
"""Attributes that say how datasets hang together."""


@dataclass(frozen=True)
class Held:
    """A dataset that may be read.

    Attributes:
        data: itself.
        dims: the names of its dimensions, which stand beside it; empty where it does not say.
        scale: whether it is a dimension.
        blank: whether it is one without coordinates.
        attributes: see `attributes`.
    """

    data: h5py.Dataset
    dims: tuple[str, ...]
    scale: bool
    blank: bool
    attributes: Mapping[str, Any]


def refused(path: Path, wanted: str, got: object) -> InputError:
    """What is said of a file that holds what it may not."""
    return InputError(
        f"expected {wanted} in {path}, got {printable(str(got), 100)}; it is damaged, or was not "
        "written by landscape, and is not read"
    )


def shown(name: str) -> str:
    """A name in a file, to be put into a sentence."""
    return printable(repr(name), 80)


def is_number(dtype: np.dtype) -> bool:
    """Whether values of a type are numbers and nothing else."""
    plain = dtype.kind in NUMBERS and dtype.itemsize <= 8 and dtype.subdtype is None
    return plain and h5py.check_enum_dtype(dtype) is None


def is_text(dtype: np.dtype) -> bool:
    """Whether values of a type are text."""
    return h5py.check_string_dtype(dtype) is not None


def members(file: h5py.File, path: Path, groups: tuple[str, ...] = ()) -> dict[str, Held]:
    """All datasets of a file by name, those of its groups as "group/name".

    Args:
        file: opened by `watch.under_watch`, or looked through before.
        path: of it.
        groups: those that may be there.

    Raises:
        InputError: there is something else, or something that is stored in another way.
    """
    names = _names(file, path)
    inner = [group for group in groups if group in names]
    found = _datasets(file, [name for name in names if name not in inner], "", path)
    for name in inner:
        group = _linked(file, name, path)
        if not isinstance(group, h5py.Group):
            raise refused(path, f"{name!r} as a group", type(group).__name__)
        found |= _datasets(group, _names(group, path), f"{name}/", path)
    _refuse_sizes(found, path)
    return found


def _names(group: h5py.Group, path: Path) -> list[str]:
    if len(group) > MOST_MEMBERS:
        raise refused(path, f"at most {MOST_MEMBERS} members of a group", len(group))
    return list(group)


def _linked(group: h5py.Group, name: str, path: Path) -> Any:
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise refused(path, f"{shown(name)} in the file itself", f"a {type(link).__name__}")
    return group[name]


def _datasets(group: h5py.Group, names: list[str], prefix: str, path: Path) -> dict[str, Held]:
    found: dict[str, h5py.Dataset] = {}
    for name in names:
        found[name] = _linked(group, name, path)
        if not isinstance(found[name], h5py.Dataset):
            raise refused(path, f"{shown(name)} as a dataset", type(found[name]).__name__)
    places = {_place(data): name for name, data in found.items()}
    return {prefix + name: _held(data, name, places, path) for name, data in found.items()}


def _place(data: h5py.Dataset) -> int:
    return int(h5py.h5o.get_info(data.id).addr)


def attributes(holder: Any, name: str, path: Path) -> Iterator[tuple[str, Any]]:
    """The attributes of a file or dataset, text as str, a list of one number as a number.

    Those in `STRUCTURE`, and what netCDF keeps for itself behind an underscore, are passed over.

    Raises:
        InputError: one is neither text nor a number, or too long, or there are too many.
    """
    attrs = holder.attrs  # made anew whenever it is asked for, and of a file slowly
    if len(attrs) > MOST_ATTRIBUTES:
        raise refused(path, f"at most {MOST_ATTRIBUTES} attributes of {name}", len(attrs))
    for key in attrs:
        if key.startswith("_") or (isinstance(holder, h5py.Dataset) and key in STRUCTURE):
            continue
        about = attrs.get_id(key)
        known = is_text(about.dtype) or is_number(about.dtype)
        if about.shape not in ((), (1,)) or not known:
            wanted = f"text or a number as attribute {shown(key)} of {name}"
            raise refused(path, wanted, f"{about.dtype} of shape {about.shape}")
        value = attrs[key] if about.shape == () else attrs[key][0]
        if is_text(about.dtype):
            value = value.decode() if isinstance(value, bytes) else value
            if len(value.encode()) > MOST_TEXT:  # and fails where it is no text
                raise refused(path, f"short text as {shown(key)}", f"{len(value)} characters")
        yield key, value


def _held(data: h5py.Dataset, name: str, places: Mapping[int, str], path: Path) -> Held:
    _refuse_storage(data, name, path)
    told = dict(attributes(data, shown(name), path))
    for word, text in told.items():
        if word in ("units", "long_name") and len(str(text)) > MOST_WORDS:
            raise refused(path, f"short {word} of {shown(name)}", f"{len(text)} characters")
    if not is_number(data.dtype) and not (is_text(data.dtype) and data.shape == ()):
        raise refused(path, f"numbers in {shown(name)}", f"{data.dtype} of shape {data.shape}")
    scale = _structure(data, "CLASS", name, path) == b"DIMENSION_SCALE"
    blank = scale and _structure(data, "NAME", name, path).startswith(BLANK)
    if scale and (data.ndim != 1 or (data.chunks and not blank)):
        raise refused(path, f"a list of coordinates as {shown(name)}", f"shape {data.shape}")
    if not blank and not data.dtype.isnative:
        raise refused(path, f"bytes in this machine's order in {shown(name)}", data.dtype)
    return Held(data, _dims(data, name, places, path), scale, blank, told)


def _structure(data: h5py.Dataset, key: str, name: str, path: Path) -> bytes:
    attrs = data.attrs
    if key not in attrs:
        return b""
    about = attrs.get_id(key)
    if about.dtype.kind != "S" or about.shape != () or about.dtype.itemsize > MOST_WORDS:
        raise refused(path, f"short text as {key} of {shown(name)}", about.dtype)
    return bytes(attrs[key])


def _dims(data: h5py.Dataset, name: str, places: Mapping[int, str], path: Path) -> tuple[str, ...]:
    """Names of dimensions; HDF5's own functions for them trust lists of the wrong length."""
    if "DIMENSION_LIST" not in data.attrs:
        return ()
    about, wanted = (
        data.attrs.get_id("DIMENSION_LIST"),
        f"the {data.ndim} dimensions of {shown(name)}",
    )
    vector = h5py.check_vlen_dtype(about.dtype)
    fits = vector is not None and h5py.check_ref_dtype(vector) is h5py.Reference
    if not fits or about.shape != (data.ndim,):
        raise refused(path, wanted, f"{about.dtype} of shape {about.shape}")
    dims = []
    for references in data.attrs["DIMENSION_LIST"]:
        target = data.file[references[0]] if len(references) == 1 else None
        dim = places.get(_place(target)) if isinstance(target, h5py.Dataset) else None
        if dim is None:
            raise refused(path, wanted, "something that does not stand beside it")
        dims.append(dim)
    return tuple(dims)


def _refuse_storage(data: h5py.Dataset, name: str, path: Path) -> None:
    created = data.id.get_create_plist()
    filters = {created.get_filter(i)[0] for i in range(created.get_nfilters())}
    found = (
        (created.get_layout() not in LAYOUTS, "virtual storage"),
        (created.get_external_count() > 0, "storage in another file"),
        (bool(filters - FILTERS), f"the filters {sorted(filters)}"),
        (data.ndim > MOST_DIMENSIONS, f"{data.ndim} dimensions"),
        (data.shape is None or 0 in data.shape, "no values"),
        (data.maxshape != data.shape, "a size that may change"),
    )
    for wrong, what in found:
        if wrong:
            raise refused(path, f"plain storage of {shown(name)}", what)
    if data.chunks and math.prod(data.chunks) * data.dtype.itemsize > LARGEST_CHUNK:
        raise refused(path, f"chunks of up to {LARGEST_CHUNK} bytes in {shown(name)}", data.chunks)


def _refuse_sizes(found: Mapping[str, Held], path: Path) -> None:
    """Compare what datasets say of their sizes with what the file has room for."""
    total = unwritten = 0
    for name, held in found.items():
        stored = held.data.id.get_storage_size()
        total += stored
        if not held.blank:
            most = stored * (MOST_EXPANSION if held.data.compression else 1)
            unwritten += max(0, held.data.size * held.data.dtype.itemsize - most)
            if unwritten > MOST_UNWRITTEN:
                size = held.data.size * held.data.dtype.itemsize
                raise refused(path, f"{size} bytes of {shown(name)}", f"{stored} stored bytes")
    # Not of what now has the name: a sweep may have finished meanwhile.
    file = next((held.data.file for held in found.values()), None)
    if file is not None and total > (room := file.id.get_filesize()):
        raise refused(path, f"datasets of at most {room} bytes", total)
