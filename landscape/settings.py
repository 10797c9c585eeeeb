"""Names with settings behind them, as on a command line: `grid:rotations=61,shifts=9`."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from landscape.errors import InputError


def settings_behind(text: str) -> tuple[str, Iterator[tuple[str, str]]]:
    """The name, and one setting after the other as key and value.

    Raises:
        InputError: on the way, at what has no value.
    """
    name, _, settings = text.partition(":")

    def pairs() -> Iterator[tuple[str, str]]:
        for setting in filter(None, settings.split(",")):
            key, equals, value = setting.partition("=")
            if not equals:
                raise InputError(f"expected {name}:setting=value,..., got {setting!r} in {text!r}")
            yield key, value

    return name, pairs()


def refuse_unknown(name: str, key: str, known: Any) -> None:
    """Raise unless a setting is among those that are known.

    Raises:
        InputError: with their names.
    """
    if key not in known:
        raise InputError(f"{name} has no setting {key!r} (known: {', '.join(known) or 'none'})")


def parsed(old: Any, text: str, key: str) -> Any:
    """The value that a text stands for, of the type of the one that it replaces.

    Raises:
        InputError: it is not one of these.
    """
    try:
        if isinstance(old, bool):
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if isinstance(old, int):
            return int(text)
        if isinstance(old, float):
            return float(Fraction(text))
    except (ValueError, KeyError, ArithmeticError) as error:
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(old)]
        raise InputError(f"expected {kind} for {key}, got {text!r}") from error
    return text
