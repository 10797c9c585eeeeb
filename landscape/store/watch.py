"""Reading HDF5 files that may be damaged or made to do harm, without harm.

HDF5 trusts what a file says of itself in places: a global heap, where its text and references are,
that has an entry of size 0 is read for ever. Here a file is gone through under watch first: what
HDF5 reads passes through Python, which withholds such heaps.
"""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from landscape.errors import InputError
from landscape.files import forbidden
from landscape.interrupt import stopped_after
from landscape.text import printable

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SIZES = {0: 13, 1: 13, 2: 9, 3: 9}
"""Where the superblock of each version says how wide addresses and lengths are."""
HEAP, HEAP_VERSION, HEAP_HEAD = b"GCOL", 1, 16
LEAST_HEAP = 4096
ENTRY = struct.Struct("<HHIQ")  # number, references, nothing, size


@contextmanager
def under_watch(path: Path) -> Iterator[h5py.File]:
    """A file to look through; whatever fails in the block is put in one sentence.

    Raises:
        InputError: it is not HDF5, or damaged.
    """
    try:
        with stopped_after(), _Watched(path) as watched:  # HDF5 takes Ctrl-C for damage
            with h5py.File(watched, "r") as file:
                yield file
            if watched.error:
                raise ValueError(watched.error)
    except InputError:
        raise
    except Exception as error:  # a damaged file makes its reader fail in any way
        raise unreadable(path, error) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Within the block, failures of HDF5 to read a file become one sentence.

    Raises:
        InputError: a part of the file cannot be read.
    """
    try:
        yield
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:  # h5py raises any
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> InputError:
    """What is said of a file that HDF5 cannot read."""
    if isinstance(error, PermissionError):
        return forbidden(path)
    named = error.strerror if isinstance(error, OSError) else None  # its first argument is a number
    said = named or (str(error.args[0]) if error.args else "") or type(error).__name__
    return InputError(
        f"{path} is not a readable HDF5 file ({printable(said.splitlines()[0], 200)}); it may be "
        "damaged, cut short or of another kind"
    )


class _Watched(io.FileIO):
    """A file that does not let HDF5 see what it would choke on.

    Attributes:
        error: what that was; empty if there was nothing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "r")
        self.error = ""
        self._path, self._size = path, os.fstat(self.fileno()).st_size
        self._sound: set[int] = set()
        try:
            self._refuse_other_formats()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        """The name that h5py gives the file."""
        return str(self._path)

    def _refuse_other_formats(self) -> None:
        start = os.pread(self.fileno(), 16, 0)
        if start[:8] != SIGNATURE:
            raise ValueError("file signature not found")
        place = SIZES.get(start[8]) if len(start) == 16 else None
        if place is None or start[place : place + 2] != b"\x08\x08":
            raise ValueError("unknown superblock")

    def readinto(self, buffer: Any) -> int:
        """Read on; a heap that is not sound is withheld, as zeros."""
        start, view = self.tell(), memoryview(buffer).cast("B")
        count = 0
        while count < len(view) and (more := super().readinto(view[count:])):
            count += more
        first = max(0, start - len(HEAP))
        seen = os.pread(self.fileno(), start + count + len(HEAP) - first, first)
        at = seen.find(HEAP)
        while at >= 0:
            if not self._is_sound(first + at):
                self.error = "unsound global heap"
                view[:] = bytes(len(view))
            at = seen.find(HEAP, at + 1)
        return count

    def _is_sound(self, place: int) -> bool:
        """Whether the entries of a heap lie one behind the other, as far as its end."""
        if place in self._sound:
            return True
        head = os.pread(self.fileno(), HEAP_HEAD, place)
        size = int.from_bytes(head[8:], "little")
        if len(head) == HEAP_HEAD and head[4] == HEAP_VERSION and size >= LEAST_HEAP:
            if place + size > self._size:
                return False
            at, end = place + HEAP_HEAD, place + size
            heap = os.pread(self.fileno(), size, place)
            while end - at >= ENTRY.size:
                number, _, _, length = ENTRY.unpack_from(heap, at - place)
                needed = ENTRY.size + (length + 7) // 8 * 8 if number else length
                if not needed or needed > end - at:
                    return False
                at += needed
        self._sound.add(place)
        return True
