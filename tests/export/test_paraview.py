"""ParaView's files read back by VTK's own readers."""

import json

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLStructuredGridReader

from landscape.export import ExportOptions, write_exports


def read(path):
    reader = {".vts": vtkXMLStructuredGridReader, ".vtp": vtkXMLPolyDataReader}[path.suffix]()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def points(made):
    return vtk_to_numpy(made.GetPoints().GetData())


def size(made):
    first, last = np.reshape(made.GetExtent(), (3, 2)).T
    return tuple((last - first + 1).tolist())


def array(made, name):
    return vtk_to_numpy(made.GetPointData().GetArray(name))


def told(made, name):
    found = made.GetFieldData().GetAbstractArray(name)
    return found.GetValue(0)


def at(data, places):
    """The surface at places of its grid, given as coordinates."""
    places = places.astype(np.float64)
    index = {}
    for axis, column in zip(data.done.dims, places.T, strict=False):
        index[axis] = np.abs(data[axis].values[:, None] - column).argmin(axis=0)
        np.testing.assert_allclose(data[axis].values[index[axis]], column, atol=1e-12)
    return tuple(index.values())


def export(data, tmp_path, name, **options):
    return write_exports(data, stem=tmp_path / "s", names=[name], options=ExportOptions(**options))


@pytest.mark.parametrize("name", ["vts", "vtp"])
def test_each_point_of_a_plane_stands_at_its_loss_with_all_its_fields(make, tmp_path, name):
    data = make()
    (path,) = export(data, tmp_path, name, height_scale=0.25)
    made = read(path)
    where = at(data, points(made))
    assert made.GetNumberOfPoints() == len(set(zip(*where, strict=True))) == data.loss.size
    for field in ("loss", "accuracy", "gradient_norm"):
        np.testing.assert_array_equal(array(made, field), data[field].values[where])
    height = 0.25 * (data.loss.values - data.loss.values.min())
    np.testing.assert_allclose(points(made)[:, 2], height[where], atol=1e-12)
    assert told(made, "height") == "linear"
    assert told(made, "height_scale") == 0.25
    assert told(made, "height_offset") == data.loss.values.min()
    assert json.loads(told(made, "landscape"))["provenance"]["commit"] == "0123abc"
    assert made.GetPointData().GetScalars().GetName() == "loss"


def test_neighbours_of_a_structured_grid_are_neighbours_of_ours(make, tmp_path):
    data = make()
    made = read(*export(data, tmp_path, "vts"))
    assert size(made) == (9, 7, 1)
    np.testing.assert_array_equal(array(made, "loss").reshape(7, 9).T, data.loss)


def test_a_volume_is_a_structured_grid(make, tmp_path):
    axes = (np.linspace(-1, 1, 4), np.linspace(0, 3, 3), np.linspace(5, 6, 2))
    data = make(axes=axes)
    made = read(*export(data, tmp_path, "vts"))
    assert size(made) == (4, 3, 2)
    where = at(data, points(made))
    np.testing.assert_array_equal(array(made, "loss"), data.loss.values[where])
    np.testing.assert_array_equal(array(made, "loss").reshape(2, 3, 4).T, data.loss)


def test_triangles_face_up_and_cover_the_plane(make, tmp_path):
    data = make()
    made = read(*export(data, tmp_path, "vtp"))
    corners = points(made)[vtk_to_numpy(made.GetPolys().GetConnectivityArray()).reshape(-1, 3)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normals[:, 2] > 0).all()
    np.testing.assert_allclose(normals[:, 2].sum() / 2, 2 * 2.5)  # the area of the plane below


def broken(data):
    data["loss"][2, 3], data["loss"][8, 6] = np.nan, np.inf
    return data


def test_triangles_that_touch_no_number_are_left_out(make, tmp_path):
    """An inner point takes four cells with it, a corner one."""
    made = read(*export(broken(make()), tmp_path, "vtp"))
    assert made.GetNumberOfPolys() == 2 * (8 * 6 - 5)
    assert told(made, "not_finite") == 2  # what the holes are
    assert np.isfinite(array(made, "loss")).all()
    assert np.isfinite(points(made)).all()


def test_points_without_a_number_are_hidden_in_a_structured_grid(make, tmp_path):
    data = broken(make())
    made = read(*export(data, tmp_path, "vts"))
    hidden = [not made.IsPointVisible(i) for i in range(made.GetNumberOfPoints())]
    np.testing.assert_array_equal(np.reshape(hidden, (7, 9)).T, ~np.isfinite(data.loss))
    assert np.isfinite(points(made)).all()


def test_an_unfinished_plane_is_its_whole_part(make, tmp_path):
    data = make()
    data["done"][1::2] = 0
    data["done"][:, 0::2] = 0
    made = read(*export(data, tmp_path, "vts"))
    assert size(made) == (5, 3, 1)
    np.testing.assert_array_equal(array(made, "loss").reshape(3, 5).T, data.loss[::2, 1::2])


def test_heights_are_well_proportioned_unless_a_scale_is_given(make, tmp_path):
    made = read(*export(make(lambda a, b: 1e5 * a), tmp_path, "vtp"))
    assert points(made)[:, 2].min() == 0
    assert points(made)[:, 2].max() == pytest.approx(1.25)  # half of the wider side
    flat = read(*export(make(lambda a, b: 0 * a + 3), tmp_path, "vtp"))
    assert (points(flat)[:, 2] == 0).all()


def test_heights_may_be_logarithms_and_be_cut_off(make, tmp_path):
    data = make(lambda a, b: 10 ** (3 * a))
    made = read(*export(data, tmp_path, "vtp", height="log", height_scale=1.0, highest=100.0))
    x, z = points(made)[:, 0], points(made)[:, 2]
    np.testing.assert_allclose(z, np.minimum(3 * x, 2) + 3, atol=1e-12)
    assert told(made, "height") == "log"
    assert array(made, "loss").max() == pytest.approx(1000)
    zeros = make(lambda a, b: np.where(a < 0, 0.0, 1 + a))
    lowest = read(*export(zeros, tmp_path, "vtp", height="log"))
    assert np.isfinite(points(lowest)).all()


@pytest.mark.parametrize("name", ["vts", "vtp"])
def test_a_path_lies_on_the_surface(make, walk, tmp_path, name):
    """On a tilted plane the height is exact everywhere; outside the grid it is that of its edge."""
    places = [(-0.9, 1.9), (0.3, 0.2), (0.3, 0.2), (1.8, 0.0)]
    data = walk(make(lambda a, b: 4 + a + 2 * b), *places)
    _, path = export(data, tmp_path, name, height_scale=1.0)
    made = read(path)
    assert path.name == "s-path.vtp"
    (stops,) = np.nonzero(np.isin(np.arange(made.GetNumberOfPoints()), _ids(made.GetVerts())))
    np.testing.assert_allclose(points(made)[stops][:, :2], places)
    np.testing.assert_allclose(array(made, "checkpoint")[stops], range(4))
    np.testing.assert_allclose(array(made, "residual")[stops], np.arange(4) / 10)
    x, y, z = points(made).T
    np.testing.assert_allclose(z, np.clip(x, -1, 1) + 2 * y + 2, atol=1e-12)
    np.testing.assert_array_equal(_ids(made.GetLines()), range(made.GetNumberOfPoints()))
    assert np.abs(np.diff(x)).max() < 0.2501  # a step of the grid at most


def test_a_path_with_unknown_places_goes_on_and_in_a_volume_runs_straight(make, walk, tmp_path):
    data = walk(make(), (0.0, 0.0), (np.nan, 0.0), (0.1, 0.1))
    _, path = export(data, tmp_path, "vtp")
    assert array(read(path), "checkpoint")[[0, -1]].tolist() == [0, 2]
    axes = (np.linspace(-1, 1, 3),) * 3
    volume = walk(make(axes=axes), (0.0, 0.0, 0.0), (1.0, 0.5, -1.0))
    _, path = export(volume, tmp_path, "vts")
    np.testing.assert_array_equal(points(read(path)), [(0, 0, 0), (1, 0.5, -1)])


def _ids(cells):
    return vtk_to_numpy(cells.GetConnectivityArray())


def test_what_an_adaptive_grid_interpolates_is_marked(make, tmp_path):
    data = make(axes=(np.linspace(-1, 1, 5),) * 2)
    data["done"][1, 1] = 0
    data["loss"][1, 1] = np.nan
    made = read(*export(data.assign_attrs(adaptive="{}"), tmp_path, "vts"))
    np.testing.assert_array_equal(array(made, "measured").reshape(5, 5).T, data.done)
    assert np.isfinite(array(made, "loss")).all()
    assert not read(*export(make(), tmp_path, "vts")).GetPointData().HasArray("measured")
