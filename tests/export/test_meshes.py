"""Meshes read back by trimesh, and the scene of a glTF file by hand."""

import json
import struct

import numpy as np
import pytest
import trimesh
from matplotlib import colormaps

from landscape.errors import InputError
from landscape.export import ExportOptions, write_exports


def export(data, tmp_path, name, **options):
    (path,) = write_exports(
        data, stem=tmp_path / "s", names=[name], options=ExportOptions(**options)
    )
    return path


def test_a_solid_is_watertight_and_holds_the_volume_below_the_surface(make, tmp_path):
    """Over a tilted plane the volume is its area times its mean height, with the plate below."""
    path = export(make(lambda a, b: a + b), tmp_path, "stl", width=50.0)
    mesh = trimesh.load(path)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    wide, deep, plate, top = 50 * 2 / 2.5, 50, 0.05 * 50, 25
    np.testing.assert_allclose(mesh.bounds, [[0, 0, 0], [wide, deep, plate + top]], atol=1e-5)
    assert mesh.volume == pytest.approx(wide * deep * (plate + top / 2), rel=1e-5)
    assert path.read_bytes()[:80].startswith(b"landscape: plane of a <cnn> & more, 50 mm")


def test_a_solid_has_x_along_alpha_and_y_along_beta(make, tmp_path):
    data = make(lambda a, b: np.where((a == 1) & (b == -0.5), 2.0, 1.0))
    mesh = trimesh.load(export(data, tmp_path, "stl"))
    np.testing.assert_allclose(mesh.vertices[mesh.vertices[:, 2].argmax()][:2], [80, 0], atol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_solid_has_no_hole_where_a_loss_is_no_number(make, tmp_path, value):
    data = make()
    data["loss"][0, 0] = data["loss"][4, 3] = value
    mesh = trimesh.load(export(data, tmp_path, "stl"))
    assert mesh.is_watertight
    assert mesh.volume > 0
    assert mesh.bounds[1, 2] == pytest.approx(55)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stl", {"height_scale": 1e300}),
        ("stl", {"height_scale": 1e308}),
        ("stl", {"width": 1e300}),
        ("obj", {"height_scale": 1e40}),
        ("glb", {"height_scale": 1e40}),
    ],
)
def test_what_is_infinite_in_single_precision_is_not_written(make, tmp_path, name, options):
    with pytest.raises(InputError, match=r"at most 3\.4e\+38.* a smaller height scale or width"):
        export(make(), tmp_path, name, **options)
    assert not list(tmp_path.iterdir())


def surface_and_path(path, **options):
    scene = trimesh.load(path, process=False, **options)
    return scene, scene.geometry["surface"], scene.geometry.get("path")


def viridis(data):
    loss = data.loss.values.ravel()
    return colormaps["viridis"]((loss - loss.min()) / np.ptp(loss), bytes=True)[:, :3]


def test_an_obj_is_coloured_by_its_loss_and_says_where_it_comes_from(make, tmp_path):
    data = make()
    path = export(data, tmp_path, "obj", height_scale=0.5)
    mesh = trimesh.load(path, process=False)
    a, b = np.meshgrid(data.alpha, data.beta, indexing="ij")
    height = 0.5 * (data.loss.values - data.loss.values.min())
    wanted = np.stack([a, b, height], axis=-1).reshape(-1, 3)
    np.testing.assert_allclose(mesh.vertices, wanted, atol=1e-7)
    np.testing.assert_allclose(mesh.visual.vertex_colors[:, :3], viridis(data), atol=1)
    assert (mesh.face_normals[:, 2] > 0).all()
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert "# x: alpha, y: beta, z: up" in comments
    assert json.loads(comments[2].removeprefix("# height: "))["scale"] == 0.5
    assert json.loads(comments[3].removeprefix("# origin: "))["kind"] == "weights"


def test_a_glb_stands_upright_with_linear_colours_and_its_origin(make, tmp_path):
    """glTF has y up, and colours as amounts of light; a reader undoes both."""
    data = make()
    path = export(data, tmp_path, "glb", height_scale=0.5)
    scene, mesh, _ = surface_and_path(path, skip_materials=True)
    height = 0.5 * (data.loss.values - data.loss.values.min())
    np.testing.assert_allclose(scene.bounds, [[-1, 0, -2], [1, height.max(), 0.5]], atol=1e-6)
    placed = scene.to_mesh().vertices
    best = np.unravel_index(data.loss.values.argmin(), data.loss.shape)
    lowest = placed[placed[:, 1].argmin()]
    np.testing.assert_allclose(lowest, [data.alpha[best[0]], 0, -data.beta[best[1]]], atol=1e-6)
    light = mesh.visual.vertex_colors[:, :3] / 255
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    exact = viridis(data) / 255
    coarse = 12.92 / 255  # one step of eight bits where colours are darkest
    np.testing.assert_allclose(shown, exact, atol=coarse)
    assert np.abs(shown - exact).mean() < 0.01
    content = path.read_bytes()
    (length,) = struct.unpack("<I", content[12:16])
    tree = json.loads(content[20 : 20 + length])
    assert tree["scenes"][0]["extras"]["landscape"]["provenance"]["commit"] == "0123abc"
    assert tree["materials"][0]["doubleSided"]
    assert tree["meshes"][0]["primitives"][0]["attributes"].keys() >= {"NORMAL", "COLOR_0"}


@pytest.mark.parametrize("name", ["obj", "glb"])
def test_cells_without_a_number_are_left_out(make, tmp_path, name):
    data = make()
    data["loss"][2, 3] = np.nan
    path = export(data, tmp_path, name)
    assert b'"not_finite": 1' in path.read_bytes().replace(b'":1', b'": 1')  # what the hole is
    mesh = trimesh.load(path, force="mesh", process=False)
    assert len(mesh.faces) == 2 * (8 * 6 - 4)
    assert len(mesh.vertices) == 9 * 7 - 1


@pytest.mark.parametrize("name", ["obj", "glb"])
@pytest.mark.parametrize("places", [[(0.0, 0.0), (0.0, 0.0), (0.5, 1.0)], [(0.2, 0.2)]])
def test_a_path_is_a_tube_of_another_colour_on_the_surface(make, walk, tmp_path, places, name):
    """Over a tilted plane all of the tube is near the plane, and its beads are at the places."""
    data = walk(make(lambda a, b: a + b), *places)
    path = export(data, tmp_path, name, height_scale=1.0)
    scene = trimesh.load(path, force="scene", process=False, skip_materials=True)
    parts = list(scene.geometry.values())
    vertices = np.concatenate([part.vertices for part in parts])[data.loss.size :]
    colors = np.concatenate([part.visual.vertex_colors for part in parts])[data.loss.size :]
    bead = 2 * 0.004 * 2.5
    x, y, z = vertices.T
    assert np.abs(z - (x + y + 1.5)).max() < bead * 3**0.5 + 1e-6
    for a, b in places:
        around = np.linalg.norm(vertices - [a, b, a + b + 1.5], axis=1)
        assert around.min() < bead + 1e-6
    assert len(np.unique(colors, axis=0)) == 1
    assert colors[0, 0] > 2 * colors[0, 1]
    assert colors[0, 2] == 0
