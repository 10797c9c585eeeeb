"""Reading a stored surface as a labelled dataset; works while the file is being written."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from jaxtyping import Shaped

from landscape.errors import InputError
from landscape.store.checksums import SUM_FIELD, refuse_damaged_facts
from landscape.store.schema import READABLE, SCHEMA_VERSION

NO_LOCK = {"locking": False}  # the writer's lock is against writers; readers may look on


def open_surface(path: str | Path) -> xr.Dataset:
    """The surface in a file, lazily; close it, or use it in a `with` statement.

    `xarray.open_dataset(path, engine="h5netcdf")` gives the same without the checks. Address
    dimensions by name: while a file is unfinished, `image` is the last one.

    Raises:
        InputError: there is no such file, or it is not a surface this version can read.
    """
    path = Path(path)
    with _open(path):
        data = xr.open_dataset(
            path, engine="h5netcdf", drop_variables=SUM_FIELD.name, driver_kwds=NO_LOCK
        )
    data["done"].load()  # before any value: what is marked now has its values, whoever writes on
    return data


def load_surface(path: str | Path) -> xr.Dataset:
    """The surface in a file, read into memory, images first; the file is closed again.

    Raises:
        InputError: there is no such file, or it is not a surface this version can read.
    """
    with open_surface(path) as data:
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
    with _open(Path(path)) as file:
        if "directions" not in file:
            raise InputError(
                f"{path} holds no directions (it is a {file.attrs['kind']!r} surface); "
                "give the file of a weight surface"
            )
        held = file["directions"].items()
        return {name: data[...] for name, data in held if name not in ("parameter", "parameters")}


def facts(data: xr.Dataset) -> dict[str, Any]:
    """The attributes of a surface as plain values, with those that are stored as JSON decoded."""
    return {str(name): _decoded(value) for name, value in data.attrs.items()}


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


@contextmanager
def _open(path: Path) -> Iterator[h5py.File]:
    if not path.is_file():
        raise InputError(f"no such file: {path}; a surface file (.h5) is expected")
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise InputError(
            f"{path} is not a readable HDF5 file ({error}); it may be damaged or of another kind"
        ) from error
    with file:
        if "landscape_schema" not in file.attrs:
            raise InputError(f"{path} is an HDF5 file, but not a surface written by landscape")
        if (version := file.attrs["landscape_schema"]) not in READABLE:
            raise InputError(
                f"{path} has schema {version}, this landscape reads schemas up to "
                f"{SCHEMA_VERSION}; update landscape"
            )
        refuse_damaged_facts(file)
        yield file
