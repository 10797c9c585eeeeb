"""What the functions that compute a surface share."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr
from torch import nn

from landscape.engine import Sample
from landscape.models import weights_sha256
from landscape.processes import Group
from landscape.store import load_surface, open_surface
from landscape.store.plan import Plan
from landscape.surfaces import Surface, gather_any
from landscape.sweep import WHOLE_GRID, sweep

IN_MEMORY = 2**27  # bytes up to which a surface is handed out in memory


def identity_of(model: nn.Module, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """What names a model in a file, and what else is given; JSON values."""
    return {
        "model": type(model).__name__,
        "weights_sha256": weights_sha256(model),
        **(given or {}),
    }


def sample_of(data: Any) -> Sample:
    """Further data as the engine takes them, from a pair or an iterable of batches."""
    pair = isinstance(data, tuple) and len(data) == 2
    return Sample(*(gather_any(*data) if pair else gather_any(data)))


def stored(
    surface: Surface,
    out: str | Path | None,
    overwrite: bool,
    show_progress: bool,
    group: Group,
    plan: Plan = WHOLE_GRID,
) -> xr.Dataset:
    """Sweep into the file, or into one that lives no longer than the call.

    Returns:
        The surface, in memory; if it is larger than `IN_MEMORY` and has a file, as it is read from
        there piece by piece. Nothing in processes other than the first.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(out) if out is not None else Path(folder) / "surface.h5"
        sweep(
            surface, path, plan=plan, overwrite=overwrite, show_progress=show_progress, group=group
        )
        if not group.leads:
            return xr.Dataset()
        with open_surface(path) as data:
            large = data.nbytes > IN_MEMORY
        return open_surface(path) if large and out is not None else load_surface(path)
