"""What holds for all formats: which fit, what is refused, and that writing leaves whole files."""

import importlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import landscape
from landscape.errors import InputError
from landscape.export import EXPORTS, ExportOptions, exports_for, write_exports
from landscape.store import (
    facts,
    load_directions,
    load_surface,
    open_surface,
    read_li_directions,
    read_li_surface,
)
from landscape.store.checksums import SEAL, seal


def names(paths):
    return [path.name for path in paths]


def test_formats_know_which_surfaces_they_hold(make):
    x = np.linspace(-1, 1, 3)
    fitting = {axes: set(exports_for(make(axes=(x,) * axes))) for axes in (1, 2, 3)}
    assert fitting[1] == {"csv", "minima", "li", "light"}
    assert fitting[2] == set(EXPORTS)
    assert fitting[3] == {"csv", "minima", "vts", "light"}
    assert exports_for(make().assign_attrs(kind="spatial")) == ["csv"]


@pytest.mark.parametrize("name", sorted(set(EXPORTS) - {"light"}))
def test_every_format_writes_files_of_its_own_and_the_same_again(make, tmp_path, name):
    written = write_exports(make(), stem=tmp_path / "new" / "s", names=[name])
    assert written[0].name.startswith(("s.", "s-"))
    assert sorted(written) == sorted((tmp_path / "new").iterdir())
    if name != "li":  # HDF5 keeps the time
        before = [path.read_bytes() for path in written]
        write_exports(make(), stem=tmp_path / "new" / "s", names=[name])
        assert [path.read_bytes() for path in written] == before


def test_a_path_is_written_once_for_all_of_paraview(make, walk, tmp_path):
    data = walk(make(), (0.0, 0.0), (1.0, 1.0))
    written = write_exports(data, stem=tmp_path / "s", names=["vts", "vtp"])
    assert names(written) == ["s.vts", "s-path.vtp", "s.vtp"]


def test_a_real_plane_with_its_directions_goes_to_li_and_back(network, images, labels, tmp_path):
    """Computed, exported, imported: the same numbers, and directions of the weights' shapes."""
    source = tmp_path / "plane.h5"
    data = landscape.weight_surface(
        network, images, labels, alpha=[-1, 0, 0.5], beta=[0.0, 1.0], out=source
    )
    written = write_exports(
        data,
        stem=tmp_path / "out" / "plane",
        names=list(EXPORTS),
        options=ExportOptions(source=source),
    )
    assert {"plane-li.h5", "plane-li-directions.h5", "plane.glb"} <= set(names(written))
    surface, steps = (path for path in written if path.name.startswith(("plane-li.", "plane-li-")))
    again = read_li_surface(surface, directions=steps).save(tmp_path / "again.h5")
    for name in ("loss", "accuracy", "loss_stderr"):
        np.testing.assert_array_equal(again[name], data[name])
    same = load_directions(tmp_path / "again.h5")
    for axis, vector in load_directions(source).items():
        np.testing.assert_array_equal(same[axis], vector)
    shapes = [tuple(p.shape) for p in network.parameters()]
    found = read_li_directions(steps)
    assert [tensor.shape for tensor in found["beta"]] == shapes


def test_a_light_copy_lacks_nothing_but_the_directions(network, images, labels, tmp_path):
    source = tmp_path / "plane.h5"
    landscape.weight_surface(network, images, labels, alpha=[-1, 0, 0.5], beta=[0, 1], out=source)
    with open_surface(source) as data:
        (light,) = write_exports(
            data, stem=tmp_path / "plane", names=["light"], options=ExportOptions(source=source)
        )
    assert light.name == "plane-light.h5"
    same = [load_surface(source), xr.load_dataset(light, engine="h5netcdf")]
    xr.testing.assert_identical(same[1].drop_attrs(deep=False), same[0].drop_attrs(deep=False))
    told = [facts(data) for data in same]
    for each in told:
        each.pop(SEAL)  # which covers the directions' names and shapes, too
    assert told[1] == told[0]
    with pytest.raises(InputError, match=r"no directions .* not a light copy"):
        load_directions(light)
    with h5py.File(light, "r+") as file:
        file.attrs["title"] = "another"
    with pytest.raises(InputError, match="is damaged"):
        load_surface(light)
    for given in (ExportOptions(), ExportOptions(source=source)):
        unfinished = data.assign_attrs(complete=0 if given.source else 1)
        with pytest.raises(InputError, match="made of the file of a finished surface"):
            write_exports(unfinished, stem=tmp_path / "x", names=["light"], options=given)


def test_a_path_goes_into_a_projection_file(make, walk, tmp_path):
    data = walk(make(), (0.5, 1.0), (0.0, 0.0))
    written = write_exports(data, stem=tmp_path / "s", names=["li"])
    assert names(written) == ["s-li.h5", "s-li-projection.h5"]
    with h5py.File(written[1]) as file:
        assert file["proj_xcoord"][()].tolist() == [0.5, 0.0]
        assert file["proj_ycoord"][()].tolist() == [1.0, 0.0]


def test_directions_of_unknown_shapes_are_left_out_and_that_is_said(make, tmp_path, caplog):
    source = tmp_path / "plane.h5"
    landscape.weight_surface(
        nn.Linear(2, 2), torch.ones(3, 2), torch.tensor([0, 1, 0]), alpha=[0, 1], beta=None,
        out=source,
    )  # fmt: skip
    with h5py.File(source, "r+") as file:
        del file["directions/parameters"]
        seal(file)
    with caplog.at_level("INFO"):
        written = write_exports(
            load_surface(source), stem=tmp_path / "s", names=["li"],
            options=ExportOptions(source=source),
        )  # fmt: skip
    assert names(written) == ["s-li.h5"]
    assert "without a direction file" in caplog.text


CASES = [
    (lambda data: write_exports(data, stem=Path("s"), names=["vtpp"]), "did you mean 'vtp'?"),
    (
        lambda data: write_exports(
            data.isel(beta=[0]).squeeze("beta"), stem=Path("s"), names=["stl"]
        ),
        "holds weights surfaces over 2 axes, got a weights surface over 1; it can be exported as: "
        "csv, minima, li",
    ),
    (
        lambda data: write_exports(data.isel(beta=[0]), stem=Path("s"), names=["obj"]),
        "two or more values",
    ),
    (
        lambda data: write_exports(
            data.assign(loss=data.loss * np.nan), stem=Path("s"), names=["vtp"]
        ),
        "0 finite losses",
    ),
    (
        lambda data: write_exports(
            data.assign(loss=-data.loss),
            stem=Path("s"),
            names=["vts"],
            options=ExportOptions("log"),
        ),
        "positive losses for logarithmic heights",
    ),
    (lambda data: ExportOptions("steep"), "linear or log, got 'steep'"),
    (lambda data: ExportOptions(width=0.0), "positive width, got 0"),
    (lambda data: ExportOptions(height_scale=np.inf), "positive height scale, got inf"),
    (lambda data: ExportOptions(highest=np.nan), "finite loss to cut off at, got nan"),
]


@pytest.mark.parametrize(("call", "message"), CASES)
def test_what_cannot_be_written_is_refused_in_one_sentence(
    make, tmp_path, monkeypatch, call, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        call(make())
    assert message in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("vts", "vtkmodules", "export"),
        ("vtp", "vtkmodules", "export"),
        ("stl", "trimesh", "export"),
        ("glb", "trimesh", "export"),
        ("obj", "trimesh", "export"),
        ("minima", "gudhi", "topology"),
    ],
)
def test_a_missing_library_is_named_with_what_installs_it(
    make, tmp_path, monkeypatch, name, library, extra
):
    real = importlib.import_module

    def absent(module, *rest):
        if module.split(".")[0] == library:
            raise ImportError(module)
        return real(module, *rest)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(InputError, match=rf"needs {library}.*landscape\[{extra}\]"):
        write_exports(make(), stem=tmp_path / "s", names=[name])
    assert not list(tmp_path.iterdir())
