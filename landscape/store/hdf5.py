"""Writing a surface: preallocated, filled point by point, packed when it is whole.

While a surface is being filled, every dataset is contiguous and allocated from the start, so the
file's structure never changes: a process killed at any instant leaves a file that opens, in which
a point counts only if its `done` mark was written, after its values and their checksum. A finished
surface is copied once into a chunked, compressed, checksummed file that takes its place. Where
points of that are missing (`store.refine`), it can be copied back and filled further.
"""

import json
import logging
import os
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
from landscape.interrupt import stopped_after
from landscape.store.checksums import SUM_FIELD, damaged_points, refuse_damaged_facts, sums_of
from landscape.store.guard import refuse_hostile, refuse_other_fields
from landscape.store.lock import WriterLock
from landscape.store.order import coarse_to_fine
from landscape.store.packing import create, pack, unpack
from landscape.store.places import Places
from landscape.store.schema import DONE_FIELD, READABLE, SCHEMA_VERSION, Layout
from landscape.store.sink import new_hdf5
from landscape.store.watch import reading

log = logging.getLogger("landscape.store")

FORMAT = ("v110", "v110")
"""The oldest format in which all of the structure carries checksums. HDF5 marks a file of it that
is open for writing, and refuses it after a kill; it never opens ours to write once they are made.
"""


class SurfaceWriter:
    """A surface file opened for filling; a context manager.

    Opening a file that holds the same surface continues it; `pending` tells what is missing.

    Attributes:
        path: the file that is being filled. Where another one is to be replaced, this one stands
            beside it until it is whole.
    """

    def __init__(self, path: Path, layout: Layout, *, overwrite: bool = False) -> None:
        """Create the file, or open the one that is there.

        Args:
            path: where the surface is or will be.
            layout: what the surface is.
            overwrite: replace whatever file is there, once this surface is whole.

        Raises:
            InputError: the file holds something else, is in use, or cannot be created.
        """
        self.path, self.layout = Path(path), layout
        self._target = self.path
        if self.path.is_dir():
            raise InputError(f"{path} is a folder; give the name of a file to write, e.g. s.h5")
        if overwrite and self.path.exists():
            self.path = self.path.with_name(f"{self.path.stem}.partial{self.path.suffix}")
            log.info("%s stays as it is until %s is whole and takes its place", path, self.path)
        own = not self.path.exists() and self._create()
        try:
            self._open(own=own)
        except InputError:
            if self.path == self._target or WriterLock.is_held(self.path):
                raise
            self.path.unlink()  # of a surface that is no longer wanted
            self._open(own=self._create())

    def _create(self) -> bool:
        """Make the file; whether it is this one's, and not of another process that was faster."""
        try:
            with self._new_file(self.path, exclusive=True) as file:
                create(file, self.layout)
        except FileExistsError:  # and that one holds the lock
            return False
        return True

    def _open(self, *, own: bool) -> None:
        """Open the file that is there, looked through unless this writer has just made it."""
        self._lock = WriterLock(self.path)
        try:
            self._file = _open_for_reading(self.path)
            if not own:
                refuse_hostile(self.path)
                with reading(self.path):
                    refuse_other(self._file, self.layout, self.path)
                    refuse_other_fields(self._file, self.layout, self.path)
            if not self.complete:
                self._go_on()
        except BaseException:
            self.close()
            raise

    def _go_on(self) -> None:
        """Open an unfinished file for writing; points that are damaged are taken for missing."""
        if self._file.attrs["landscape_schema"] != SCHEMA_VERSION:
            self.reopen()
            return
        self._values = Places(self._lock.descriptor, self._file, self.layout)
        with reading(self.path):
            bad = damaged_points(self._file, self.layout.grid_shape, self.layout.field_names)
        if len(bad):
            log.warning(
                "%s: the checksums of %d points do not match; they are computed again",
                self.path,
                len(bad),
            )
            self._values.write(DONE_FIELD.name, bad, np.zeros(len(bad)))

    def close(self) -> None:
        """Close the file and let the next writer in."""
        if hasattr(self, "_file"):
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
        return np.asarray(self.values(DONE_FIELD.name) == 1)

    def values(self, name: str) -> Shaped[np.ndarray, "..."]:
        """What the file holds of a field; its items come last, in a packed file first."""
        with reading(self.path):
            return np.asarray(self._file[name][...])

    def write(
        self, indices: Int[np.ndarray, " n"], values: Mapping[str, Shaped[np.ndarray, "n ..."]]
    ) -> None:
        """Store points: first their values and checksums, then their marks."""
        with np.errstate(over="ignore", invalid="ignore"):
            columns = {f.name: np.asarray(values[f.name], f.dtype) for f in self.layout.fields}
        columns[SUM_FIELD.name] = sums_of(columns.values())
        with _reporting(self.path):
            for name, column in columns.items():
                self._values.write(name, indices, column)
            self._values.write(DONE_FIELD.name, indices, np.ones(len(indices)))

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Record what was learned of the whole surface, pack the file, and put it in its place.

        Args:
            facts: attributes to add, e.g. the outcome of the self-checks; JSON values.
        """
        with stopped_after():
            with self._new_file(self._target) as packed, reading(self.path):
                pack(self._file, packed, self.layout, facts)
            self.close()  # the old file, whose place the packed one has taken
            if self.path != self._target:
                self.path.unlink()
                self.path = self._target
            self._open(own=True)

    def reopen(self) -> None:
        """Make a packed surface, some points of which are missing, one that can be filled."""
        with stopped_after():
            with self._new_file(self.path) as unpacked, reading(self.path):
                unpack(self._file, unpacked, self.layout)
            self.close()
            self._open(own=True)

    @contextmanager
    def _new_file(self, path: Path, *, exclusive: bool = False) -> Iterator[h5py.File]:
        """A new file that takes its place once it is whole."""
        with (
            _reporting(path),
            atomic_write(path, exclusive=exclusive) as temporary,
            new_hdf5(temporary, FORMAT) as file,
        ):
            yield file


def refuse_other(file: h5py.File, layout: Layout, path: Path) -> None:
    """Raise unless the file holds the surface that `layout` describes.

    Raises:
        InputError: naming every difference, as it is in the file and as it was asked for.
    """
    if "landscape_schema" not in file.attrs:
        raise InputError(
            f"{path} was not written by landscape and is left as it is; give another --out"
        )
    if file.attrs["landscape_schema"] not in READABLE:
        raise InputError(
            f"{path} has schema {file.attrs['landscape_schema']}, this landscape writes schema "
            f"{SCHEMA_VERSION}; give another --out, or --overwrite"
        )
    refuse_damaged_facts(file)
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
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno is None:
            raise
        raise InputError(
            f"cannot write {path}: {os.strerror(error.errno)}; what is there is kept, make room "
            "and give the same command again"
        ) from error


def _open_for_reading(path: Path) -> h5py.File:
    if path.stat().st_size == 0:  # HDF5 would make it a file of its own
        raise InputError(f"{path} is empty, not a surface; give another --out, or --overwrite")
    try:
        return h5py.File(path, "r", locking=False)  # see lock.py
    except OSError as error:
        raise InputError(
            f"{path} cannot be opened as HDF5 ({error}); give another --out, or --overwrite"
        ) from error
