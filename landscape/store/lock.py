"""One writer per file, without standing in the way of readers.

HDF5's own lock would also refuse every reader that asks for one, such as plain xarray. This lock
belongs to an open file description, so it ends with the process, however it ends, and readers in
the same process do not release it. Where the system has no such locks, there is none.
"""

import os
import struct
from pathlib import Path

from landscape.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    SET_LOCK: int | None = None
else:
    SET_LOCK = getattr(fcntl, "F_OFD_SETLK", None)  # Linux
    WHOLE_FILE = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class WriterLock:
    """Held by the process that writes a file, until it releases it or ends.

    Attributes:
        descriptor: of the file, open for reading and writing.

    Raises:
        InputError: at construction, when another writer holds it.
    """

    def __init__(self, path: Path) -> None:
        self.descriptor = _locked(path)
        while not _is_there(path, self.descriptor):  # replaced by who held the lock until now
            os.close(self.descriptor)
            self.descriptor = _locked(path)

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self.descriptor)

    @classmethod
    def is_held(cls, path: Path) -> bool:
        """Whether another writer holds the lock of a file."""
        try:
            cls(path).release()
        except InputError:
            return True
        return False


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR)
    if SET_LOCK is None:
        return descriptor
    try:
        fcntl.fcntl(descriptor, SET_LOCK, WHOLE_FILE)
    except BlockingIOError as error:
        os.close(descriptor)
        raise InputError(
            f"{path} is being written by another process; wait for it, or give another --out"
        ) from error
    return descriptor


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return True  # who asked for it finds out
