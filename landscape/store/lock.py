"""One writer per file, without standing in the way of readers.

HDF5's own lock would also refuse every reader that asks for one, such as plain xarray. This lock
belongs to an open file description, so it ends with the process, however it ends, and readers in
the same process do not release it. Where the system has no such locks, there is none.
"""

import os
from pathlib import Path

from landscape.errors import InputError
from landscape.files import lock_file


class WriterLock:
    """Held by the process that writes a file, until it releases it or ends.

    Attributes:
        descriptor: of the file, open for reading and writing.

    Raises:
        InputError: at construction, when another writer holds it, or the file is read-only.
    """

    def __init__(self, path: Path) -> None:
        self.descriptor = _locked(path)
        while not _is_there(path, self.descriptor):  # replaced by who held the lock until now
            os.close(self.descriptor)
            self.descriptor = _locked(path)

    def release(self) -> None:
        """Let the next writer in; once is enough, more do no harm."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    @classmethod
    def is_held(cls, path: Path) -> bool:
        """Whether another writer holds the lock of a file."""
        try:
            cls(path).release()
        except InputError:
            return True
        return False


def _locked(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except PermissionError as error:
        raise InputError(f"{path} may not be written here; give another --out") from error
    if not lock_file(descriptor):
        os.close(descriptor)
        raise InputError(
            f"{path} is being written by another process; wait for it, or give another --out"
        )
    return descriptor


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return True  # who asked for it finds out
