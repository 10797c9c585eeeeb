"""The files of Li et al. 2018, whose plots can then be made of our surfaces."""

import logging
from pathlib import Path

import numpy as np
import xarray as xr

from landscape.errors import InputError
from landscape.export.options import ExportOptions
from landscape.store import (
    in_memory,
    split_directions,
    swept_axes,
    write_li_directions,
    write_li_projection,
    write_li_surface,
)

log = logging.getLogger("landscape.export")


def files(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """The surface file, and as far as they are known the direction and the projection file."""
    data = in_memory(data)
    surface, steps, places = (
        stem.with_name(f"{stem.name}-li{part}.h5") for part in ("", "-directions", "-projection")
    )
    written = [surface]
    if _write_directions(steps, options.source):
        written.append(steps)
    write_li_surface(data, surface, dir_file=steps.name if steps in written else None)
    path = {axis: data[f"path_{axis}"] for axis in swept_axes(data) if f"path_{axis}" in data}
    if path:
        columns = {axis: column.values.astype(np.float64) for axis, column in path.items()}
        write_li_projection(columns, places)
        written.append(places)
    return written


def _write_directions(path: Path, source: Path | None) -> bool:
    if source is None:
        return False
    try:
        directions = split_directions(source)
    except InputError as error:
        log.info("the surface is written without a direction file: %s", error)
        return False
    write_li_directions(directions, path)
    return True
