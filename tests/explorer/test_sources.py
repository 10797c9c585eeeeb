"""Files as the explorer reads them: no more than is shown, and again when they have changed."""

import shutil
import tracemalloc

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from landscape.errors import InputError
from landscape.explorer.pictures import thumbnails
from landscape.explorer.sources import Source, Sources, labels, readable
from landscape.explorer.spatial_page import SpatialPage, ordered
from landscape.explorer.worst import _worst, badges
from landscape.plots.prepare import worst_pose
from landscape.store import complete_part, load_surface


def test_labels_tell_files_apart_by_as_many_folders_as_it_takes(tmp_path):
    assert labels([tmp_path / "a.h5", tmp_path / "b.h5"]) == ["a", "b"]
    assert labels([tmp_path / "x/a.h5", tmp_path / "y/a.h5"]) == ["x/a", "y/a"]
    same = [tmp_path / "a.h5", tmp_path / "a.h5"]
    assert len(set(labels(same))) == 2
    (odd,) = labels([tmp_path / "\x1b[31mred.h5"])
    assert "\x1b" not in odd


def test_a_cube_is_one_image_of_the_file(folder):
    stored, source = load_surface(folder / "s.h5"), Source("s", folder / "s.h5")
    for place, image in enumerate(source.summary().images):
        cube = source.cube(int(image))
        assert int(cube["image"]) == image
        for name in ("loss", "margin", "prediction", "pixels"):
            assert_array_equal(cube[name].values, stored[name].isel(image=place).values)
    with pytest.raises(InputError, match="holds no image 8"):
        source.cube(8)


def test_a_file_is_read_again_once_it_has_changed(folder, tmp_path):
    path = tmp_path / "changing.h5"
    shutil.copy(folder / "s.h5", path)
    source = Source("changing", path)
    before = source.cube(7)
    assert source.cube(7) is before
    shutil.copy(folder / "t.h5", path)
    source.look(now=True)
    assert not source.cube(7).identical(before)
    path.write_text("no surface")
    source.look(now=True)
    for _ in range(2):
        with pytest.raises(InputError, match="not a readable HDF5 file"):
            source.cube(7)
    path.unlink()
    assert source.look(now=True) is None
    with pytest.raises(InputError, match="no such file"):
        source.summary()
    shutil.copy(folder / "s.h5", path)
    source.look(now=True)
    assert source.cube(7).identical(before)


def test_only_surfaces_of_the_same_images_are_compared(folder, tmp_path, make_spatial):
    others = {
        "more": make_spatial(tmp_path / "more.h5", 4),
        "foreign": make_spatial(tmp_path / "foreign.h5", facts={"data_sha256": "ef" * 32}),
        "finer": make_spatial(tmp_path / "finer.h5", shape=(11, 5, 3)),
    }
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"\x89HDF\r\n\x1a\n")
    files = [folder / "s.h5", folder / "t.h5", folder / "plane.h5", *others.values(), broken]
    sources = Sources(files)
    assert [other.label for other in sources.comparable(sources["s"])] == ["t", "finer"]
    assert [other.label for other in sources.alike(sources["plane"])] == ["plane"]
    assert readable(sources["broken"]) is None


@pytest.mark.parametrize("points", [None, 100])
def test_badges_tell_the_worst_pose_of_every_image(tmp_path, make_spatial, points):
    path = make_spatial(tmp_path / "s.h5", 7, points=points)
    stored = complete_part(load_surface(path))
    source = Source("s", path)
    found = badges(source)
    expected = {int(i): worst_pose(stored.sel(image=i)) for i in stored["image"].values}
    assert {image: badge.worst for image, badge in found.items()} == expected
    some = badges(Source("s", path), [5, 2])
    assert some == {57: found[57], 27: found[27]}
    wrong_first = sorted(expected, key=lambda i: (not expected[i].misclassified, -expected[i].loss))
    assert ordered(source, source.summary(), "loss") == wrong_first
    assert ordered(source, source.summary(), "number") == sorted(expected)


def test_badges_of_losses_that_are_no_numbers_are_those_of_worst_poses():
    draws = np.random.default_rng(0)
    losses = draws.choice([0.5, 2.0, np.nan, np.inf, -np.inf], (200, 2, 2, 2)).astype("float32")
    margins = draws.choice([-1.0, 1.0, 2.0], losses.shape).astype("float32")
    dims = ("image", "rotation", "shift_x", "shift_y")
    data = xr.Dataset(
        {"loss": (dims, losses), "margin": (dims, margins), "label": ("image", np.arange(200))}
        | {"prediction": (dims, draws.integers(0, 9, losses.shape))},
        {dim: np.arange(n) * 1.0 for dim, n in zip(dims, losses.shape, strict=True)},
    )
    for number, badge in enumerate(_worst(data)):
        expected = worst_pose(data.isel(image=number))
        assert str(badge.worst) == str(expected)  # nan is not equal to itself


def test_a_file_of_a_thousand_images_is_not_read_whole(tmp_path, make_spatial):
    path = make_spatial(tmp_path / "many.h5", 1000, (31, 7, 7))
    whole = 1000 * 31 * 7 * 7 * 12  # bytes of the three fields
    sources = Sources([path])
    page, source = SpatialPage(sources, None), sources["many"]
    page.images("number", 0, None, "many")  # whatever is imported is not counted
    page.draw(7, 3, 3, 3, "rotation-shift_x", "loss", "auto", "", None, None, "many")
    tracemalloc.start()
    entries, order, told = page.images("number", 3, None, "many")
    page.draw(1577, 3, 3, 3, "rotation-shift_x", "loss", "auto", "", None, None, "many")
    assert tracemalloc.get_traced_memory()[1] < whole / 5
    tracemalloc.reset_peak()
    page.images("loss", 0, None, "many")  # looks at all, part by part
    assert tracemalloc.get_traced_memory()[1] < whole / 2
    tracemalloc.stop()
    assert (len(entries), len(order), told) == (50, 1000, "151\N{EN DASH}200 of 1000")
    assert sum(getattr(kept, "nbytes", 0) for kept in source._kept.values()) < whole / 50


def test_thumbnails_come_in_the_order_that_is_asked_for(folder):
    source = Source("s", folder / "s.h5")
    first, second, third = thumbnails(source, [0, 1, 2])
    assert thumbnails(source, [2, 0]) == [third, first]
    assert len({first, second, third}) == 3
    assert first.startswith("data:image/png;base64,")
    assert thumbnails(source, []) == []


def test_numbers_of_a_summary_are_those_of_the_file(tmp_path, make_spatial):
    told = Source("s", make_spatial(tmp_path / "s.h5", points=30)).summary()
    assert (told.complete, told.done, told.points) == (False, 30, 9 * 5 * 3)
    assert told.state == "unfinished, 30 of 135 points"
    assert [axis.name for axis in told.axes] == ["rotation", "shift_x", "shift_y"]
    assert told.axes[0].nearest(8.0) == int(np.abs(np.linspace(-30, 30, 9) - 8).argmin())
    assert told.class_name(1) == "dog <b>x</b>"
    assert told.class_name(9) == "9"
