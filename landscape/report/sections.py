"""The parts of a report, each from what a folder holds."""

import base64
import hashlib
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import xarray as xr

from landscape.describe import adaptive, checks, contents, origin
from landscape.errors import InputError
from landscape.plots import PLOTS, draw, draw_together, look, plots_for, together_for
from landscape.plots.style import LINE_COLOURS, style
from landscape.report.found import Contents, Training
from landscape.report.words import Section, folded, shown, table
from landscape.store import facts, open_surface

if TYPE_CHECKING:  # it needs torch
    from landscape.evaluation.rows import Evaluation

CURVES = {
    "train_loss": ("loss", "solid"),
    "validation_loss": ("loss", "dash"),
    "train_accuracy": ("accuracy", "solid"),
    "validation_accuracy": ("accuracy", "dash"),
}
NATURAL = "natural"  # the first column
AT_ONCE = 8  # surfaces in one figure
DPI = 160
DEEPEST = 10  # settings inside settings that get rows of their own


def training_sections(trainings: Sequence[Training]) -> Iterator[Section]:
    """How each training went, and its settings."""
    for training in trainings:
        last = training.epochs[-1]
        told = {name: _number(last[name]) for name in ("epoch", *CURVES) if name in last}
        body = [
            table((name.replace("_", " "), value) for name, value in told.items()),
            _div(_curves(training), f"training {training.name}"),
            folded("Settings", table(_flat(training.settings))),
        ]
        yield Section(f"Training: {training.name}", "\n".join(body))


def _curves(training: Training) -> go.Figure:
    """Losses to the left, accuracies to the right, over the epochs."""
    page = go.Figure()
    for name, (kind, dash) in CURVES.items():
        values = [_plain(epoch.get(name)) for epoch in training.epochs]
        if all(value is None for value in values):
            continue
        line = {"color": LINE_COLOURS[kind], "dash": dash}
        x = [_plain(epoch.get("epoch")) for epoch in training.epochs]
        axis = "y" if kind == "loss" else "y2"
        named = name.replace("_", " ")
        page.add_trace(go.Scatter(x=x, y=values, name=named, line=line, yaxis=axis))
    right = {"title": "accuracy", "overlaying": "y", "side": "right", "range": [0, 1.02]}
    page.update_layout(
        template="plotly_white",
        height=340,
        margin={"l": 60, "r": 60, "t": 20, "b": 50},
        xaxis={"title": "epoch"},
        yaxis={"title": "loss (nat)", "rangemode": "tozero"},
        yaxis2={**right, "tickformat": ".0%", "dtick": 0.2, "showgrid": False},
        legend={"orientation": "h", "y": 1.12},
    )
    return page


def _plain(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, object]]:
    """Nested settings as rows, each under the names that lead to it."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and before.count(".") < DEEPEST:
            yield from _flat(value, f"{before}{name}.")
        elif value is not None:
            yield f"{before}{name}", value


def accuracy_sections(attacks: Mapping[str, Path]) -> Iterator[Section]:
    """A line for each model, a column for each attack, with 95 % intervals."""
    if not attacks:
        return
    from landscape.evaluation.rows import rows_of  # these need torch
    from landscape.evaluation.tables import attack_labels, by_tested_model

    results: dict[str, list[Evaluation]] = defaultdict(list)
    unfinished = []
    for name, path in attacks.items():
        with open_surface(path) as data:
            if not data.attrs["complete"]:
                unfinished.append(name)
                continue
            results[Path(name).parent.as_posix()] += rows_of(data)
    tested = by_tested_model({model: _siblings(model, results) for model in results})
    columns = sorted(attack_labels(tested), key=lambda name: name != NATURAL)
    rows = []
    for model, found in tested.items():
        known = {row.label: _accuracy(row.accuracy, row.interval) for row in found}
        rows.append((model, *(known.get(column, "") for column in columns)))
    notes = "".join(f'<p class="note">{shown(name)} is unfinished.</p>' for name in unfinished)
    body = table(rows, ("accuracy in %", *columns)) if rows else ""
    yield Section("Accuracy under attack", body + notes)


def _siblings(model: str, results: Mapping[str, Sequence["Evaluation"]]) -> "list[Evaluation]":
    """The rows of a model, with others that its images were shown to by the names of theirs."""
    rows = []
    for row in results[model]:
        beside = (Path(model).parent / row.tested_on).as_posix()
        known = row.tested_on and beside in results
        rows.append(replace(row, tested_on=beside) if known else row)
    return rows


def _accuracy(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def together_sections(found: Contents) -> Iterator[Section]:
    """Planes that lie beside each other, and spatial surfaces of the same images, on one scale."""
    for (kind, *_), names in found.alike.items():
        if 1 < len(names) <= AT_ONCE:
            pictures = list(_together({name: found.surfaces[name] for name in names}))
            if pictures:
                yield Section(f"On one scale: {kind}", "\n".join(pictures))


def _together(paths: Mapping[str, Path]) -> Iterator[str]:
    with ExitStack() as stack:
        opened = {name: stack.enter_context(open_surface(path)) for name, path in paths.items()}
        try:
            fitting = together_for(opened)
        except InputError:
            return
        for figure in fitting:
            try:
                yield _picture(draw_together(opened, figure), figure)
            except InputError:  # of other images or axes than the first
                continue


def surface_sections(surfaces: Mapping[str, Path]) -> Iterator[Section]:
    """Every surface as a figure to turn, or a picture, with its facts and checks."""
    for name, path in surfaces.items():
        with open_surface(path) as data:
            yield Section(f"Surface: {name}", "\n".join(_surface(name, data)))


def _surface(name: str, data: xr.Dataset) -> Iterator[str]:
    known = facts(data)
    yield f'<p class="note">{shown(known.get("title", ""))}</p>'
    yield table([*contents(data), *adaptive(data, known)])
    try:
        yield from _figures(name, data)
    except InputError as error:
        yield f'<p class="note">It is not drawn: {shown(error)}</p>'
    yield _verdicts(checks(known))
    yield folded("Origin", table(origin(known)))


def _figures(name: str, data: xr.Dataset) -> Iterator[str]:
    plots = plots_for(data)
    pages = [plot for plot in plots if "html" in PLOTS[plot].formats]
    if pages:
        yield _div(draw(data, pages[0]), f"surface {name}")
        return
    for plot in plots[:1]:
        with look(title=""):
            yield _picture(draw(data, plot), plot)


def _verdicts(rows: Iterator[tuple[str, str]]) -> str:
    """The self-checks, each with its verdict in colour and in words."""
    lines = []
    for name, told in rows:
        colour = "failed" if "FAILED" in told else "passed" if "passed" in told else "note"
        lines.append(f'<li class="{colour}">{shown(name)}: {shown(told)}</li>')
    return folded("Checks", f"<ul>{''.join(lines)}</ul>") if lines else ""


def _div(figure: go.Figure, name: str) -> str:
    """A figure of plotly, whose script the page holds once; the same name gives the same bytes."""
    config = {"displaylogo": False, "responsive": True}
    place = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:12]
    settings = {"include_plotlyjs": False, "div_id": f"f{place}", "config": config}
    return str(figure.to_html(full_html=False, **settings))


def _picture(figure: Any, words: str) -> str:
    """A figure of matplotlib inside the page."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": "landscape"})
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f'<p><img alt="{shown(words)}" src="data:image/png;base64,{encoded}"></p>'


def _number(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.4g}"
    return "none" if value is None else str(value)
