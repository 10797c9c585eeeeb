"""VTK XML files, as ParaView opens them: a relief or a volume with all fields as point data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from landscape.errors import InputError
from landscape.export.options import ExportOptions
from landscape.export.origin import needed, origin
from landscape.export.relief import Relief, Track, relief_of, track_of
from landscape.files import atomic_write
from landscape.store import complete_part, in_memory, point_fields, swept_axes


def structured(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """A structured grid: a plane as a relief, a volume as it is; points without a loss are hidden.

    x is alpha, y is beta, z is the height, or gamma. A path goes into a PolyData file of its own.
    """
    relief = relief_of(data, options) if len(swept_axes(data)) == 2 else None
    part = in_memory(complete_part(data)) if relief is None else relief.part
    axes = swept_axes(part)
    shape = [part.sizes[axis] for axis in axes]
    if relief is None:
        mesh = np.meshgrid(*(part[axis].values for axis in axes), indexing="ij")
        points = np.stack([axis.ravel(order="F") for axis in mesh], axis=1)
        finite = np.isfinite(part["loss"].transpose(*axes).values)
    else:
        points = relief.points.reshape(*shape, 3).transpose(1, 0, 2).reshape(-1, 3)
        finite = relief.finite
    grid = _vtk("vtkCommonDataModel").vtkStructuredGrid()
    grid.SetDimensions(*shape, *([1] if len(shape) == 2 else []))
    grid.SetPoints(_points(points))
    _add_fields(grid, part, order="F")
    for i in np.flatnonzero(~finite.ravel(order="F")):
        grid.BlankPoint(int(i))
    _tell(grid, data, options, relief)
    path = stem.with_name(f"{stem.name}.vts")
    _save(grid, "vtkXMLStructuredGridWriter", path)
    return [path, *_path(data, stem, options, relief)]


def triangles(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """A triangulated relief without the cells that touch a point without a loss."""
    relief = relief_of(data, options)
    faces = relief.triangles()
    used, numbered = np.unique(faces, return_inverse=True)
    mesh = _vtk("vtkCommonDataModel").vtkPolyData()
    mesh.SetPoints(_points(relief.points[used]))
    mesh.SetPolys(_cells(list(numbered.reshape(-1, 3))))
    _add_fields(mesh, relief.part, kept=used)
    _tell(mesh, data, options, relief)
    path = stem.with_name(f"{stem.name}.vtp")
    _save(mesh, "vtkXMLPolyDataWriter", path)
    return [path, *_path(data, stem, options, relief)]


def _path(
    data: xr.Dataset, stem: Path, options: ExportOptions, relief: Relief | None
) -> list[Path]:
    track = track_of(data, relief)
    if track is None:
        return []
    line = _line(track)
    _tell(line, data, options, relief)
    path = stem.with_name(f"{stem.name}-path.vtp")
    _save(line, "vtkXMLPolyDataWriter", path)
    return [path]


def _line(track: Track) -> Any:
    """One polyline, with a vertex at each checkpoint."""
    line = _vtk("vtkCommonDataModel").vtkPolyData()
    line.SetPoints(_points(track.points))
    line.SetVerts(_cells([np.array([stop]) for stop in track.stops]))
    line.SetLines(_cells([np.arange(len(track.points))]))
    _add_arrays(line.GetPointData(), {"checkpoint": track.checkpoint})
    if track.residual is not None:
        _add_arrays(line.GetPointData(), {"residual": track.residual})
    return line


def _vtk(module: str) -> Any:
    return needed(f"vtkmodules.{module}", format="files for ParaView")


def _array(values: Float[np.ndarray, "..."]) -> Any:
    to_vtk = _vtk("util.numpy_support").numpy_to_vtk
    return to_vtk(np.ascontiguousarray(values), deep=True)


def _points(places: Float[np.ndarray, "n 3"]) -> Any:
    points = _vtk("vtkCommonCore").vtkPoints()
    points.SetData(_array(places))
    return points


def _cells(cells: list[Int[np.ndarray, " corners"]]) -> Any:
    ids = _vtk("util.numpy_support").numpy_to_vtkIdTypeArray
    ends = np.cumsum([0, *(len(cell) for cell in cells)])
    corners = np.concatenate([np.empty(0, np.int64), *cells])
    made = _vtk("vtkCommonDataModel").vtkCellArray()
    made.SetData(ids(ends.astype(np.int64), deep=True), ids(corners.astype(np.int64), deep=True))
    return made


def _add_fields(
    target: Any,
    part: xr.Dataset,
    *,
    order: Literal["C", "F"] = "C",
    kept: Int[np.ndarray, " n"] | None = None,
) -> None:
    """All fields of the surface as point data; the loss is what colours it."""
    shown = {name: part[name] for name in point_fields(part)}
    if not bool((part["done"] == 1).all()):  # an adaptive grid: the others are interpolated
        shown["measured"] = (part["done"] == 1).astype(np.float64)
    fields = {
        name: field.transpose(*swept_axes(part)).values.ravel(order=order)
        for name, field in shown.items()
    }
    chosen = {name: v if kept is None else v[kept] for name, v in fields.items()}
    _add_arrays(target.GetPointData(), chosen)
    target.GetPointData().SetActiveScalars("loss")


def _add_arrays(target: Any, arrays: Mapping[str, Float[np.ndarray, " n"]]) -> None:
    for name, values in arrays.items():
        array = _array(values)
        array.SetName(name)
        target.AddArray(array)


def _tell(target: Any, data: xr.Dataset, options: ExportOptions, relief: Relief | None) -> None:
    """Where it comes from and what the heights are, as field data."""
    told = {"landscape": origin(data)}
    if relief is not None:
        told["height"] = options.height
        scale = {"height_scale": relief.scale, "height_offset": relief.offset}
        scale["not_finite"] = float(relief.not_finite)  # points about which cells are missing
        numbers = {name: np.array([value]) for name, value in scale.items()}
        _add_arrays(target.GetFieldData(), numbers)
    for name, text in told.items():
        words = _vtk("vtkCommonCore").vtkStringArray()
        words.SetName(name)
        words.InsertNextValue(text)
        target.GetFieldData().AddArray(words)


def _save(made: Any, writer: str, path: Path) -> None:
    with atomic_write(path) as temporary:
        out = getattr(_vtk("vtkIOXML"), writer)()
        out.SetFileName(str(temporary))
        out.SetInputData(made)
        if not out.Write() or not temporary.stat().st_size:
            raise InputError(f"VTK could not write {path}; see that there is room on the disk")
