"""What a file says of itself, as values of the kinds that readers count on."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from landscape.errors import InputError
from landscape.text import printable

SHORT = 500  # characters of a name
DEEPEST = 32  # values inside values

Check = Callable[[Any], bool]


def parsed(text: Any) -> Any:
    """The values in JSON text, nested at most `DEEPEST` deep; None where it is something else."""
    if not isinstance(text, str):
        return None
    try:
        values = json.loads(text)
        if not _within(values, DEEPEST):
            return None
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # halves of characters among them
        return None
    return values


def _within(values: Any, most: int) -> bool:
    if not isinstance(values, dict | list):
        return True
    inner = values.values() if isinstance(values, dict) else values
    return most > 0 and all(_within(one, most - 1) for one in inner)


def names_in(attributes: Mapping[Any, Any], key: str, count: int | None = None) -> list[str]:
    """A list of names that an attribute holds as JSON; empty where it holds something else.

    Args:
        attributes: of a surface.
        key: of the attribute.
        count: how many names there must be.
    """
    names = parsed(attributes.get(key))
    if not isinstance(names, list) or not all(map(_is_name, names)):
        return []
    return names if count in (None, len(names)) else []


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= SHORT


def _is_number(value: Any) -> bool:
    """Whether it is a number, inf and nan among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold."""
    return _is_number(value) and abs(value) < 1e300 and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _object(*needed: str, **parts: Check) -> Check:
    """Whether it is an object that has what is needed, and whose parts are such."""
    return lambda value: (
        isinstance(value, dict)
        and all(name in value for name in needed)
        and all(check(value[name]) for name, check in parts.items() if name in value)
    )


def _all(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


_CHECK = _object(
    "name",
    "meaning",
    "value",
    "limit",
    "passed",
    name=_is_text,
    meaning=_is_text,
    value=_is_number,
    limit=_maybe(_is_number),
    passed=lambda value: isinstance(value, bool),
)
_ADAPTIVE = _object(tolerance=_maybe(_is_finite), budget=_maybe(_is_finite), error=_is_number)
JSON: Mapping[str, tuple[Check, str]] = {
    "items": (_all(_is_name), "a list of names"),
    "configuration": (_object(), "an object"),
    "provenance": (_object(), "an object"),
    "checks": (_all(_CHECK), "a list of checks"),
    "run": (_object(), "an object"),
    "adaptive": (_ADAPTIVE, "an object with a tolerance and a budget"),
    "directions_record": (_object(facts=_object()), "an object"),
}
"""Attributes that are JSON, and what their values are."""
PLAIN: Mapping[str, tuple[Check, str]] = {
    "kind": (lambda value: _is_name(value) and value != "", "a name"),
    "title": (_is_text, "text"),
    "complete": (lambda value: _is_number(value) and value in (0, 1), "0 or 1"),
    "landscape_schema": (lambda value: _is_number(value) and value > 0, "a number"),
    "facts_crc32": (_is_number, "a number"),
    "wall_time_seconds": (_is_finite, "a number"),
    "convention": (_is_name, "a name"),
    "padding": (_is_name, "a name"),
}
NEEDED = ("items", "configuration", "kind", "complete")


def refuse_misshapen_facts(facts: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Raise if an attribute of a surface is not of the kind that readers take it for.

    Args:
        facts: attributes by name, JSON as text.
        path: of the file.

    Returns:
        The attributes, of those in `JSON` the values.

    Raises:
        InputError: with the first of them.
    """
    read = dict(facts)
    for name in NEEDED:
        if name not in facts:
            raise _refused(path, name, "an attribute of every surface", "none")
    for name, (check, wanted) in PLAIN.items():
        if name in facts:
            value = facts[name].item() if hasattr(facts[name], "item") else facts[name]
            if not check(value):
                raise _refused(path, name, wanted, value)
    for name, (check, wanted) in JSON.items():
        if name in facts:
            read[name] = parsed(facts[name])
            if not check(read[name]):
                raise _refused(path, name, f"{wanted} as JSON", facts[name])
    return read


def _refused(path: Path, name: str, wanted: str, got: Any) -> InputError:
    return InputError(
        f"expected {wanted} as {name} of {path}, got {printable(repr(got), 80)}; the file is "
        "damaged, or was not written by landscape, and is not read"
    )


def tensors(text: str, path: Path) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the tensors that a vector is made of, from JSON.

    Raises:
        InputError: it is something else.
    """
    found = parsed(text)
    if not isinstance(found, list) or not all(_is_tensor(one) for one in found):
        raise _refused(path, "parameters", "names and shapes of tensors", text)
    return [(name, tuple(shape)) for name, shape in found]


def _is_tensor(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], list)
        and all(isinstance(n, int) and 0 <= n < 2**40 for n in value[1])
    )
