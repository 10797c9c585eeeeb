"""`landscape export`: stored surfaces as files of other programs."""

from pathlib import Path
from typing import Literal

from landscape.cli.options import Files, Unset, refuse_none
from landscape.cli.output import say, stems


def export(
    files: Files,
    /,
    out: Unset[Path] = None,
    formats: tuple[str, ...] = ("csv",),
    height: Literal["linear", "log"] = "linear",
    height_scale: Unset[float] = None,
    highest: Unset[float] = None,
    width: float = 100.0,
) -> None:
    """Stored surfaces as tables, for ParaView, as meshes to print or show, as Li et al. keep them.

    A path in the plane goes along, in a file of its own where need be. Works on unfinished files
    too: tables hold every computed point, the rest the part of the grid that is whole.

    Args:
        files: Surfaces computed by `landscape spatial` and `landscape weights`, and others.
        out: The folder to write to, where files of one name get folders of theirs; beside each file
            by default.
        formats: csv (every computed point of any surface); and of weight surfaces minima (a table
            with their persistence), vts and vtp (ParaView), stl (a solid to print), obj and glb
            (coloured meshes), li (the files of Li et al.'s code: surface, directions, projection),
            light (the surface without its directions, nearly all of a large network's file).
        height: What stands for the loss where files have heights: linear is the loss itself, log
            its decimal logarithm.
        height_scale: Units of the plane per nat (log: per decade); by default the height is half
            of the plane's wider side.
        highest: Cut losses off above this, in nats.
        width: Of the wider side of what is printed (stl), in millimetres.
    """
    from landscape.errors import InputError
    from landscape.export import ExportOptions, write_exports
    from landscape.store import open_surface

    refuse_none(files, "surface file to export")
    if not formats:
        raise InputError("expected at least one format, got none")
    for file, stem in zip(files, stems(files, out), strict=True):
        options = ExportOptions(height, height_scale, highest, width, source=file)
        with open_surface(file) as data:
            written = write_exports(data, stem=stem, names=formats, options=options)
        for path in written:
            say(str(path))
