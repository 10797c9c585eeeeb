"""Files that are whole or not there at all."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landscape.errors import InputError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)  # of file systems like FAT


@contextmanager
def atomic_write(path: Path, *, exclusive: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block succeeds.

    The temporary file has the suffix of `path`, is flushed to the disk before it is renamed, and is
    removed when the block fails or is interrupted: a good file is never replaced by half of one.

    Args:
        path: the file.
        exclusive: never replace a file, even one that appears in the meantime.

    Raises:
        FileExistsError: with `exclusive`, there is a file by the end.
        InputError: the folder cannot be made or written to, `path` is a folder, or the disk is
            full.
    """
    path = Path(path).resolve()  # a link stays, its target is replaced
    if path.is_dir():
        raise InputError(f"{path} is a folder, but a file is to be written; give a file name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(path.suffix, f".{path.stem}-", path.parent)
    except OSError as error:
        raise InputError(f"cannot write to {path.parent}: {error.strerror or error}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes private files
        _flush_to_disk(temporary)
        _put(temporary, path, exclusive)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise InputError(
            f"cannot write {path}: {os.strerror(error.errno)}; make room and give the same command "
            "again"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _put(temporary: Path, path: Path, exclusive: bool) -> None:
    if exclusive:
        try:
            os.link(temporary, path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
        else:
            return
    temporary.replace(path)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
