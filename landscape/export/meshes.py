"""Meshes: a solid to print, and coloured surfaces for slides and web pages."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int, UInt8

from landscape.export.options import ExportOptions
from landscape.export.origin import needed, origin, title
from landscape.export.relief import Relief, Track, refuse_beyond_single, relief_of, track_of
from landscape.files import atomic_write
from landscape.store import facts

BASE = 0.05  # of the width: the thickness of the plate below the lowest point
TUBE = 0.004  # of the wider side: the radius of a path
BEAD = 2.0  # radii of a tube: that of a checkpoint
PATH_COLOR = (213, 94, 0, 255)  # vermilion, which viridis does not hold
STL_HEADER = 80  # bytes
COLORS = "viridis"
Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])  # as glTF has it
MATTE = {
    "doubleSided": True,
    "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.8},
}


def solid(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """A watertight solid in millimetres: the surface above, a flat plate below, walls around.

    Where a loss is inf or nan it is as high as the highest finite one, so that there is no hole.

    Raises:
        InputError: there is no relief, or the width is too large.
    """
    relief = relief_of(data, options)
    vertices, faces = _closed(relief, base=BASE * relief.side)
    corner = np.array([relief.x[0], relief.y[0], 0.0])
    with np.errstate(over="ignore"):  # refused below
        vertices = (vertices - corner) * options.width / relief.side
    refuse_beyond_single(vertices)
    content = _trimesh("STL").Trimesh(vertices, faces, process=False).export(file_type="stl")
    told = f"landscape: {title(data)}, {options.width:g} mm".encode("ascii", "replace")
    path = stem.with_name(f"{stem.name}.stl")
    with atomic_write(path) as temporary:
        temporary.write_bytes(told[:STL_HEADER].ljust(STL_HEADER) + content[STL_HEADER:])
    return [path]


def _closed(
    relief: Relief, *, base: float
) -> tuple[Float[np.ndarray, "vertices 3"], Int[np.ndarray, "faces 3"]]:
    """The relief on a plate, as the boundary of a solid whose bottom lies at 0."""
    top = relief.points + np.array([0.0, 0.0, base])
    at = np.arange(len(top)).reshape(relief.height.shape)
    rim = np.concatenate([at[:-1, 0], at[-1, :-1], at[:0:-1, -1], at[0, :0:-1]])
    below = len(top) + np.arange(len(rim))  # counter-clockwise from above, as is the rim
    middle = len(top) + len(rim)
    floor = np.append(top[rim], [top[rim].mean(axis=0)], axis=0) * [1, 1, 0]
    after, after_below = np.roll(rim, -1), np.roll(below, -1)
    faces = [
        relief.triangles(whole=True),
        np.stack([below, after_below, after], axis=1),
        np.stack([below, after, rim], axis=1),
        np.stack([after_below, below, np.full(len(rim), middle)], axis=1),
    ]
    return np.concatenate([top, floor]), np.concatenate(faces)


def coloured_obj(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """A Wavefront OBJ file with a colour at each vertex; x is alpha, y is beta, z is up."""
    relief = relief_of(data, options)
    scene = _scene(data, relief, format="OBJ")
    lines = [
        title(data),
        "x: alpha, y: beta, z: up",
        f"height: {json.dumps(_heights(relief, options))}",
    ]
    header = "\n# ".join([*lines, f"origin: {origin(data)}"])
    export_obj = needed("trimesh.exchange.obj", format="OBJ").export_obj
    path = stem.with_name(f"{stem.name}.obj")
    with atomic_write(path) as temporary:
        temporary.write_text(export_obj(scene, header=header), encoding="utf-8")
    return [path]


def coloured_glb(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """A binary glTF file, whose up is y as its standard asks; `extras` of the scene hold facts."""
    relief = relief_of(data, options)
    scene = _scene(data, relief, format="glTF", turn=Y_UP, linear=True)
    scene.metadata.update(landscape=facts(data), height=_heights(relief, options))
    export_glb = needed("trimesh.exchange.gltf", format="glTF").export_glb
    content = export_glb(scene, include_normals=True, tree_postprocessor=_matte)
    path = stem.with_name(f"{stem.name}.glb")
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return [path]


def _matte(tree: dict[str, Any]) -> None:
    """One material for all: seen from both sides, its colours those of the vertices."""
    tree["materials"] = [MATTE]
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["material"] = 0


def _heights(relief: Relief, options: ExportOptions) -> dict[str, Any]:
    """What heights mean, and how many points are inf or nan, about which the mesh is open."""
    about = {"of": options.height, "scale": relief.scale, "offset": relief.offset}
    return {**about, "not_finite": relief.not_finite}


def _trimesh(format: str) -> Any:
    return needed("trimesh", format=format)


def _scene(
    data: xr.Dataset,
    relief: Relief,
    *,
    format: str,
    turn: Float[np.ndarray, "4 4"] | None = None,
    linear: bool = False,
) -> Any:
    """The coloured surface and the path as a thin tube.

    Args:
        data: the surface.
        relief: its relief.
        format: for whom.
        turn: from our axes to those of the format.
        linear: colours as amounts of light, as glTF has them, instead of those of a screen.
    """
    trimesh = _trimesh(format)
    parts = {
        "surface": trimesh.Trimesh(
            relief.points, relief.triangles(), vertex_colors=_colors(relief), process=False
        )
    }
    parts["surface"].remove_unreferenced_vertices()
    track = track_of(data, relief)
    if track is not None:
        parts["path"] = _tube(track, TUBE * relief.side)
    scene = trimesh.Scene()
    for name, part in parts.items():
        part.metadata["name"] = name
        if linear:
            colors = part.visual.vertex_colors
            colors[:, :3] = _light(colors[:, :3])
            part.visual.vertex_colors = colors
        scene.add_geometry(part, node_name=name, geom_name=name, transform=turn)
    return scene


def _light(colors: UInt8[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "n 3"]:
    """The amounts of light that colours of a screen stand for (sRGB, IEC 61966-2-1)."""
    shown = colors / 255
    light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    amounts: UInt8[np.ndarray, "n 3"] = np.rint(255 * light).astype(np.uint8)
    return amounts


def _colors(relief: Relief) -> UInt8[np.ndarray, "points 4"]:
    """Those of the heights: dark and blue below, bright and yellow above."""
    from matplotlib import colormaps

    top = float(relief.height.max()) or 1.0
    colors: UInt8[np.ndarray, "points 4"] = colormaps[COLORS](
        relief.height.ravel() / top, bytes=True
    )
    return colors


def _tube(track: Track, radius: float) -> Any:
    """A tube along the path, half in the surface, with a bead at each checkpoint."""
    trimesh = _trimesh("a path")
    parts = [
        trimesh.creation.cylinder(radius, segment=np.stack([a, b]), sections=8)
        for a, b in zip(track.points[:-1], track.points[1:], strict=True)
        if not np.allclose(a, b)
    ]
    bead = trimesh.creation.icosphere(subdivisions=1, radius=BEAD * radius)
    for stop in track.stops:
        parts.append(bead.copy().apply_translation(track.points[stop]))
    tube = trimesh.util.concatenate(parts)
    tube.visual = trimesh.visual.ColorVisuals(tube, vertex_colors=PATH_COLOR)
    return tube
