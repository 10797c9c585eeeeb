"""Writing a surface: preallocated, filled point by point, packed when it is whole.

While a surface is being filled, every dataset is contiguous and allocated from the start, so the
file's structure never changes: a process killed at any instant leaves a file that opens, in which
a point counts only if its `done` mark was written, after its values. A finished surface is copied
once into a chunked, compressed, checksummed file that takes its place. Where points of that are
missing (`store.refine`), it can be copied back and filled further.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from jaxtyping import Bool, Int, Shaped

from landscape.errors import InputError
from landscape.files import atomic_write
from landscape.store.lock import WriterLock
from landscape.store.order import coarse_to_fine
from landscape.store.packing import create, pack, unpack
from landscape.store.schema import DONE_FIELD, SCHEMA_VERSION, Layout


class SurfaceWriter:
    """A surface file opened for filling; a context manager.

    Opening a file that holds the same surface continues it; `pending` tells what is missing.
    """

    def __init__(self, path: Path, layout: Layout, *, overwrite: bool = False) -> None:
        """Create the file, or open the one that is there.

        Args:
            path: where the surface is or will be.
            layout: what the surface is.
            overwrite: replace whatever file is there.

        Raises:
            InputError: the file holds something else, is in use, or cannot be created.
        """
        self.path, self.layout = Path(path), layout
        if self.path.is_dir():
            raise InputError(f"{path} is a folder; give the name of a file to write, e.g. s.h5")
        if overwrite or not self.path.exists():
            with self._replacing() as file:
                create(file, layout)
        self._open()
        try:
            refuse_other(self._file, layout, self.path)
        except InputError:
            self.close()
            raise

    def _open(self) -> None:
        self._lock = WriterLock(self.path)
        try:
            self._file = _open_for_writing(self.path)
        except InputError:
            self._lock.release()
            raise

    def close(self) -> None:
        """Close the file and let the next writer in."""
        self._file.close()
        self._lock.release()

    def __enter__(self) -> "SurfaceWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def complete(self) -> bool:
        """Whether the surface was finished and packed."""
        return bool(self._file.attrs["complete"])

    def pending(self) -> Int[np.ndarray, " points"]:
        """Flat indices of the points that are not done, coarse to fine."""
        order = coarse_to_fine(self.layout.grid_shape)
        missing: Int[np.ndarray, " points"] = order[~self.done.flat[order]]
        return missing

    @property
    def done(self) -> Bool[np.ndarray, "..."]:
        """Which points of the grid are in the file."""
        return np.asarray(self._file[DONE_FIELD.name][...] == 1)

    def values(self, name: str) -> Shaped[np.ndarray, "..."]:
        """What the file holds of a field; its items come last, in a packed file first."""
        return np.asarray(self._file[name][...])

    def write(
        self, indices: Int[np.ndarray, " n"], values: Mapping[str, Shaped[np.ndarray, "n ..."]]
    ) -> None:
        """Store points: first their values, then their marks."""
        where = self._places(indices)
        with _reporting(self.path):
            for name, column in values.items():
                dataset = self._file[name]
                for place, value in zip(where, _by_place(column, where), strict=True):
                    dataset[place] = value
            self._file.flush()
            for place in where:
                self._file[DONE_FIELD.name][place] = 1
            self._file.flush()

    def _places(self, indices: Int[np.ndarray, " n"]) -> list[Any]:
        """Where to write: point by point, or consecutive points of a single axis at once."""
        if len(self.layout.points) == 1 and np.all(np.diff(indices) == 1):
            return [slice(int(indices[0]), int(indices[-1]) + 1)]
        return list(zip(*np.unravel_index(indices, self.layout.grid_shape), strict=True))

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Record what was learned of the whole surface and pack the file.

        Args:
            facts: attributes to add, e.g. the outcome of the self-checks; JSON values.
        """
        with self._replacing() as packed:
            pack(self._file, packed, self.layout, facts)
        self.close()  # the old file, whose name the packed one has taken
        self._open()

    def reopen(self) -> None:
        """Make a packed surface, some points of which are missing, one that can be filled."""
        with self._replacing() as unpacked:
            unpack(self._file, unpacked, self.layout)
        self.close()
        self._open()

    @contextmanager
    def _replacing(self) -> Iterator[h5py.File]:
        """A new file that takes the place of the one that is there once it is whole."""
        with (
            _reporting(self.path),
            atomic_write(self.path) as temporary,
            h5py.File(temporary, "w") as file,
        ):
            yield file


def _by_place(column: Shaped[np.ndarray, "n ..."], where: list[Any]) -> Any:
    return [column] if isinstance(where[0], slice) else column


def refuse_other(file: h5py.File, layout: Layout, path: Path) -> None:
    """Raise unless the file holds the surface that `layout` describes.

    Raises:
        InputError: naming every difference, as it is in the file and as it was asked for.
    """
    if "landscape_schema" not in file.attrs:
        raise InputError(
            f"{path} was not written by landscape and is left as it is; give another --out"
        )
    if file.attrs["landscape_schema"] != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema {file.attrs['landscape_schema']}, this landscape writes schema "
            f"{SCHEMA_VERSION}; give another --out, or --overwrite"
        )
    differences = list(_differences(file, layout))
    if differences:
        raise InputError(
            f"{path} holds another surface: {'; '.join(differences)}; "
            "give another --out, or --overwrite"
        )


def _differences(file: h5py.File, layout: Layout) -> Iterator[str]:
    stored = {"kind": file.attrs["kind"], **json.loads(file.attrs["configuration"])}
    asked = {"kind": layout.kind, **json.loads(json.dumps(layout.configuration))}
    for name in sorted(stored.keys() | asked.keys()):
        if (there := stored.get(name)) != (here := asked.get(name)):
            yield f"{name} is {there!r} in the file, {here!r} was asked for"
    if stored["kind"] != asked["kind"]:
        return
    for axis in (*layout.items, *layout.points):
        there = file[axis.name][...] if axis.name in file else np.empty(0)
        if not np.array_equal(there, axis.values):
            yield f"{axis.name} is {_span(there)} in the file, {_span(axis.values)} was asked for"


def _span(values: Shaped[np.ndarray, "..."]) -> str:
    if values.size == 0:
        return "absent"
    return f"{values.size} values from {values.min():g} to {values.max():g}"


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Turn HDF5's account of a failed write into one sentence."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:  # h5py raises any of them
        reason = re.search(r"errno = .*error message = '([^']+)'", str(error))
        if reason is None or isinstance(error, InputError):
            raise
        raise InputError(
            f"cannot write {path}: {reason[1]}; what is there is kept, make room and give the "
            "same command again"
        ) from error


def _open_for_writing(path: Path) -> h5py.File:
    try:
        if path.stat().st_size == 0:  # HDF5 would make it a file of its own
            raise OSError("it is empty")
        return h5py.File(path, "r+", locking=False)  # see lock.py
    except OSError as error:
        raise InputError(
            f"{path} cannot be opened as HDF5 ({error}); give another --out, or --overwrite"
        ) from error
