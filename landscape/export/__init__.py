"""Stored surfaces as files of other programs: tables, ParaView, meshes, and Li et al.'s own.

An export is a function `write(data, stem, options)` that returns the files it wrote, and an entry
in `EXPORTS`. It starts from the stored surface alone. The libraries that know a format are
imported when something is written in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import xarray as xr

from landscape.errors import InputError
from landscape.export.options import HEIGHTS, ExportOptions
from landscape.registry import lookup
from landscape.store import swept_axes
from landscape.store.kinds import refuse_misfit

__all__ = ["EXPORTS", "HEIGHTS", "Export", "ExportOptions", "exports_for", "write_exports"]

Write = Callable[[xr.Dataset, Path, ExportOptions], list[Path]]


@dataclass(frozen=True)
class Export:
    """A format that surfaces can be written in.

    Attributes:
        kinds: of the surfaces that it can hold; empty for all.
        axes: how many swept axes they may have; empty for any number.
        source: "module:function" below `landscape.export`, the function that writes.
    """

    kinds: tuple[str, ...]
    axes: tuple[int, ...]
    source: str

    def fits(self, data: xr.Dataset) -> bool:
        """Whether the format can hold this surface."""
        kind, axes = data.attrs.get("kind"), len(swept_axes(data))
        return (not self.kinds or kind in self.kinds) and (not self.axes or axes in self.axes)

    def write(self, data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
        """Write the files of a surface, whose names begin with `stem`."""
        if self.kinds:
            refuse_misfit(data)
        module, _, function = self.source.partition(":")
        write: Write = getattr(import_module(f"{__name__}.{module}"), function)
        return write(data, stem, options)


EXPORTS: dict[str, Export] = {
    "csv": Export((), (), "tables:points"),
    "minima": Export(("weights",), (1, 2, 3), "tables:minima_found"),
    "vts": Export(("weights",), (2, 3), "paraview:structured"),
    "vtp": Export(("weights",), (2,), "paraview:triangles"),
    "stl": Export(("weights",), (2,), "meshes:solid"),
    "obj": Export(("weights",), (2,), "meshes:coloured_obj"),
    "glb": Export(("weights",), (2,), "meshes:coloured_glb"),
    "li": Export(("weights",), (1, 2), "li:files"),
    "light": Export(("weights", "curve"), (), "light:without_directions"),
}


def exports_for(data: xr.Dataset) -> list[str]:
    """The names of the formats that can hold a surface."""
    return [name for name, export in EXPORTS.items() if export.fits(data)]


def write_exports(
    data: xr.Dataset,
    *,
    stem: Path,
    names: Sequence[str] = ("csv",),
    options: ExportOptions | None = None,
) -> list[Path]:
    """Write a surface in every format that is named, in files whose names begin with `stem`.

    A path in the plane goes into a file `<stem>-path...` of its own where the format has no room
    for it. Formats with a grid hold the part of an unfinished surface that is whole.

    Args:
        data: a stored surface; one that was opened lazily (`store.open_surface`) may be larger than
            memory where it becomes a table of points.
        stem: folder and beginning of the file names.
        names: formats in `EXPORTS`.
        options: how; see `ExportOptions`.

    Returns:
        The files written, in that order.

    Raises:
        InputError: a format is unknown, cannot hold this surface or needs a library that is not
            installed, or a path cannot be written.
    """
    chosen = {name: lookup(EXPORTS, name, kind="export format") for name in names}
    for name, export in chosen.items():
        if not export.fits(data):
            raise InputError(
                f"the format {name!r} holds {' and '.join(export.kinds) or 'all'} surfaces over "
                f"{' or '.join(map(str, export.axes)) or 'any number of'} axes, got a "
                f"{data.attrs.get('kind')} surface over {len(swept_axes(data))}; it can be "
                f"exported as: {', '.join(exports_for(data))}"
            )
    written: dict[Path, None] = {}  # a path may belong to several formats
    for export in chosen.values():
        written.update(dict.fromkeys(export.write(data, Path(stem), options or ExportOptions())))
    return list(written)
