"""Reading a stored surface as a labelled dataset; works while the file is being written."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from jaxtyping import Shaped

from landscape.errors import InputError
from landscape.store.checksums import (
    SUM_FIELD,
    SUMMED,
    damaged_points,
    refuse_damaged_facts,
)
from landscape.store.guard import DIRECTIONS, PARAMETER, PARAMETERS, Looked, refuse_hostile
from landscape.store.lazy import lazy_dataset
from landscape.store.members import Held, refused, shown
from landscape.store.schema import READABLE, SCHEMA_VERSION
from landscape.store.told import names_in, tensors
from landscape.store.watch import reading

log = logging.getLogger("landscape.store")

VERIFIED = 2**25  # bytes of an unfinished file whose points are all looked at when it is opened


def open_surface(path: str | Path) -> xr.Dataset:
    """The surface in a file, lazily; close it, or use it in a `with` statement.

    `xarray.open_dataset(path, engine="h5netcdf")` gives the same without the checks. Address
    dimensions by name: while a file is unfinished, `image` is the last one.

    Of an unfinished file of up to `VERIFIED` bytes the checksums of all points are looked at; those
    that do not match count as not done, with a warning.

    Raises:
        InputError: there is no such file, it is not a surface this version can read, or holds what
            no surface does; later, when values are asked for that are damaged.
    """
    return _surface(Path(path), VERIFIED)


def _surface(path: Path, verified: int | None) -> xr.Dataset:
    file, looked = _opened(path)
    try:
        held, facts_of_file = looked.again(file, path)
        sums = held.pop(SUM_FIELD.name, None)
        data = lazy_dataset(held, facts_of_file, path)
        # Before any value: what is marked now has its values, whoever writes on.
        done = data["done"].load()
        if sums is not None and (verified is None or data.nbytes <= verified):
            _mark_damaged(file, done, {**held, SUM_FIELD.name: sums}, path)
    except BaseException:
        file.close()
        raise
    data.set_close(file.close)
    return data


def _mark_damaged(
    file: h5py.File, done: xr.DataArray, held: Mapping[str, Held], path: Path
) -> None:
    """Take back the marks of points whose values are not those that were written."""
    fields = names_in(file.attrs, SUMMED)
    if not fields:
        return  # of an older version
    for name in (SUM_FIELD.name, *fields):
        if name not in held or held[name].data.shape[: done.ndim] != done.shape:
            raise refused(path, f"{shown(name)} at every point", "nothing or another shape")
    if held[SUM_FIELD.name].data.shape != done.shape:
        raise refused(path, "one checksum for each point", "more")
    with reading(path):
        bad = damaged_points(file, done.shape, fields)
    bad = bad[done.values.flat[bad] == 1]
    if len(bad):
        done.values.flat[bad] = 0
        log.warning(
            "%s: the checksums of %d points do not match; they are taken for missing, and computed "
            "again when the surface is continued",
            path,
            len(bad),
        )


def load_surface(path: str | Path) -> xr.Dataset:
    """The surface in a file, read into memory, images first; the file is closed again.

    Raises:
        InputError: there is no such file, or it is not a surface this version can read.
    """
    with _surface(Path(path), None) as data:
        return in_memory(data)


def in_memory(data: xr.Dataset) -> xr.Dataset:
    """What was selected of a surface, read into memory, images first.

    To be used before dimensions are transposed: xarray 2026.9 mixes up the indices of arrays that
    were transposed lazily.
    """
    items = json.loads(data.attrs.get("items", "[]"))
    return data.compute().transpose(*items, ..., missing_dims="ignore")


def load_directions(path: str | Path) -> dict[str, Shaped[np.ndarray, " parameters"]]:
    """The directions a weight surface moves along, by axis name, as flat vectors.

    Raises:
        InputError: the file is not a surface, or it has no directions.
    """
    return shaped_directions(Path(path))[0]


def shaped_directions(
    path: str | Path,
) -> tuple[dict[str, Shaped[np.ndarray, " parameters"]], list[tuple[int, ...]]]:
    """Directions as flat vectors, and the shapes of the tensors that they are made of.

    The shapes are unknown, and none are given, of surfaces of the first versions.

    Raises:
        InputError: as `load_directions`.
    """
    path = Path(path)
    with _opened(path)[0] as file, reading(path):
        if DIRECTIONS not in file:
            raise InputError(
                f"{path} holds no directions (it is a {file.attrs['kind']!r} surface); "
                "give that of a weight surface, and not a light copy"
            )
        group = file[DIRECTIONS]
        vectors = {n: d[...] for n, d in group.items() if n not in (PARAMETER, PARAMETERS)}
        named = tensors(group[PARAMETERS].asstr()[()], path) if PARAMETERS in group else []
    return vectors, [shape for _, shape in named]


def facts(data: xr.Dataset) -> dict[str, Any]:
    """The attributes of a surface as plain values, with those that are stored as JSON decoded."""
    return {str(name): _decoded(value) for name, value in data.attrs.items()}


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _opened(path: Path) -> tuple[h5py.File, Looked]:
    """A file that holds what a surface holds, and what was found in it."""
    if not path.is_file():
        raise InputError(f"no such file: {path}; a surface file (.h5) is expected")
    looked = refuse_hostile(path)
    with reading(path):
        file = h5py.File(path, "r", locking=False)  # locks are against writers; readers may look on
    try:
        if "landscape_schema" not in file.attrs:
            raise InputError(f"{path} is an HDF5 file, but not a surface written by landscape")
        if (version := file.attrs["landscape_schema"]) not in READABLE:
            raise InputError(
                f"{path} has schema {version}, this landscape reads schemas up to "
                f"{SCHEMA_VERSION}; update landscape"
            )
        with reading(path):
            refuse_damaged_facts(file)
    except BaseException:
        file.close()
        raise
    return file, looked
