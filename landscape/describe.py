"""What a stored surface holds and says of itself, as rows of names and words."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from landscape.plots.prepare import not_finite
from landscape.store import measured
from landscape.store.told import names_in

Rows = Iterator[tuple[str, str]]


def described(data: xr.Dataset, known: Mapping[str, Any]) -> Rows:
    """All of it.

    Args:
        data: a surface; lazily, it is read part by part.
        known: its facts, see `store.facts`.
    """
    yield from contents(data)
    yield from adaptive(data, known)
    yield from origin(known)
    yield from checks(known)


def contents(data: xr.Dataset) -> Rows:
    """How far it is, its axes, and range and mean of what was measured."""
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
        if "attack" in set(field.dims) - set(data.done.dims):
            names = names_in(data.attrs, "attack_names", field.sizes["attack"])
            for number, attack in enumerate(names or range(field.sizes["attack"])):
                yield f"{name}, {attack}", _summary(field.isel(attack=number), data.done)
        elif own:  # such as attacked images, which may be many
            yield (
                str(name),
                f"{' x '.join(map(str, own))} values each, {field.attrs.get('long_name', '')}",
            )
        else:
            yield str(name), _summary(field, data.done)


def adaptive(data: xr.Dataset, known: Mapping[str, Any]) -> Rows:
    """How the points were chosen, if they were."""
    if (chosen := known.get("adaptive")) is None:
        return
    asked = {name: chosen.get(name) for name in ("tolerance", "budget")}
    yield (
        "adaptive grid",
        f"{int(data.done.sum())} of {data.done.size} points measured, "
        + ", ".join(f"{name} {value:g}" for name, value in asked.items() if value is not None),
    )
    if "error" in chosen:
        error = f"{100 * chosen['error']:.2g} % of the range of log(1 + loss)"
        yield "interpolation", f"estimated to be off by up to {error}"


def _summary(field: xr.DataArray, done: xr.DataArray) -> str:
    """Range and mean of the finite values, and how many others there are, read part by part."""
    low, high, total, count, others = np.inf, -np.inf, 0.0, 0, Counter[str]()
    for part in measured(field, done):
        values = part.astype(np.float64)
        finite = values[np.isfinite(values)]
        low, high = finite.min(initial=low), finite.max(initial=high)
        total, count = total + finite.sum(), count + len(finite)
        others.update({name: int(bad.sum()) for name, bad in not_finite(values).items()})
    told = [f"{many} {name}" for name, many in others.items()]
    if count:
        told = [f"{low:.4g} to {high:.4g} {_unit(field)}", f"mean {total / count:.4g}", *told]
    return ", ".join(told) or "no value yet"


def _unit(array: xr.DataArray) -> str:
    unit = str(array.attrs.get("units", ""))
    return "" if unit == "1" else unit


def origin(known: Mapping[str, Any]) -> Rows:
    """Of what, with which settings, by which versions, and how it was computed."""
    for name, value in {**known["configuration"], **known.get("provenance", {})}.items():
        yield str(name), value if isinstance(value, str) else json.dumps(value)
    for name, value in known.get("directions_record", {}).get("facts", {}).items():
        yield name.replace("_", " "), figures(value)
    run = known.get("run", {})
    if {"micro_batch", "threads", "folded_layers", "compiled"} <= run.keys():
        yield (
            "computed",
            f"{run['micro_batch']} images a pass, {run['threads']} threads, "
            f"{run['folded_layers']} BatchNorm layers folded, "
            f"{'compiled' if run['compiled'] else 'not compiled'}",
        )
    if "wall_time_seconds" in known:
        yield "wall time", f"{known['wall_time_seconds']:.1f} s"


def figures(value: Any) -> str:
    """Numbers to four digits, alone, in a list or by name."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {figures(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(figures, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def checks(known: Mapping[str, Any]) -> Rows:
    """What the surface found out about itself."""
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
