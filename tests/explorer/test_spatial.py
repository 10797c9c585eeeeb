"""What the page of a spatial surface shows is what the file holds."""

import base64
import io

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from landscape.explorer.sources import Sources
from landscape.explorer.spatial_page import SpatialPage, ways_of
from landscape.explorer.state import PLANES, from_query
from landscape.plots.prepare import posed_pixels, worst_pose
from landscape.plots.scales import scale_of
from landscape.store import load_surface

AXES = ("rotation", "shift_x", "shift_y")
AT = (2, 3, 1)  # positions of the sliders
PLAIN = ("rotation-shift_x", "loss", "auto", "", None, None, "s")


@pytest.fixture(scope="module")
def page(folder):
    return SpatialPage(Sources([folder / "s.h5", folder / "t.h5", folder / "plane.h5"]), None)


@pytest.fixture
def image(folder):
    """The second image of the file."""
    return load_surface(folder / "s.h5").sel(image=17)


def of_type(figure, kind):
    return [trace for trace in figure.data if trace.type == kind]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("field", ["loss", "margin"])
def test_the_heat_map_is_the_plane_through_the_cursor(page, image, plane, field):
    figure, _, _, _ = page.draw(17, *AT, plane, field, "linear", "", None, None, "s")
    x, y = plane.split("-")
    (held,) = set(AXES) - {x, y}
    (heat,) = of_type(figure, "heatmap")
    expected = image[field].isel({held: AT[AXES.index(held)]}).transpose(y, x)
    assert_allclose(heat.z, expected)
    assert_array_equal(heat.x, image[x])
    rings = [t for t in figure.data if t.name == "cursor"]
    there = [float(image[a][AT[AXES.index(a)]]) for a in (x, y)]
    assert [(r.x[0], r.y[0]) for r in rings] == [tuple(there)] * 2
    (border,) = of_type(figure, "contour")
    assert (border.contours.start, border.contours.end) == (0, 0)
    worst = worst_pose(image)
    stars = [t for t in figure.data if t.name == "worst pose"]
    assert len(stars) == (worst.pose[held] == float(image[held][AT[AXES.index(held)]]))
    down = figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert down == (y == "shift_y")


def test_profiles_go_through_the_cursor(page, image):
    _, figure, _, _ = page.draw(17, *AT, *PLAIN)
    for number, axis in enumerate(AXES):
        line = figure.data[number]
        through = {a: AT[i] for i, a in enumerate(AXES) if a != axis}
        expected = image.isel(through)
        assert_array_equal(line.x, image[axis])
        assert_allclose(line.customdata[:, 1], expected["loss"])
        wrong = np.array(line.marker.symbol) == "x"
        assert_array_equal(wrong, expected["margin"] < 0)
        assert figure.layout.shapes[number].x0 == float(image[axis][AT[number]])


def test_two_models_stand_side_by_side_on_one_scale(page, folder):
    heat, lines, said, _ = page.draw(
        17, *AT, "rotation-shift_x", "loss", "auto", "t", None, None, "s"
    )
    both = [load_surface(folder / f"{name}.h5").sel(image=17)["loss"].values for name in "st"]
    scale = scale_of(np.stack(both))
    assert (heat.layout.coloraxis.cmin, heat.layout.coloraxis.cmax) == scale.ends
    first, second = of_type(heat, "heatmap")
    for panel, loss in zip((first, second), both, strict=True):
        assert_allclose(panel.z, scale.position(loss[:, :, AT[2]].T), rtol=1e-6)
    assert (first.xaxis, second.xaxis) == ("x", "x2")
    dashes = [line.line.dash for line in lines.data]
    assert dashes == ["solid", "dash"] * 3
    assert "t" in str(said)
    texts = [note.text for note in heat.layout.annotations]
    assert [text[:8] for text in texts] == ["<b>s</b>", "<b>t</b>"]


def test_a_file_of_another_kind_is_no_comparison(page):
    assert list(page.cubes("s", "nobody", 7)) == ["s"]


def decoded(component, name):
    """The picture with an id in a part of a page."""
    (found,) = [c for c in component._traverse() if getattr(c, "id", None) == name]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found.src.partition(",")[2]))))


def test_the_moved_image_is_the_image_in_the_pose_of_the_cursor(page, image):
    _, _, (pictures, facts), _ = page.draw(17, *AT, *PLAIN)
    pose = worst_pose(image.isel({a: [p] for a, p in zip(AXES, AT, strict=True)}))
    assert_array_equal(decoded(pictures, "s-original"), image["pixels"].values[0])
    moved = decoded(pictures, "s-posed")
    assert_array_equal(moved, posed_pixels(image, pose)[..., 0])
    assert not np.array_equal(moved, image["pixels"].values[0])
    for word in (f"{pose.loss:.4g}", "predicted"):
        assert word in str(facts)


def test_the_volume_is_the_whole_surface(page, image):
    figures = {
        level: page.whole(17, level, "auto", "", None, None, *AT, "s")[0]
        for level in ("border", "loss", "both")
    }
    assert {n: len(of_type(f, "isosurface")) for n, f in figures.items()} == {
        "border": 1,
        "loss": 1,
        "both": 2,
    }
    (border,) = of_type(figures["border"], "isosurface")
    assert (border.isomin, border.isomax, border.surface.count) == (0, 0, 1)
    assert_allclose(border.value, image["margin"].values.ravel())
    assert_array_equal(np.unique(border.x), image["rotation"])
    cursor = figures["both"].data[0]
    there = [float(image[axis][place]) for axis, place in zip(AXES, AT, strict=True)]
    assert [cursor.x[0], cursor.y[0], cursor.z[0]] == there
    patch = page.move(3, 0, 2, "s").to_plotly_json()["operations"]
    moved = [float(image[axis][place]) for axis, place in zip(AXES, (3, 0, 2), strict=True)]
    assert [step["params"]["value"] for step in patch] == [[value] for value in moved]
    assert [step["location"] for step in patch] == [["data", 0, letter] for letter in "xyz"]


def test_where_one_axis_is_a_single_value_there_is_a_sheet(tmp_path, make_spatial):
    path = make_spatial(tmp_path / "flat.h5", shape=(9, 5, 1))
    page = SpatialPage(Sources([path]), None)
    (figure,) = page.whole(7, "border", "linear", "", None, None, 0, 0, 0, "flat")
    (sheet,) = of_type(figure, "surface")
    loss = load_surface(path)["loss"].sel(image=7, shift_y=0)
    assert_allclose(sheet.surfacecolor, loss)
    assert sheet.x.shape == sheet.z.shape == loss.shape


def test_an_image_that_is_never_misclassified_says_so(tmp_path, make_spatial):
    path = make_spatial(tmp_path / "s.h5", shape=(3, 3, 3))
    page = SpatialPage(Sources([path]), None)
    cube = page.cubes("s", "", 7)["s"]
    cube["margin"] = cube["margin"] + 100
    (figure,) = page.whole(7, "border", "auto", "", None, None, 1, 1, 1, "s")
    assert not of_type(figure, "isosurface")
    assert figure.layout.annotations[0].text == "s: no decision border on this grid"


def test_ways_are_drawn_on_their_own_image_alone(page):
    way = [[0.0, 0.0, 0.0], [10.0, 1.0, -1.0], [20.0, 1.0, -2.0]]
    kept = {"image": 17, "ways": {"s": [way]}, "told": ""}
    assert ways_of(kept, 7) == {}
    figure, _, _, _ = page.draw(17, *AT, "rotation-shift_y", "loss", "auto", "", kept, None, "s")
    (line, _) = [t for t in figure.data if t.name == "attack"]
    assert_array_equal(line.x[:3], [0, 10, 20])
    assert_array_equal(line.y[:3], [0, -1, -2])
    (ends,) = [t for t in figure.data if t.name == "end"]
    assert (ends.x[0], ends.y[0]) == (20, -2)
    (volume,) = page.whole(17, "border", "auto", "", kept, None, *AT, "s")
    (_, _, end) = [t for t in volume.data if t.name == "attack"]
    assert (end.x[0], end.y[0], end.z[0]) == (20, 1, -2)


def test_the_query_reproduces_the_page(page, image):
    query = page.describe(17, *AT, "shift_x-shift_y", "margin", "log", "t", "both", "loss", "s")
    view = from_query(query)
    assert (view.file, view.compare, view.image) == ("s", "t", 17)
    assert (view.plane, view.field, view.scale) == ("shift_x-shift_y", "margin", "log")
    assert (view.levels, view.sort) == ("both", "loss")
    there = [float(image[axis][place]) for axis, place in zip(AXES, AT, strict=True)]
    assert_allclose(view.at, there)


@pytest.mark.parametrize("value", ["", None, "x", "1e9", -4, float("nan")])
def test_whatever_a_slider_sends_is_a_place_on_the_grid(page, value):
    figure, *_ = page.draw(17, value, 1, 1, *PLAIN)
    assert of_type(figure, "heatmap")


def test_an_unfinished_file_shows_what_is_there(tmp_path, make_spatial):
    path = make_spatial(tmp_path / "s.h5", points=70)
    page = SpatialPage(Sources([path]), None)
    figure, *_ = page.draw(7, 4, 2, 1, *PLAIN)
    (heat,) = of_type(figure, "heatmap")
    assert np.isfinite(heat.z).all()
    assert 1 < heat.z.size < 9 * 5


def test_what_is_no_number_is_marked(page):
    cube = page.cubes("s", "", 27)["s"]
    cube["loss"][0, :, :] = np.inf
    cube["loss"][:, 0, :] = np.nan
    heat, lines, _, _ = page.draw(27, 4, 2, 1, *PLAIN)
    names = {trace.name for trace in (*heat.data, *lines.data)}
    assert {"loss is inf", "loss is nan"} <= names
