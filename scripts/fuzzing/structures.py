"""HDF5 files changed from inside, through h5py: what chance does not find."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from landscape.store.checksums import SEAL, seal

HUGE = 2**40
OUTSIDE = "secret.h5"  # what links lead to, beside the file
NASTY = (
    "\x1b[31mred\x1b]0;title\x07",
    "[bold red]markup[/] [link=x]",
    "<script>alert(1)</script>",
    "$\\frac{$ $x^{_}",
    "../../../etc/passwd",
    "a\nb\rc\x00d",
    "\u202eright to left",
    "x" * 60_000,
    "",
    "[]",
    "{}",
    "[1, 2",
    "[" * 10_000,
    "{'single': 'quotes'}",
    "NaN",
    "[null]",
    '{"a": {"b": [1e999]}}',
)
Rng = np.random.Generator


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


def _datasets(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visititems(lambda n, item: names.append(n) if isinstance(item, h5py.Dataset) else None)
    return names


def _some(file: h5py.File, rng: Rng) -> str:
    return str(rng.choice(_datasets(file)))


def _holder(file: h5py.File, rng: Rng) -> Any:
    return file if rng.random() < 0.7 else file[_some(file, rng)]


def _attribute(file: h5py.File, rng: Rng) -> tuple[Any, str]:
    holder = _holder(file, rng)
    return holder, str(rng.choice([*holder.attrs, "new"]))


def _values(file: h5py.File, rng: Rng) -> Any:
    choices: list[Callable[[], Any]] = [
        lambda: str(rng.choice(NASTY[:5])),
        lambda: np.bytes_(b"\xff\xfe not utf-8"),
        lambda: 7,
        lambda: -(2**63),
        lambda: 2**64 - 1,
        lambda: np.nan,
        lambda: np.float32("inf"),
        lambda: np.arange(12.0).reshape(3, 4),
        lambda: np.zeros(0),
        lambda: h5py.Empty("f4"),
        lambda: file.ref,
        lambda: file[_some(file, rng)].ref,
        lambda: file[_some(file, rng)].regionref[...],
        lambda: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        lambda: np.complex64(1j),
        lambda: np.void(b"opaque"),
        lambda: True,
        lambda: np.array(["a", "b"], dtype=h5py.string_dtype()),
        lambda: "x" * 10_000_000,
        lambda: np.zeros((1000, 1000)),
    ]
    return choices[rng.integers(len(choices))]()


def _attr_value(file: h5py.File, rng: Rng) -> None:
    holder, name = _attribute(file, rng)
    holder.attrs[name] = _values(file, rng)


def _attr_text(file: h5py.File, rng: Rng) -> None:
    texts = [n for n, v in file.attrs.items() if isinstance(v, str)] or ["title"]
    holder: Any = file
    if rng.random() < 0.3:
        holder = file[_some(file, rng)]
        texts = ["units", "long_name", "title"]
    holder.attrs[str(rng.choice(texts))] = NASTY[rng.integers(len(NASTY))]


def _attr_json(file: h5py.File, rng: Rng) -> None:
    """A JSON attribute in which one value has become another one."""
    names = [n for n, v in file.attrs.items() if isinstance(v, str) and v[:1] in ("{", "[")]
    name = str(rng.choice(names))
    tree = json.loads(file.attrs[name])
    places = list(_places(tree))
    others = [None, 3, -1, 1e308, "text", [], {}, [[]], True, {"x": 1}, HUGE, *NASTY[:5]]
    new = others[rng.integers(len(others))]
    if not places or rng.random() < 0.2:
        tree = new
    else:
        holder, key = places[rng.integers(len(places))]
        if rng.random() < 0.25:
            del holder[key]
        else:
            holder[key] = new
    file.attrs[name] = json.dumps(tree)


def _places(tree: Any) -> Any:
    keys = range(len(tree)) if isinstance(tree, list) else tree
    for key in keys if isinstance(tree, list | dict) else ():
        yield tree, key
        yield from _places(tree[key])


def _attr_remove(file: h5py.File, rng: Rng) -> None:
    holder, name = _attribute(file, rng)
    del holder.attrs[name]


def _attr_swap(file: h5py.File, rng: Rng) -> None:
    first, second = rng.choice(list(file.attrs), 2)
    one, two = file.attrs[first], file.attrs[second]
    file.attrs[first], file.attrs[second] = two, one


def _attr_convention(file: h5py.File, rng: Rng) -> None:
    """What netCDF software acts upon."""
    values: dict[str, Any] = {
        "scale_factor": "x",
        "add_offset": np.nan,
        "_FillValue": "text",
        "missing_value": [1, 2],
        "units": "days since 2000-01-01",
        "calendar": "no such",
        "coordinates": "../../done",
        "_Netcdf4Dimid": -5,
        "_Netcdf4Coordinates": [100_000, -1],
        "CLASS": "DIMENSION_SCALE",
        "NAME": "This is a netCDF dimension but not a netCDF variable.   999999999",
        "_nc3_strict": 1,
        "dtype": "object",
        "grid_mapping": "loss",
    }
    name = str(rng.choice(list(values)))
    file[_some(file, rng)].attrs[name] = values[name]


def _many_attrs(file: h5py.File, rng: Rng) -> None:
    holder = _holder(file, rng)
    for i in range(2_000):
        holder.attrs[f"a{i}"] = i


def _remove(file: h5py.File, rng: Rng) -> None:
    del file[_some(file, rng)]


def _rename(file: h5py.File, rng: Rng) -> None:
    old = _some(file, rng)
    choices = [
        _some(file, rng) + "2",
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
    one, two = _some(file, rng), _some(file, rng)
    file.move(one, "between")
    file.move(two, one)
    file.move("between", two)


def _retype(file: h5py.File, rng: Rng) -> None:
    """The same name, another type or shape; the dimensions stay where they fit."""
    name = _some(file, rng)
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
    name = _some(file, rng)
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
        name = _some(file, rng)
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
    file[name] = file["/"] if rng.random() < 0.5 else file[_some(file, rng)]


def _many(file: h5py.File, rng: Rng) -> None:
    for i in range(1_000):
        file.create_group(f"g{i}")


def _deep(file: h5py.File, rng: Rng) -> None:
    file.create_group("/".join("d" * 200))


def _dimensions(file: h5py.File, rng: Rng) -> None:
    """Another axis than the one it had."""
    data = file[_some(file, rng)]
    scales = [name for name in _datasets(file) if file[name].is_scale]
    for dim in data.dims:
        for scale in list(dim.values()):
            dim.detach_scale(scale)
        for _ in range(int(rng.integers(3))):
            dim.attach_scale(file[str(rng.choice(scales))])


def _no_scale(file: h5py.File, rng: Rng) -> None:
    scales = [name for name in _datasets(file) if file[name].is_scale]
    file[str(rng.choice(scales))].attrs.pop(str(rng.choice(["CLASS", "NAME", "REFERENCE_LIST"])))


CHANGES: dict[str, Callable[[h5py.File, Rng], None]] = {
    "attribute of another type": _attr_value,
    "attribute with other text": _attr_text,
    "other value in JSON": _attr_json,
    "JSON again": _attr_json,
    "attribute removed": _attr_remove,
    "attributes swapped": _attr_swap,
    "attribute of a convention": _attr_convention,
    "2,000 attributes": _many_attrs,
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
