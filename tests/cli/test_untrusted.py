"""Files from strangers at the command line: one sentence, no code run, no terminal steered."""

import os
import pickle
import re
import zipfile
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from landscape.cli import main
from landscape.directions.curve import load_curve, straight
from landscape.errors import InputError
from landscape.models import ModelSpec, build_model, save_checkpoint
from landscape.plots import panels
from landscape.rng import generator
from landscape.store import Axis, Constant, Field, Layout, SurfaceWriter
from landscape.store.checksums import seal

NASTY = "\x1b[2J\x1b]0;mine\x07 [bold red]x[/] <script>alert(1)</script> $\\frac{$ $ \u202e"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


class Evil:
    """Pickled, a file that leaves a trace when it is opened."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@pytest.fixture
def checkpoint(tmp_path):
    spec, path = ModelSpec("cnn", classes=10, channels=1), tmp_path / "model.pt"
    model = build_model(spec, generator=generator(0))
    save_checkpoint(path, model, spec, configuration={"data": {"name": "digits"}}, provenance={})
    return path


def sentence(capsys, *words):
    """What a command that refuses says: one line, and no more."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert not CONTROL.search(said)
    return said


def test_a_malicious_pickle_does_not_run(tmp_path, checkpoint, capsys):
    harm = tmp_path / "harm"
    bare, nested, run = tmp_path / "bare.pt", tmp_path / "nested.pth", tmp_path / "run"
    bare.write_bytes(pickle.dumps(Evil(harm)))
    torch.save({"state_dict": {"w": torch.ones(2)}, "epoch": Evil(harm)}, nested)
    run.mkdir()
    torch.save({"format": "landscape-training-state", "version": Evil(harm)}, run / "state.pt")
    out, short = tmp_path / "s.h5", ["--samples", "2", "--dimensions", "1", "--points", "2"]
    line = ["--out", out, *short, "--directions", "models", "--checkpoints"]
    refused = [
        ["evaluate", bare],
        ["evaluate", nested, "--model", "cnn", "--dataset", "digits"],
        ["weights", nested, "--model", "cnn", "--dataset", "digits", "--out", out],
        ["weights", checkpoint, *line, bare],
        ["measure", nested, "--model", "cnn", "--dataset", "digits"],
        ["train", "--dataset", "digits", "--out", tmp_path / "new", "--start", nested],
        ["train", "--dataset", "digits", "--out", run],
    ]
    for command in refused:
        said = sentence(capsys, *command)
        assert "wants to run code when it is opened (posix.system)" in said or bare in command
    assert not harm.exists()
    with pytest.raises(InputError, match=r"wants to run code"):
        load_curve(nested)
    assert not harm.exists()
    pickle.loads(pickle.dumps(Evil(harm)))  # what would have happened
    assert harm.exists()


def test_a_checkpoint_does_not_choose_code_either(tmp_path, capsys, monkeypatch):
    """A seal is no secret: the name of a factory may be anything that can be imported."""
    harm, path = tmp_path / "harm", tmp_path / "model.pt"
    (tmp_path / "strange.py").write_text(f"import pathlib\npathlib.Path({str(harm)!r}).touch()\n")
    spec = ModelSpec("strange:net", options={})
    save_checkpoint(path, nn.Linear(2, 2), spec, configuration={}, provenance={})
    monkeypatch.chdir(tmp_path)
    said = sentence(capsys, "evaluate", path, "--dataset", "digits")
    assert "built by strange:net, code that is not in the file" in said
    assert not harm.exists()
    sentence(capsys, "evaluate", path, "--dataset", "digits", "--model", "strange:net")
    assert harm.exists()  # who names it wants it


def expanded(path):
    torch.save({"w": torch.ones(1).expand(2**40)}, path)


def packed(path):
    torch.save({"w": torch.zeros(2**20)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def declared(path):
    save_file({"w": torch.ones(4)}, path)
    data = path.read_bytes().replace(b'"shape":[4]', b'"shape":[9]')
    path.write_bytes(data)


def meta(path):
    torch.save({"w": torch.empty(2**40, device="meta")}, path)


def deep(path):
    inner = []
    for _ in range(300):
        inner = [inner]
    torch.save({"w": inner}, path)


@pytest.mark.parametrize("make", [expanded, packed, declared, meta, deep])
def test_a_file_holds_no_more_than_it_takes(tmp_path, capsys, make):
    path = tmp_path / ("w.safetensors" if make is declared else "w.pt")
    make(path)
    said = sentence(capsys, "evaluate", path, "--model", "cnn", "--dataset", "digits")
    assert "is not a checkpoint, or is damaged" in said


def test_a_network_is_not_made_larger_than_its_weights(tmp_path, capsys):
    spec = ModelSpec("cnn", classes=10**9, channels=1)
    path = tmp_path / "model.pt"
    save_checkpoint(path, nn.Linear(2, 2), spec, configuration={}, provenance={})
    assert "does not fit cnn" in sentence(capsys, "evaluate", path, "--dataset", "digits")


def test_weights_that_do_not_say_their_data_set_are_told_which_there_are(
    tmp_path, capsys, generator
):
    path = tmp_path / "model.pt"
    spec = ModelSpec("cnn", classes=10, channels=1)
    save_checkpoint(
        path, build_model(spec, generator=generator), spec, configuration={}, provenance={}
    )
    assert "(--dataset), one of digits, mnist, cifar10" in sentence(capsys, "evaluate", path)


def test_a_curve_and_a_training_state_notice_other_contents(tmp_path, capsys):
    path = tmp_path / "curve.pt"
    straight(nn.Linear(2, 2), nn.Linear(2, 2)).save(path)
    contents = torch.load(path, weights_only=True)
    for change in ({"points": 3}, {"buffers": [{}]}, {"history": ["x"]}, {"points": []}):
        torch.save({**contents, **change}, path)
        with pytest.raises(InputError, match=r"damaged"):
            load_curve(path)


# -- text -------------------------------------------------------------------------------


def surface(path, kind, classes=(), **about):
    """A finished surface in which every name is hostile."""
    grid = {
        "weights": ("alpha", "beta"),
        "spatial": ("rotation", "shift_x", "shift_y"),
    }[kind]
    items = (Axis("image", np.array([0, 1]), "1", NASTY),) if kind == "spatial" else ()
    constants = [Constant("path_alpha", ("path",), np.array([0.5]), NASTY)]
    constants += [Constant("path_beta", ("path",), np.array([0.5]), NASTY)]
    if items:
        constants = [Constant("label", ("image",), np.array([0, 1]), NASTY)]
    fields = [Field("loss", "float64", "<b>nat</b>", NASTY[-20:])]
    if items:
        fields += [Field("margin", "float32", "1", NASTY[-20:])]
        fields += [Field("prediction", "int64", "1", NASTY)]
    layout = Layout(
        kind=kind,
        points=tuple(Axis(name, np.linspace(-1, 1, 3), "1", NASTY[-20:]) for name in grid),
        items=items,
        fields=tuple(fields),
        constants=tuple(constants),
        configuration={"model": NASTY, "directions": "models"},
        about={
            "title": NASTY,
            "provenance": {"host": NASTY},
            "classes": [NASTY, "b"],
            "path_names": [NASTY[-20:]],
            "checks": [],
        },
    )
    with SurfaceWriter(path, layout) as writer:
        points = writer.pending()
        columns = {f.name: np.ones((len(points), *layout.item_shape)) for f in fields}
        columns["loss"] = columns["loss"] + points.reshape(-1, *[1] * len(items))
        writer.write(
            points, {**columns, **({"prediction": columns["margin"] * 0} if items else {})}
        )
        writer.finish({})
    return path


@pytest.mark.parametrize("kind", ["weights", "spatial"])
def test_text_from_a_file_steers_neither_terminal_nor_page(tmp_path, capsys, kind):
    path = surface(tmp_path / "s.h5", kind)
    assert main(["info", str(path)]) == 0
    told = capsys.readouterr().out
    assert not CONTROL.search(told)
    assert "[bold red]x[/]" in told  # as it is
    assert "\\x1b[2J" in told
    assert main(["plot", str(path), "--formats", "html", "--out", str(tmp_path / "out")]) == 0
    (page,) = (tmp_path / "out").iterdir()
    _check_page(page.read_text(encoding="utf-8"))


def test_text_from_a_file_is_no_formula(tmp_path, capsys, monkeypatch):
    """Matplotlib would refuse to draw it, or draw something else."""
    monkeypatch.setattr(panels, "FACETS", 3)
    path = surface(tmp_path / "s.h5", "weights")
    words = ["--formats", "svg", "--plots", "weight-contour", "--out", str(tmp_path)]
    assert main(["plot", str(path), *words]) == 0
    picture = (tmp_path / "s-weight-contour.svg").read_text(encoding="utf-8")
    assert not CONTROL.search(picture)
    assert "<script" not in picture
    ElementTree.fromstring(picture)


def _check_page(text):
    """Scripts are plotly's own, and what is drawn from the file can neither end nor begin one."""
    assert text.count("<script") == text.count("</script>")
    _, data = text.split('id="landscape-plot"', 1)
    assert "alert(1)" in data  # it is shown, as text
    assert "<script>alert" not in text
    assert "\\u003cscript" not in data.split("Plotly.newPlot", 1)[1]  # nor as a tag to plotly
    assert "&lt;script" in data.replace("\\u0026", "&") or "\\u0026lt;script" in data
    assert not CONTROL.search(data)


def test_damage_is_told_where_it_is_found(tmp_path, capsys):
    """A damaged chunk is found when it is drawn, exported or described."""
    path = surface(tmp_path / "s.h5", "weights")
    with h5py.File(path) as file:
        chunk = file["loss"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + 5] ^= 64
    path.write_bytes(data)
    for command in ("info", "plot", "export"):
        said = sentence(capsys, command, path)
        assert "s.h5 is not a readable HDF5 file" in said


def test_fields_that_are_missing_are_told(tmp_path, capsys):
    path = surface(tmp_path / "s.h5", "spatial")
    with h5py.File(path, "r+") as file:
        del file["margin"]
        seal(file)
    said = sentence(capsys, "plot", path)
    assert "expected margin over rotation, shift_x, shift_y, image" in said


def test_numbers_too_large_to_draw_are_told(tmp_path, capsys):
    path = surface(tmp_path / "s.h5", "weights")
    with h5py.File(path, "r+") as file:
        file["loss"][0, :2] = 1e308, -1e308
    words = ["--plots", "weight-3d", "--formats", "png"]
    said = sentence(capsys, "plot", path, *words)
    assert "expected numbers below 1e+150 to draw, got larger ones among loss" in said
