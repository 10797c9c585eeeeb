"""Files that are whole or not there at all."""

import errno
import glob
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from landscape.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    SET_LOCK: int | None = None
else:
    SET_LOCK = getattr(fcntl, "F_OFD_SETLK", None)  # Linux
    WHOLE_FILE = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)

BEGUN = ".begun"  # part of the names of temporary files
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)  # of file systems like FAT

Signature = tuple[int, ...]


@contextmanager
def atomic_write(path: Path, *, exclusive: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block succeeds.

    The temporary file has the suffix of `path`, is flushed to the disk before it is renamed, and is
    removed when the block fails or is interrupted: a good file is never replaced by half of one.
    That of a process that was killed is removed by the next one to write the same file.

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
        _remove_abandoned(path)
        lock, temporary = _begun(path)
    except OSError as error:
        raise InputError(f"cannot write to {path.parent}: {error.strerror or error}") from error
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
        os.close(lock)


def signature(path: Path) -> Signature:
    """What changes when a file is written to, or another one takes its place.

    Raises:
        OSError: there is no such file.
    """
    told = path.stat()
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns


def forbidden(path: Path) -> InputError:
    """What is said of a file that its reader has no right to read."""
    return InputError(f"{path} may not be read here (permission denied); ask its owner to allow it")


def refuse_loss(out: Path, read: Sequence[Path], *, suffix: str = "") -> None:
    """Refuse to put a file in the place of what it is made of, or of something else.

    Args:
        out: the file to be written.
        read: the files that it is made of.
        suffix: of the files that may be replaced, such as `.json`; any by default.

    Raises:
        InputError: `out` is one of these files, or there is a file of another suffix.
    """
    if not out.is_file():
        return
    if any(file.exists() and out.samefile(file) for file in read):
        raise InputError(
            f"expected a file of its own to write to, got {out}, which is read; give another name"
        )
    if suffix and out.suffix.lower() != suffix:
        raise InputError(
            f"expected a new file or a {suffix} file to replace, got {out}, which exists; give "
            "another name"
        )


def lock_file(descriptor: int) -> bool:
    """Lock a file that is open for writing, until it is closed or the process ends.

    Returns:
        Whether nobody else has locked it. Where the system knows no such locks, nobody ever has.
    """
    if SET_LOCK is None:
        return True
    try:
        fcntl.fcntl(descriptor, SET_LOCK, WHOLE_FILE)
    except BlockingIOError:
        return False
    return True


def _begun(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked as long as somebody writes it."""
    while True:
        lock, name = tempfile.mkstemp(f"{BEGUN}{path.suffix}", f".{path.stem}-", path.parent)
        with suppress(OSError):  # of a file system without locks
            if not lock_file(lock) or not os.fstat(lock).st_nlink:  # taken for abandoned
                os.close(lock)
                continue
        return lock, Path(name)


def _remove_abandoned(path: Path) -> None:
    """Remove what was begun for `path` by processes that are no more."""
    if SET_LOCK is None:
        return
    name = f".{glob.escape(path.stem)}-????????{BEGUN}{glob.escape(path.suffix)}"
    for file in path.parent.glob(name):
        with suppress(OSError), file.open("r+b") as held:
            done = os.fstat(held.fileno()).st_nlink > 1  # it was given its name before the end
            if done or lock_file(held.fileno()):
                file.unlink()


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
