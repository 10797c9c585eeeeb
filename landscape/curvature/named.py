"""The dictionary of measures, and how one is written on a command line."""

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from fractions import Fraction
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
from landscape.errors import InputError
from landscape.registry import lookup

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

PARSERS: dict[type, tuple[Callable[[str], Any], str]] = {
    int: (int, "a whole number"),
    float: (lambda text: float(Fraction(text)), "a number"),
    str: (str, "a word"),
}


def make_measure(text: str) -> Measure:
    """A measure as it is named on a command line.

    Args:
        text: a name in `MEASURES`, and behind it changes of its settings, as in
            `trace:samples=300,method=hutch++`.

    Raises:
        InputError: name, setting or value is not known.
    """
    name, _, settings = text.partition(":")
    measure: Any = lookup(MEASURES, name, kind="measure")()
    known = {one.name: getattr(measure, one.name) for one in fields(measure)}
    for setting in filter(None, settings.split(",")):
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"expected {name}:setting=value,..., got {setting!r} in {text!r}")
        if key not in known:
            raise InputError(f"{name} has no setting {key!r} (known: {', '.join(known) or 'none'})")
        parse, kind = PARSERS[type(known[key])]
        try:
            measure = replace(measure, **{key: parse(value)})
        except (ValueError, ZeroDivisionError) as error:
            raise InputError(f"expected {kind} for {key}, got {value!r}") from error
    made: Measure = measure
    return made


def settings_of(measure: Any) -> dict[str, Any]:
    """The settings of a measure; JSON values."""
    return asdict(measure)
