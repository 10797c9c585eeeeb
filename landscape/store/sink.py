"""New HDF5 files, written through Python, so that a full disk is an error and not a crash."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from landscape.interrupt import stopped_after


@contextmanager
def new_hdf5(path: Path, libver: tuple[str, str] | None = None) -> Iterator[h5py.File]:
    """An HDF5 file that is written from the start.

    When a write fails HDF5 can neither finish nor let go of the file, and ends the process by a
    segmentation fault later. Here it never hears of it. Nor does it hear of Ctrl-C and SIGTERM,
    which would be raised in the middle of its writing: they wait for the end of the block.

    Args:
        path: the file, replaced if it is there.
        libver: lowest and highest format, as of `h5py.File`.

    Raises:
        OSError: the disk is full, at the end of the block or in place of an error in it.
    """
    with stopped_after(), _Sink(path) as sink:
        try:
            with h5py.File(sink, "w", libver=libver) as file:
                yield file
        except Exception as error:  # perhaps of HDF5, which cannot read what was swallowed
            if sink.error is not None:
                raise sink.error from error
            raise
        if sink.error is not None:
            raise sink.error


class _Sink(io.FileIO):
    """A file that swallows what cannot be written, and remembers why."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        while len(rest) and self.error is None:
            try:
                rest = rest[super().write(rest) :]
            except OSError as error:
                self.error = error
        return size

    def readinto(self, buffer: Any) -> int:
        """What was swallowed is read as zeros."""
        whole = memoryview(buffer).cast("B")
        read = super().readinto(whole) or 0
        if self.error is not None and read < len(whole):
            whole[read:] = bytes(len(whole) - read)
            return len(whole)
        return read

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0
