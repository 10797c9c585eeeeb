"""Figures of a file that is opened lazily are those of the surface in memory."""

import json

import numpy as np
import pytest
import xarray as xr

from landscape.plots import PlotOptions, draw
from landscape.plots.weight_slices import slices
from landscape.store import complete_part, in_memory, load_surface, open_surface


@pytest.fixture
def stored(tmp_path):
    """Opened from a file, lazily; images come last in it, as they do while a sweep runs."""
    opened = []

    def store(data):
        about = {"landscape_schema": 1, "items": json.dumps(["image"] if "image" in data else [])}
        path = tmp_path / f"{len(opened)}.h5"
        last = data.transpose(..., *json.loads(about["items"]))
        last.assign_attrs(about).to_netcdf(path, engine="h5netcdf")
        opened.append(open_surface(path))
        return opened[-1]

    yield store
    for data in opened:
        data.close()


def half_done(data, stop_at):
    """Every second point about the centre, and one axis (of an odd number) runs down."""
    done = np.zeros(data["done"].shape)
    done[np.ix_(*(np.arange(n // 2 % 2, n, 2) for n in done.shape))] = 1
    part = stop_at(data, done)
    return part.isel({part["done"].dims[1]: slice(None, None, -1)})


def test_pages_are_the_same_from_a_file_and_from_memory(
    stored, make_spatial, make_weights, stop_at
):
    images, plane, volume, line = (
        make_spatial(5, (7, 5, 3)),
        make_weights(lambda a, b: 1 + a + b**2, (7, 9)),
        make_weights(lambda a, b, c: 1 + a + b**2 + c**3, (5, 7, 6)),
        make_weights(lambda a: 1 + a, (9,)),
    )
    for data, name, options in (
        (half_done(images, stop_at), "spatial-interactive", PlotOptions(images=(37, 7))),
        (half_done(plane, stop_at), "weight-interactive", None),
        (volume, "weight-volume", None),
        (line, "weight-line-interactive", None),
    ):
        file = stored(data)
        assert draw(file, name, options).to_json() == draw(data, name, options).to_json()


def test_slices_of_a_volume_are_the_same_from_a_file(stored, make_weights, stop_at):
    data = half_done(make_weights(lambda a, b, c: 1 + a + b**2 + c**3, (5, 7, 6)), stop_at)
    planes = slices(complete_part(stored(data), "loss"))
    assert len(planes) == 3
    for plane, expected in zip(planes, slices(complete_part(data, "loss")), strict=True):
        xr.testing.assert_equal(plane, expected)


def test_an_adaptive_surface_is_interpolated_alike(stored, make_weights, make_adaptive):
    data = make_adaptive(make_weights(lambda a, b: np.exp(a + b**2), (17, 11)))
    part = complete_part(stored(data), "loss")
    assert set(part) == {"loss", "done"}
    xr.testing.assert_equal(in_memory(part), complete_part(data, "loss"))


def test_nothing_is_read_but_what_is_selected(stored, make_spatial):
    file = stored(make_spatial(6))
    part = complete_part(file)
    images = in_memory(part.isel(image=slice(2)))
    assert images["loss"].dims[0] == "image"
    for name in ("loss", "margin", "prediction", "pixels"):
        assert not file[name].variable._in_memory
        assert not part[name].variable._in_memory
    assert file["done"].variable._in_memory
    assert load_surface(file.encoding["source"])["loss"].variable._in_memory
