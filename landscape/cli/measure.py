"""`landscape measure`: how the loss bends around trained weights, in numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from landscape.cli.options import ComputeOptions, DataOptions, ModelOptions, Unset, identity_of
from landscape.cli.output import cell, console, say
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.curvature import Found, Reading


def measure(
    checkpoint: tyro.conf.Positional[Path],
    /,
    measures: tuple[str, ...] = ("gradient", "hessian", "trace", "sharpness", "average"),
    samples: int = 500,
    seed: int = 0,
    out: Unset[Path] = None,
    model: ModelOptions = ModelOptions(),
    data: DataOptions = DataOptions(),
    compute: ComputeOptions = ComputeOptions(),
) -> None:
    """How the mean cross-entropy bends around trained weights, with respect to all of them.

    Args:
        checkpoint: A checkpoint of `landscape train`, or weights from elsewhere (see --model).
        measures: gradient (the length of the gradient), hessian (its largest and smallest
            eigenvalue), ggn (those of the Gauss-Newton matrix), trace (the sum of all eigenvalues,
            by parameter in --out), density (their distribution, in --out), sharpness (the rise of
            the loss by the worst change of the weights within a radius), average (its mean rise
            under noise on the weights). Settings follow a colon: trace:samples=300,method=hutch++
            density:matrix=ggn,steps=100,vectors=5 sharpness:radius=0.001,scale=epsilon
            average:radius=0.1,draws=100.
        samples: How many images the loss is a mean over, drawn at random from the split; 0 for all.
        seed: Of random vectors and of the draw of images.
        out: A JSON file (.json) for all that was found, with where it comes from.
        model: Which network.
        data: Which images.
        compute: Where and how.
    """
    if not measures:
        raise InputError("expected at least one measure, got none")
    from landscape.curvature import Task, make_measure, settings_of
    from landscape.engine import Compute
    from landscape.files import refuse_loss
    from landscape.losses import make_loss
    from landscape.progress import progress
    from landscape.provenance import provenance
    from landscape.rng import generator

    if out:
        refuse_loss(out, [checkpoint], suffix=".json")
    chosen = {text: make_measure(text) for text in measures}
    loaded = model.load(checkpoint)
    images = data.load(loaded).subset(samples or None, generator=generator(seed, "images"))
    loss, how = make_loss("cross-entropy"), compute.arguments()
    task = Task(loaded.model, images.images(), images.labels, loss, seed, Compute(**how))
    record: dict[str, Any] = {
        "identity": {
            **identity_of(loaded, images),
            "data_sha256": images.sha256,
            "images": len(images),
        },
        "configuration": {"loss": loss.name, "seed": seed, "precision": how["precision"]},
        "provenance": provenance(device=str(how["device"])),
        "measures": {},
    }
    found: dict[str, Found] = {}
    with progress(len(chosen), "measures", unit="measures", enabled=True) as bar:
        for text, one in chosen.items():
            bar.note(text)
            found[text] = one(task)
            record["measures"][text] = {"settings": settings_of(one), **_told(found[text])}
            if out:  # after each, so that an interruption leaves those that are done
                _write(out, record)
            bar.advance(1)
    _show(found)
    say(f"mean over {len(images)} images" + (f"; written: {out}" if out else ""))


def _told(found: "Found") -> dict[str, Any]:
    from dataclasses import asdict

    from landscape.numerics import null_unless_finite

    readings = [null_unless_finite(asdict(reading)) for reading in found.readings]
    return {"readings": readings, "details": null_unless_finite(found.details)}


def _write(out: Path, record: Mapping[str, Any]) -> None:
    from landscape.files import atomic_write

    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _show(found: "Mapping[str, Found]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for column in ("measure", "value", "unit", "meaning"):
        table.add_column(column, justify="right" if column == "value" else "left", overflow="fold")
    for text, one in found.items():
        table.add_row(cell(text), "", "", "")
        for reading in one.readings:
            unit = "" if reading.units == "1" else reading.units
            table.add_row(cell(f"  {reading.name}"), _value(reading), unit, cell(reading.meaning))
    console().print(table)


def _value(reading: "Reading") -> str:
    error = reading.standard_error
    return f"{reading.value:.5g}" + ("" if error is None else f" +- {error:.2g}")
