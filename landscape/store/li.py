"""Surface files of Li et al. 2018 (github.com/tomgoldstein/loss-landscape), read and written.

They hold `dir_file`, `xcoordinates`, `ycoordinates` and the arrays of `landscape.store.li_arrays`.
What one format holds and the other cannot say is carried along, so that nothing is lost on a way
there and back: their arrays in our file as `li_<name>`, over dimensions of their own; our fields in
their file in a group `landscape`, which counts while their losses are those it was written for.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from jaxtyping import Bool, Shaped

from landscape.errors import InputError
from landscape.files import atomic_write
from landscape.provenance import provenance
from landscape.store.checksums import add_sums
from landscape.store.grid import point_fields, swept_axes
from landscape.store.hdf5 import FORMAT, SurfaceWriter
from landscape.store.li_arrays import (
    MISSING,
    SPLITS,
    WORDS,
    computed,
    lost,
    names_of,
    to_arrays,
    to_fields,
)
from landscape.store.li_carried import (
    carried_facts,
    carried_fields,
    carry,
    digest,
    group_of_ours,
    text_in,
)
from landscape.store.li_directions import Tensors, read_li_directions, read_li_projection
from landscape.store.li_guard import COORDINATES, DIR_FILE, OURS, open_li
from landscape.store.packing import create
from landscape.store.reader import facts, load_surface
from landscape.store.schema import DONE_FIELD, Axis, Constant, Field, Layout
from landscape.store.sink import new_hdf5
from landscape.text import printable

SURFACE = "a surface file"
SOURCE = "loss-landscape (Li et al. 2018)"
VERBATIM = "li_"
ORIGIN = ("title", "configuration", "provenance")


@dataclass(frozen=True)
class LiSurface:
    """A surface of Li et al. in our terms.

    Attributes:
        layout: what our file of it holds.
        values: the fields over the swept axes, nan where there is none.
        done: the points that were computed.
    """

    layout: Layout
    values: Mapping[str, Shaped[np.ndarray, "..."]]
    done: Bool[np.ndarray, "..."]

    def save(self, path: str | Path, *, overwrite: bool = False) -> xr.Dataset:
        """Write our file of it and read it back.

        Raises:
            InputError: the file is there and holds something else, or cannot be written.
        """
        path = Path(path)
        if overwrite or not path.exists():
            with atomic_write(path) as temporary, new_hdf5(temporary, FORMAT) as file:
                create(file, self.layout)
                for name, column in {**self.values, DONE_FIELD.name: self.done}.items():
                    file[name][...] = column
                add_sums(file, self.layout)
        with SurfaceWriter(path, self.layout) as writer:
            if self.done.all() and not writer.complete:
                writer.finish({})
        return load_surface(path)


def is_li_surface(path: str | Path) -> bool:
    """Whether a file is an HDF5 file with a surface as Li et al. keep them."""
    try:
        with open_li(Path(path), holding=COORDINATES["alpha"], what=SURFACE):
            return True
    except InputError:
        return False


def read_li_surface(
    path: str | Path,
    *,
    projection: str | Path | None = None,
    directions: str | Path | None = None,
) -> LiSurface:
    """The surface in a file of Li et al.

    Args:
        path: the surface file. `loss` and `accuracy` are those of the training images where it has
            them, else those of the test images.
        projection: the file with the places of checkpoints in the plane, to go with it.
        directions: the file with its directions, to go with it.

    Raises:
        InputError: a file is not one of these, or its parts do not fit together.
    """
    held = _contents(Path(path))
    done = computed(held.arrays, held.split, held.shape)
    read = to_fields(held.arrays, held.split, held.shape)
    fields = {**{name: (column, *WORDS[name]) for name, column in read.items()}, **held.own}
    values = {name: column for name, (column, *_) in fields.items()}
    unsaid = lost(held.arrays, to_arrays(values, held.split, done))
    attached = {"projection": projection, "directions": directions}
    layout = Layout(
        kind="weights",
        points=held.axes,
        fields=tuple(Field(n, str(v.dtype), units, name) for n, (v, units, name) in fields.items()),
        constants=(
            *(_verbatim(name, held.arrays[name]) for name in unsaid),
            *(() if projection is None else read_li_projection(projection)),
        ),
        configuration={
            "source": SOURCE,
            "file": printable(Path(path).name),
            "sha256": _sha256(Path(path)),
            "dir_file": held.dir_file,
            "split": held.split,
            **{f"{n}_sha256": _sha256(Path(p)) for n, p in attached.items() if p is not None},
        },
        about={
            "title": f"weight surface of {printable(Path(path).stem)}",
            "provenance": provenance(),
            "checks": [],
            "origin": held.origin,
        },
        **({} if directions is None else _flat(read_li_directions(directions))),
    )
    return LiSurface(layout, values, done)


@dataclass(frozen=True)
class _Contents:
    """What a surface file holds: its arrays, and fields that are ours, with units and words."""

    axes: tuple[Axis, ...]
    split: str
    arrays: dict[str, Shaped[np.ndarray, "..."]]
    own: dict[str, tuple[Shaped[np.ndarray, "..."], str, str]]
    dir_file: str
    origin: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis) for axis in self.axes)


def _contents(path: Path) -> _Contents:
    with open_li(path, holding=COORDINATES["alpha"], what=SURFACE) as file:
        axes = tuple(
            Axis(axis, file[name][()], "1", f"multiples of the direction {axis}")
            for axis, name in COORDINATES.items()
            if name in file
        )
        group = group_of_ours(file)
        split = group.attrs["split"] if group else next(s for s in _splits(file, path))
        arrays = {name: file[name][()] for name in names_of(split) if name in file}
        own = {} if group is None else carried_fields(group, axes, path)
        told = {} if group is None else carried_facts(group)
        origin = {name: told[name] for name in ORIGIN if name in told}
        points = int(np.prod([len(axis) for axis in axes]))
        for name, array in arrays.items():
            if array.size != points:
                raise InputError(
                    f"expected {points} values of {name} in {path}, one for each point of the "
                    f"grid, got the shape {array.shape}"
                )
        return _Contents(axes, split, arrays, own, printable(text_in(file, DIR_FILE)), origin)


def _splits(file: h5py.File, path: Path) -> list[str]:
    """The images whose losses are there."""
    there = [split for split in SPLITS if f"{split}_loss" in file]
    if not there:
        raise InputError(
            f"expected train_loss or test_loss in {path}, got {', '.join(file)}; compute its "
            "losses first"
        )
    return there


def _verbatim(name: str, array: Shaped[np.ndarray, "..."]) -> Constant:
    dims = tuple(f"{VERBATIM}{axis}" for axis in ("x", "y")[: array.ndim])
    return Constant(f"{VERBATIM}{name}", dims, array, f"{name} as it was in the file")


def _flat(directions: Mapping[str, Tensors]) -> dict[str, Any]:
    """Directions as a layout takes them; their tensors have numbers, not names."""
    first = next(iter(directions.values()))
    return {
        "directions": {
            axis: np.concatenate([t.ravel() for t in ts]) for axis, ts in directions.items()
        },
        "parameters": {str(i): tensor.shape for i, tensor in enumerate(first)},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_li_surface(data: xr.Dataset, path: str | Path, *, dir_file: str | None = None) -> None:
    """Write a weight surface as Li et al. keep it.

    The losses are `train_loss`, or `test_loss` where the file says that the images were those of
    the test split. Points that were not computed are -1.

    Args:
        data: a stored weight surface over one or two axes.
        path: where to write.
        dir_file: the name of the direction file; by default as it was in a file of theirs.

    Raises:
        InputError: it is another kind of surface, or a loss is -1, which marks missing ones there.
    """
    axes, about = swept_axes(data), facts(data)
    if about.get("kind") != "weights" or axes not in (("alpha",), ("alpha", "beta")):
        raise InputError(
            "expected a weight surface over alpha, or alpha and beta, for a file of Li et al., got "
            f"a {about.get('kind')} surface over {', '.join(axes)}"
        )
    configuration = about.get("configuration", {})
    split = "test" if configuration.get("split") == "test" else "train"
    done = data["done"].values == 1
    values = {name: data[name].transpose(*axes).values for name in point_fields(data)}
    if (values["loss"][done] == MISSING).any():
        raise InputError(
            "expected losses other than -1, which marks missing points in the files of Li et al.; "
            "export this surface in another format"
        )
    arrays = {**to_arrays(values, split, done), **_kept(data, split)}
    unsaid = lost(values, to_fields(arrays, split, done.shape))
    with atomic_write(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        file[DIR_FILE] = configuration.get("dir_file", "") if dir_file is None else dir_file
        for axis in axes:
            file[COORDINATES[axis]] = data[axis].values
        for name, array in arrays.items():
            file[name] = array
        if unsaid or configuration.get("source") != SOURCE:
            carried = {name: (values[name], _words(data[name])) for name in unsaid}
            carry(file.create_group(OURS), carried, split, about)
            file[OURS].attrs["loss_sha256"] = digest(arrays[f"{split}_loss"])


def _kept(data: xr.Dataset, split: str) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Their arrays that were carried along."""
    return {
        str(name).removeprefix(VERBATIM): array.values
        for name, array in data.data_vars.items()
        if str(name).removeprefix(VERBATIM) in names_of(split)
        and str(name).startswith(VERBATIM)
        and array.size == data["done"].size
    }


def _words(field: xr.DataArray) -> dict[str, str]:
    return {word: str(field.attrs.get(word, "")) for word in ("units", "long_name")}
