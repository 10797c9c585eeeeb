"""Where an exported file comes from, in words that it carries along."""

import importlib
import json
from typing import Any

import xarray as xr

from landscape.errors import InputError
from landscape.store import facts
from landscape.text import printable


def origin(data: xr.Dataset) -> str:
    """All attributes of a surface as one line of JSON."""
    return json.dumps(facts(data), sort_keys=True)


def title(data: xr.Dataset) -> str:
    """What the surface is called, on one line."""
    return printable(" ".join(str(data.attrs.get("title", "landscape")).split()))


def needed(module: str, *, format: str) -> Any:
    """A module of a library that only exports have a use for.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"writing {format} needs {module.partition('.')[0]}, which is not installed; "
            "pip install 'landscape[export]'"
        ) from error
