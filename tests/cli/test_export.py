"""`landscape export` and `landscape import`, on a small surface that was really computed."""

import h5py
import numpy as np
import pytest
import torch
from torch import nn

import landscape
from landscape.cli import main
from landscape.store import load_directions


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """The file of a plane around a network of one layer."""
    path = tmp_path_factory.mktemp("surface") / "plane.h5"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.rand(5, 1, 2, 2)
    labels = torch.tensor([0, 1, 2, 0, 1])
    landscape.weight_surface(
        network, images, labels, alpha=[-1, 0, 1], beta=[-1, 0.0, 0.5, 1], out=path
    )
    return path


def run(*words):
    return main([str(word) for word in words])


def test_files_are_written_beside_the_surface_or_where_asked(plane, tmp_path, capsys):
    words = ["--formats", "csv", "vtp", "stl", "--height", "log", "--width", "60"]
    assert run("export", plane, *words, "--out", tmp_path) == 0
    told = capsys.readouterr().out.split()
    assert told == [str(tmp_path / f"plane.{suffix}") for suffix in ("csv", "vtp", "stl")]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "plane.csv",
        "plane.stl",
        "plane.vtp",
    ]
    other = tmp_path / "other" / "plane.h5"
    other.parent.mkdir()
    other.write_bytes(plane.read_bytes())
    assert run("export", plane, other, "--out", tmp_path / "both") == 0
    told = capsys.readouterr().out.split()
    assert told == [str(tmp_path / "both" / p.parent.name / "plane.csv") for p in (plane, other)]
    assert run("export", plane) == 0
    assert plane.with_suffix(".csv").read_bytes() == (tmp_path / "plane.csv").read_bytes()


def test_li_et_al_there_and_back(plane, tmp_path):
    assert run("export", plane, "--formats", "li", "--out", tmp_path) == 0
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["proj_xcoord"], file["proj_ycoord"] = [1.0, 0.0], [0.5, 0.0]
    surface, steps = tmp_path / "plane-li.h5", tmp_path / "plane-li-directions.h5"
    words = ["--projection", tmp_path / "p.h5", "--directions", steps]
    out = tmp_path / "again.h5"
    assert run("import", surface, "--out", out, *words) == 0
    data, again = landscape.load_surface(plane), landscape.load_surface(out)
    np.testing.assert_array_equal(again.loss, data.loss)
    np.testing.assert_array_equal(again.path_alpha, [1, 0])
    np.testing.assert_array_equal(load_directions(out)["beta"], load_directions(plane)["beta"])
    assert run("info", out) == 0
    assert run("plot", out, "--formats", "svg", "--out", tmp_path / "figures") == 0
    assert run("import", surface, "--out", out, *words) == 0  # the same again changes nothing


def test_bad_requests_get_one_sentence(plane, tmp_path, capsys):
    other = tmp_path / "other.h5"
    other.write_bytes(plane.read_bytes())
    cases = {
        ("export",): "at least one surface file to export",
        ("export", plane, "--formats"): "at least one format",
        ("export", plane, "--formats", "vtk"): "did you mean 'vts'?",
        ("export", plane, "--width", "-1"): "positive width",
        ("export", tmp_path / "absent.h5"): "no such file",
        ("import", plane, "--out", tmp_path / "o.h5"): "a surface file of Li et al.",
    }
    for words, expected in cases.items():
        assert run(*words) == 2
        told = capsys.readouterr().err
        assert expected in told, (words, told)
        assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["other.h5"]
    assert run("export", plane, "--formats", "li", "--out", tmp_path) == 0
    capsys.readouterr()
    assert run("import", tmp_path / "plane-li.h5", "--out", other) == 2
    assert "holds another surface" in capsys.readouterr().err
