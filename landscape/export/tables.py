"""Tables of numbers: every computed point, the path, the minima."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Shaped

from landscape.errors import InputError
from landscape.export.options import ExportOptions
from landscape.export.origin import origin, title
from landscape.files import atomic_write
from landscape.store import complete_part, in_memory, slabs, swept_axes
from landscape.store.told import names_in
from landscape.text import printable

FURTHER = ("attack",)  # axes of a quantity alone that are rows, not columns, of a table
NUMBERS = "biuf"
AT_ONCE = 10_000  # rows turned into text

Columns = Mapping[str, Shaped[np.ndarray, " rows"]]


def points(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """A row for every point that was computed, and of spatial surfaces for every image.

    The surface may be larger than memory: it is read and written part by part.

    Columns are the coordinates, then all numbers that belong to a row; numbers have as many digits
    as they need to be read back exactly. Lines that begin with # say what the columns are.
    """
    rows = _row_dims(data)
    columns = {
        str(name): field
        for name, field in data.data_vars.items()
        if name != "done" and field.dims and set(field.dims) <= set(rows)
    }
    columns = {name: field for name, field in columns.items() if field.dtype.kind in NUMBERS}
    if not set(rows) <= {dim for field in columns.values() for dim in field.dims}:
        raise InputError(
            f"expected numbers over {', '.join(rows)} to write a table of, got "
            f"{', '.join(columns) or 'none'}; export another surface"
        )
    if not bool((data["done"] == 1).any()):
        raise InputError("expected a surface with computed points, but none is done yet")
    head = {**{dim: data[dim] for dim in rows}, **columns}
    path = stem.with_name(f"{stem.name}.csv")
    _write(path, data, head, _blocks(data[list(columns)], rows, data["done"] == 1))
    return [path, *_path(data, stem)]


def _row_dims(data: xr.Dataset) -> tuple[str, ...]:
    items = tuple(json.loads(data.attrs.get("items", "[]")))
    swept = swept_axes(data)
    also = tuple(dim for dim in FURTHER if dim in data.sizes and dim not in (*items, *swept))
    return (*items, *swept, *also)


def _blocks(data: xr.Dataset, rows: tuple[str, ...], done: xr.DataArray) -> Iterator[Columns]:
    """The rows of one part after the other."""
    for where in slabs({dim: data.sizes[dim] for dim in rows}):
        block = in_memory(data.isel(where))
        there = done.isel(where, missing_dims="ignore")
        over_rows = there.values.reshape([there.sizes.get(dim, 1) for dim in rows])
        kept = np.nonzero(np.broadcast_to(over_rows, [block.sizes[dim] for dim in rows]))
        at = dict(zip(rows, kept, strict=True))
        whole = {dim: block[dim] for dim in rows} | dict(block.data_vars)
        yield {
            str(name): field.values[tuple(at[str(dim)] for dim in field.dims)]
            for name, field in whole.items()
        }


def _path(data: xr.Dataset, stem: Path) -> list[Path]:
    """The path in the plane, if there is one, a row for each of its points."""
    along = {str(name): field for name, field in data.data_vars.items() if field.dims == ("path",)}
    if not along:
        return []
    path = stem.with_name(f"{stem.name}-path.csv")
    columns = {name: field.values for name, field in along.items()}
    names = names_in(data.attrs, "path_names", data.sizes["path"])
    if names:
        along = {"name": xr.DataArray(attrs={"long_name": "checkpoint"}), **along}
        columns = {"name": np.array([printable(name) for name in names]), **columns}
    _write(path, data, along, iter([columns]))
    return [path]


def minima_found(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """The minima of the loss with their persistence; see `landscape.measures.minima`."""
    from landscape.measures.minima import minima  # scipy, which other tables have no use for

    table = minima(in_memory(complete_part(data, "loss"))["loss"])
    path = stem.with_name(f"{stem.name}-minima.csv")
    fields = {str(name): table[name] for name in ("minimum", *table.data_vars)}
    _write(path, data, fields, iter([{name: field.values for name, field in fields.items()}]))
    return [path]


def _write(
    path: Path, data: xr.Dataset, head: Mapping[str, xr.DataArray], blocks: Iterator[Columns]
) -> None:
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {title(data)}\n")
        for name, field in head.items():
            unit = field.attrs.get("units", "1")
            words = f"{field.attrs.get('long_name', '')}{'' if unit == '1' else f' ({unit})'}"
            file.write(f"# {name}: {words.strip()}\n" if words else "")
        file.write(f"# origin: {origin(data)}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for columns in blocks:
            values = [columns[name] for name in head]
            for start in range(0, len(values[0]), AT_ONCE):  # text takes much more room
                rows = slice(start, start + AT_ONCE)
                text = [column[rows].astype(str).tolist() for column in values]
                writer.writerows(zip(*text, strict=True))
