"""Tables read back by the csv module."""

import csv
import json

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import landscape
from landscape.errors import InputError
from landscape.export import write_exports


def read(path):
    """The comments, and the columns as they are written."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line[2:] for line in lines if line.startswith("# ")]
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return comments, {name: [row[name] for row in rows] for name in rows[0]}


def numbers(column):
    return np.array([float(text) for text in column])


def test_every_computed_point_has_a_row_with_all_its_digits(make, tmp_path):
    data = make()
    data["loss"][1, 2], data["loss"][3, 4], data["loss"][4, 4] = np.inf, np.nan, -np.inf
    data["done"][0, 0] = data["done"][5, 3] = 0
    (path,) = write_exports(data, stem=tmp_path / "s")
    comments, table = read(path)
    there = data.done.values.ravel() == 1
    assert list(table) == ["alpha", "beta", "loss", "accuracy", "gradient_norm"]
    assert len(table["loss"]) == there.sum() == data.done.size - 2
    a, b = np.meshgrid(data.alpha, data.beta, indexing="ij")
    for name, wanted in {"alpha": a, "beta": b, **data.data_vars}.items():
        if name != "done":
            values = np.asarray(wanted).ravel()[there]
            np.testing.assert_array_equal(numbers(table[name]).astype(values.dtype), values)
    assert [table["loss"].count(kind) for kind in ("inf", "-inf", "nan")] == [1, 1, 1]
    assert comments[0] == "plane of a <cnn> & more"
    assert "loss: mean cross-entropy (nat)" in comments
    assert json.loads(comments[-1].removeprefix("origin: "))["provenance"]["commit"] == "0123abc"


@pytest.mark.parametrize("axes", [1, 3])
def test_lines_and_volumes_are_tables_too(make, tmp_path, axes):
    data = make(axes=(np.arange(4.0), np.arange(3.0), np.arange(2.0))[:axes])
    _, table = read(*write_exports(data, stem=tmp_path / "s"))
    columns = [numbers(table[name]) for name in data.done.dims]
    for *place, loss in zip(*columns, numbers(table["loss"]), strict=True):
        assert float(data.loss.sel(dict(zip(data.done.dims, place, strict=True)))) == loss


def test_spatial_surfaces_have_a_row_for_each_image_and_pose(tmp_path):
    """A real one, of a network that was not trained."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    images, labels = torch.rand(3, 1, 4, 4), torch.tensor([2, 0, 1])
    data = landscape.spatial_surface(
        network, images, labels, rotation=[-30, 0, 30], shift_x=[0, 1], shift_y=[0.0]
    )
    comments, table = read(*write_exports(data, stem=tmp_path / "s"))
    assert len(table["loss"]) == 3 * 6
    assert {"image", "rotation", "shift_x", "shift_y", "label", "prediction"} <= table.keys()
    assert "rotation: rotation (degree)" in " ".join(comments)
    for i, loss in enumerate(numbers(table["loss"])):
        place = {d: float(table[d][i]) for d in ("rotation", "shift_x", "shift_y")}
        image = int(table["image"][i])
        here = data.sel(image=image, **place)
        assert np.float32(loss) == here.loss
        assert table["label"][i] == str(int(here.label)) == str(int(labels[image]))


def test_axes_of_a_quantity_alone_are_rows_or_are_left_out(make, tmp_path):
    """Attacks are rows, the pixels of an image are not numbers of a row."""
    data = make(axes=(np.arange(3.0),))
    data = data.assign(
        accuracy=data.accuracy * xr.DataArray([1.0, 0.5], dims="attack"),
        pixels=data.loss * xr.DataArray(np.ones((2, 2)), dims=("row", "column")),
        name=("alpha", ["a", "b", "c"]),
    )
    _, table = read(*write_exports(data, stem=tmp_path / "s"))
    assert set(table) == {"alpha", "attack", "loss", "accuracy", "gradient_norm"}
    assert table["attack"] == ["0", "1"] * 3
    np.testing.assert_array_equal(numbers(table["accuracy"]), data.accuracy.values.ravel())
    np.testing.assert_array_equal(numbers(table["loss"]), np.repeat(data.loss.values, 2))


def test_a_path_is_a_table_of_its_own(make, walk, tmp_path):
    data = walk(make(), (0.9, 1.5), (0.25, -0.1), (0.0, 0.0))
    _, path = write_exports(data, stem=tmp_path / "s")
    _, table = read(path)
    assert path.name == "s-path.csv"
    assert table["name"] == ["epoch 0, last", "epoch 1, last", "epoch 2, last"]
    np.testing.assert_array_equal(numbers(table["path_alpha"]), [0.9, 0.25, 0.0])
    np.testing.assert_array_equal(numbers(table["path_residual"]), [0.0, 0.1, 0.2])


def test_minima_are_a_table(make, tmp_path):
    """Two wells of different depth: the shallow one ends at the ridge between them."""
    data = make(lambda a, b: (a**2 - 0.5) ** 2 + 0.1 * a + b**2, (np.linspace(-1, 1, 41),) * 2)
    path = write_exports(data, stem=tmp_path / "s", names=["minima"])[0]
    comments, table = read(path)
    assert path.name == "s-minima.csv"
    assert table["minimum"] == ["0", "1"]
    assert table["parent"] == ["-1", "0"]
    assert table["persistence"][0] == "inf"
    np.testing.assert_allclose(numbers(table["alpha"]), [-0.75, 0.65], atol=0.051)
    between = data.loss.sel(beta=0, method="nearest").sel(alpha=slice(-0.75, 0.65))
    assert float(table["saddle_loss"][1]) == float(between.max())
    assert any("persistence: rise" in comment for comment in comments)


def test_nothing_is_written_of_a_surface_without_a_point(make, tmp_path):
    data = make()
    data["done"][:] = 0
    with pytest.raises(InputError, match="none is done yet"):
        write_exports(data, stem=tmp_path / "s")
    assert not list(tmp_path.iterdir())
