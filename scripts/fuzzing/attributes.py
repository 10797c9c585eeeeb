"""Attributes of HDF5 files that become what no writer would write."""

import json
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

HUGE = 2**40
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


def datasets(file: h5py.File) -> list[str]:
    """The paths of all datasets."""
    names: list[str] = []
    file.visititems(lambda n, item: names.append(n) if isinstance(item, h5py.Dataset) else None)
    return names


def some(file: h5py.File, rng: Rng) -> str:
    """The path of one of them."""
    return str(rng.choice(datasets(file)))


def _holder(file: h5py.File, rng: Rng) -> Any:
    return file if rng.random() < 0.7 else file[some(file, rng)]


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
        lambda: file[some(file, rng)].ref,
        lambda: file[some(file, rng)].regionref[...],
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
        holder = file[some(file, rng)]
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
    file[some(file, rng)].attrs[name] = values[name]


def _many_attrs(file: h5py.File, rng: Rng) -> None:
    holder = _holder(file, rng)
    for i in range(2_000):
        holder.attrs[f"a{i}"] = i


ATTRIBUTES: dict[str, Callable[[h5py.File, Rng], None]] = {
    "attribute of another type": _attr_value,
    "attribute with other text": _attr_text,
    "other value in JSON": _attr_json,
    "JSON again": _attr_json,
    "attribute removed": _attr_remove,
    "attributes swapped": _attr_swap,
    "attribute of a convention": _attr_convention,
    "2,000 attributes": _many_attrs,
}
