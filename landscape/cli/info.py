"""`landscape info`: what a file holds, and whether it may be believed."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from landscape.cli.output import console

if TYPE_CHECKING:
    import xarray as xr


def info(files: tyro.conf.Positional[tuple[Path, ...]], /) -> None:
    """What stored surfaces hold: grid, values, configuration, origin, and their self-checks.

    Args:
        files: Surfaces computed by `landscape spatial` and `landscape weights`.
    """
    from rich.markup import escape
    from rich.table import Table

    from landscape.errors import InputError
    from landscape.store import facts, open_surface

    if not files:
        raise InputError("expected at least one surface file to describe, got none")
    for file in files:
        with open_surface(file) as data:
            known = facts(data)
            table = Table(title=escape(f"{file}: {known['title']}"), show_header=False, box=None)
            table.title_justify = "left"
            rows = (_contents(data), _adaptive(data, known), _configuration(known), _checks(known))
            for name, value in chain.from_iterable(rows):
                table.add_row(escape(name), escape(value))
        console().print(table)


def _contents(data: "xr.Dataset") -> Iterator[tuple[str, str]]:
    done, total = int(data.done.sum()), data.done.size
    state = "complete" if data.attrs["complete"] else f"unfinished, {done} of {total} points"
    yield "state", state
    for dim in data.done.dims:
        axis = data[dim]
        span = f"{axis.size} values from {float(axis.min()):g} to {float(axis.max()):g}"
        yield str(dim), f"{span} {_unit(axis)}".rstrip()
    if "image" in data.sizes:
        yield "images", str(data.sizes["image"])
    known = {*data.done.dims, *json.loads(data.attrs["items"])}
    for name, field in data.data_vars.items():
        if not set(data.done.dims) <= set(field.dims) or name == "done":
            continue
        own = [size for dim, size in field.sizes.items() if dim not in known]
        if "attack" in field.dims:
            for number, attack in enumerate(json.loads(data.attrs["attack_names"])):
                of_one = field.sel(attack=number).where(data.done == 1)
                yield f"{name}, {attack}", _summary(of_one)
        elif own:  # such as attacked images, which may be many
            yield str(name), f"{' x '.join(map(str, own))} values each, {field.long_name}"
        else:
            yield str(name), _summary(field.where(data.done == 1))


def _adaptive(data: "xr.Dataset", known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """How the points were chosen, if they were."""
    if (chosen := known.get("adaptive")) is None:
        return
    asked = {name: chosen[name] for name in ("tolerance", "budget")}
    yield (
        "adaptive grid",
        f"{int(data.done.sum())} of {data.done.size} points measured, "
        + ", ".join(f"{name} {value:g}" for name, value in asked.items() if value is not None),
    )
    if "error" in chosen:
        error = f"{100 * chosen['error']:.2g} % of the range of log(1 + loss)"
        yield "interpolation", f"estimated to be off by up to {error}"


def _summary(field: "xr.DataArray") -> str:
    import numpy as np

    finite = field.where(np.isfinite(field))
    if not bool(finite.notnull().any()):
        return "no finite value yet"
    low, high = float(finite.min()), float(finite.max())
    return f"{low:.4g} to {high:.4g} {_unit(field)}, mean {float(finite.mean()):.4g}"


def _unit(array: "xr.DataArray") -> str:
    unit = str(array.attrs.get("units", ""))
    return "" if unit == "1" else unit


def _configuration(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in {**known["configuration"], **known["provenance"]}.items():
        yield str(name), value if isinstance(value, str) else json.dumps(value)
    for name, value in known.get("directions_record", {}).get("facts", {}).items():
        yield name.replace("_", " "), _figures(value)
    if run := known.get("run"):
        yield (
            "computed",
            f"{run['micro_batch']} images a pass, {run['threads']} threads, "
            f"{run['folded_layers']} BatchNorm layers folded, "
            f"{'compiled' if run['compiled'] else 'not compiled'}",
        )
    if "wall_time_seconds" in known:
        yield "wall time", f"{known['wall_time_seconds']:.1f} s"


def _figures(value: Any) -> str:
    """Numbers to four digits, alone, in a list or by name."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_figures(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_figures, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _checks(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "checks" not in known:
        if known["kind"] != "attack":  # what an attack found needs no comparison with a loop
            yield "checks", "run when the surface is complete"
        return
    for check in known["checks"]:
        limit = check["limit"]
        verdict = "" if limit is None else f" (limit {limit:g}: {_verdict(check)})"
        yield f"check: {check['name']}", f"{check['value']:.3g}{verdict}, {check['meaning']}"


def _verdict(check: Mapping[str, Any]) -> str:
    return "passed" if check["passed"] else "FAILED"
