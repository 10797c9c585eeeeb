"""HDF5 files changed from inside, through h5py: what chance does not find."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fuzzing.attributes import ATTRIBUTES, HUGE, NASTY, Rng, datasets, some
from landscape.store.checksums import SEAL, seal

OUTSIDE = "secret.h5"  # what links lead to, beside the file


def change_structure(path: Path, rng: Rng) -> str:
    """Change one or two things in a file; its checksum is often made to fit."""
    done = []
    with h5py.File(path, "r+", locking=False) as file:
        for _ in range(int(rng.choice([1, 1, 2]))):
            name = str(rng.choice(list(CHANGES)))
            with contextlib.suppress(Exception):  # not every change fits every file
                CHANGES[name](file, rng)
                done.append(name)
        if SEAL in file.attrs and rng.random() < 0.85:
            with contextlib.suppress(Exception):
                seal(file)
    return ", ".join(done) or "nothing"


def _remove(file: h5py.File, rng: Rng) -> None:
    del file[some(file, rng)]


def _rename(file: h5py.File, rng: Rng) -> None:
    old = some(file, rng)
    choices = [
        some(file, rng) + "2",
        "../up",
        "a/b/c",
        "x" * 3000,
        ".",
        "loss",
        "done",
        *NASTY[:4],
    ]
    file.move(old, choices[rng.integers(len(choices))])


def _swap(file: h5py.File, rng: Rng) -> None:
    one, two = some(file, rng), some(file, rng)
    file.move(one, "between")
    file.move(two, one)
    file.move("between", two)


def _retype(file: h5py.File, rng: Rng) -> None:
    """The same name, another type or shape; the dimensions stay where they fit."""
    name = some(file, rng)
    old, kept = file[name], dict(file[name].attrs)
    shapes = [
        old.shape,
        old.shape,
        (),
        (0,),
        (*old.shape, 2),
        old.shape[:-1],
        old.shape[::-1],
        (1,),
    ]
    types: list[Any] = [
        "f2", "f4", "f8", "i1", "u8", ">f8", ">i4", "c8", "S5", "bool", "V3",
        h5py.string_dtype(), h5py.vlen_dtype("f4"), h5py.ref_dtype, h5py.regionref_dtype,
        [("a", "f4"), ("b", "i2")], ("f4", (3,)), h5py.enum_dtype({"a": 1}, basetype="i1"),
    ]  # fmt: skip
    shape, dtype = shapes[rng.integers(len(shapes))], types[rng.integers(len(types))]
    del file[name]
    file.create_dataset(name, shape, dtype)
    _annotate(file[name], kept)


def _annotate(data: h5py.Dataset, kept: dict[str, Any]) -> None:
    for attribute, value in kept.items():
        with contextlib.suppress(Exception):
            data.attrs[attribute] = value


def _values_of(file: h5py.File, rng: Rng) -> None:
    """Values that a grid may not have, or that nobody expects."""
    name = some(file, rng)
    data = file[name]
    new = np.array(data[...])
    extremes = [np.nan, np.inf, -np.inf, 0, 1e308, -1e308, 5e-324, 2**31 - 1, -1, 127]
    value = extremes[rng.integers(len(extremes))]
    if rng.random() < 0.3:
        new[...] = value
    else:
        new.flat[rng.integers(max(1, new.size))] = value
    data[...] = new


def _done(file: h5py.File, rng: Rng) -> None:
    file["done"][...] = int(rng.choice([0, 1, 2, -1])) if rng.random() < 0.5 else (
        rng.integers(0, 2, file["done"].shape)
    )  # fmt: skip


def _replaced(make: Callable[[h5py.File, str, Any, Rng], None]) -> Callable[[h5py.File, Rng], None]:
    def change(file: h5py.File, rng: Rng) -> None:
        name = some(file, rng)
        kept, old = dict(file[name].attrs), file[name]
        shape, dtype = old.shape, old.dtype
        del file[name]
        make(file, name, (shape, dtype), rng)
        if isinstance(file.get(name, getlink=True), h5py.HardLink):
            _annotate(file[name], kept)

    return change


def _soft(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    targets = ["/done", f"/{name}", "/nowhere", "/", "."]
    file[name] = h5py.SoftLink(targets[rng.integers(len(targets))])


def _external(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    targets = [OUTSIDE, "/dev/zero", "/proc/self/mem", "../x.h5", str(file.filename)]
    file[name] = h5py.ExternalLink(targets[rng.integers(len(targets))], "/secret")


def _raw(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    shape, dtype = like
    targets = [OUTSIDE, "/etc/passwd", "/dev/zero", "/nowhere"]
    where = targets[rng.integers(len(targets))]
    file.create_dataset(name, shape, dtype, external=[(where, 0, h5py.h5f.UNLIMITED)])


def _virtual(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    shape, dtype = like
    layout = h5py.VirtualLayout(shape, dtype)
    layout[...] = h5py.VirtualSource(OUTSIDE, "secret", shape=shape)
    file.create_virtual_dataset(name, layout)


def _enormous(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    """Chunks that are nowhere, of a size that is nowhere, too."""
    shape, dtype = like
    large = tuple(int(rng.choice([2**10, 2**20, 2**31])) for _ in shape) or (HUGE,)
    chunks = tuple(min(64, n) for n in large)
    file.create_dataset(name, large, dtype, chunks=chunks, maxshape=tuple(None for _ in large))


def _bomb(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    """A few kilobytes that unpack to many megabytes."""
    shape, dtype = like
    large = (2**22, *(1 for _ in shape[1:])) if shape else (2**22,)
    chunks = (int(rng.choice([2**18, 2**22])), *large[1:])
    file.create_dataset(name, large, dtype, chunks=chunks, compression="gzip")
    file[name][...] = 0


def _filters(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    shape, dtype = like
    options = [{"compression": "lzf"}, {"compression": "szip"}, {"scaleoffset": 2}]
    file.create_dataset(name, shape or (1,), dtype, **options[rng.integers(len(options))])


def _group(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    file.create_group(name)


def _type(file: h5py.File, name: str, like: Any, rng: Rng) -> None:
    file[name] = np.dtype("f8")


def _added(file: h5py.File, rng: Rng) -> None:
    makers = (_soft, _external, _raw, _virtual, _enormous, _bomb, _group, _type)
    name = str(rng.choice(["new", "directions/new", "a/b/c/d"]))
    makers[rng.integers(len(makers))](file, name, ((3,), np.dtype("f8")), rng)


def _cycle(file: h5py.File, rng: Rng) -> None:
    name = str(rng.choice(["loop", "directions/loop", "landscape/loop"]))
    file[name] = file["/"] if rng.random() < 0.5 else file[some(file, rng)]


def _many(file: h5py.File, rng: Rng) -> None:
    for i in range(1_000):
        file.create_group(f"g{i}")


def _deep(file: h5py.File, rng: Rng) -> None:
    file.create_group("/".join("d" * 200))


def _dimensions(file: h5py.File, rng: Rng) -> None:
    """Another axis than the one it had."""
    data = file[some(file, rng)]
    scales = [name for name in datasets(file) if file[name].is_scale]
    for dim in data.dims:
        for scale in list(dim.values()):
            dim.detach_scale(scale)
        for _ in range(int(rng.integers(3))):
            dim.attach_scale(file[str(rng.choice(scales))])


def _no_scale(file: h5py.File, rng: Rng) -> None:
    scales = [name for name in datasets(file) if file[name].is_scale]
    file[str(rng.choice(scales))].attrs.pop(str(rng.choice(["CLASS", "NAME", "REFERENCE_LIST"])))


CHANGES: dict[str, Callable[[h5py.File, Rng], None]] = {
    **ATTRIBUTES,
    "dataset removed": _remove,
    "dataset renamed": _rename,
    "datasets swapped": _swap,
    "dataset of another type": _retype,
    "other values": _values_of,
    "other points done": _done,
    "soft link": _replaced(_soft),
    "external link": _replaced(_external),
    "external storage": _replaced(_raw),
    "virtual dataset": _replaced(_virtual),
    "enormous shape": _replaced(_enormous),
    "compression bomb": _replaced(_bomb),
    "other filter": _replaced(_filters),
    "group for a dataset": _replaced(_group),
    "type for a dataset": _replaced(_type),
    "something added": _added,
    "link to itself": _cycle,
    "1,000 groups": _many,
    "200 groups deep": _deep,
    "dimensions": _dimensions,
    "not a scale": _no_scale,
}
