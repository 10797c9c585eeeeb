"""The dictionary of measures, and how one is written on a command line."""

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from functools import partial
from typing import Any

from landscape.curvature.measures import (
    AverageRise,
    Density,
    Extremes,
    GradientNorm,
    Measure,
    Trace,
    WorstRise,
)
from landscape.registry import lookup
from landscape.settings import parsed, refuse_unknown, settings_behind

MEASURES: dict[str, Callable[[], Measure]] = {
    "gradient": GradientNorm,
    "hessian": Extremes,
    "ggn": partial(Extremes, matrix="ggn"),
    "trace": Trace,
    "density": Density,
    "sharpness": WorstRise,
    "average": AverageRise,
}
"""By name. To add one: a frozen dataclass with `__call__`, and a line here."""


def make_measure(text: str) -> Measure:
    """A measure as it is named on a command line.

    Args:
        text: a name in `MEASURES`, and behind it changes of its settings, as in
            `trace:samples=300,method=hutch++`.

    Raises:
        InputError: name, setting or value is not known.
    """
    name, settings = settings_behind(text)
    measure: Any = lookup(MEASURES, name, kind="measure")()
    known = {one.name: getattr(measure, one.name) for one in fields(measure)}
    changes = {}
    for key, value in settings:
        refuse_unknown(name, key, known)
        changes[key] = parsed(known[key], value, key)
    made: Measure = replace(measure, **changes)  # at once: one may need the next
    return made


def settings_of(measure: Any) -> dict[str, Any]:
    """The settings of a measure; JSON values."""
    return asdict(measure)
