"""Looking names up in the package's dictionaries."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from landscape.errors import InputError

T = TypeVar("T")


def lookup(table: Mapping[str, T], name: str, *, kind: str) -> T:
    """`table[name]`, or an error that names the nearest entry and all the others.

    Args:
        table: one of the dictionaries (`DATASETS`, `MODELS`, `ATTACKS`, ...).
        name: what the user wrote.
        kind: what the table holds, for the message ("attack").

    Raises:
        InputError: the name is not in the table.
    """
    if name in table:
        return table[name]
    near = get_close_matches(name, table, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(f"unknown {kind} {name!r}{hint} (known: {', '.join(table)})")
