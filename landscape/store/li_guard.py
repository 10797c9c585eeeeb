"""Opening files of Li et al., which come from strangers; see `members` for what is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import h5py

from landscape.errors import InputError
from landscape.store.members import attributes, is_number, is_text, members, refused, shown
from landscape.store.watch import reading, under_watch

COORDINATES = {"alpha": "xcoordinates", "beta": "ycoordinates"}
GROUPS = {"alpha": "xdirection", "beta": "ydirection"}
PLACES = {"alpha": "proj_xcoord", "beta": "proj_ycoord"}
DIR_FILE, MOST_PATH = "dir_file", 4096
OURS, FACTS = "landscape", "facts"
"""A group in which we carry along what their files have no names for, and the text in it."""


@contextmanager
def open_li(path: Path, *, holding: str, what: str) -> Iterator[h5py.File]:
    """A file of Li et al. that holds a dataset or group, and nothing that theirs do not hold.

    Raises:
        InputError: there is no such file, it is not HDF5, or not such a file.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}; {what} of Li et al. (.h5) is expected")
    with under_watch(path) as file:
        if holding not in list(file):
            names = [shown(name) for name in islice(file, 10)] + ["..."] * (len(file) > 10)
            raise InputError(
                f"expected {what} of Li et al., which holds {holding!r}, got {path} with "
                f"{', '.join(names) or 'nothing'}; give another file"
            )
        _refuse_other_types(file, path)
    with reading(path), h5py.File(path, "r", locking=False) as file:
        yield file


def _refuse_other_types(file: h5py.File, path: Path) -> None:
    """Raise unless there are numbers where numbers are wanted, and text where text is."""
    text = (DIR_FILE, f"{OURS}/{FACTS}")
    lists = (*COORDINATES.values(), *PLACES.values())
    for name, one in members(file, path, groups=(*GROUPS.values(), OURS)).items():
        shape, dtype = one.data.shape, one.data.dtype
        if name in GROUPS.values() or name == OURS:
            raise refused(path, f"{shown(name)} as a group", "a dataset")
        if name in text and not is_text(dtype):
            raise refused(path, f"text as {shown(name)}", dtype)
        if name not in text and not is_number(dtype):
            raise refused(path, f"numbers as {shown(name)}", dtype)
        if name in lists and len(shape) != 1:
            raise refused(path, f"a list of numbers as {shown(name)}", f"the shape {shape}")
        if name == DIR_FILE and len(one.data.asstr()[()]) > MOST_PATH:
            raise refused(path, f"a file name as {DIR_FILE}", "a long text")
    if OURS in list(file):
        dict(attributes(file[OURS], OURS, path))
