"""`landscape weights`: directions, fields and data by flags, on real files."""

import json

import numpy as np
import pytest
import torch

import landscape
from landscape.cli import main
from landscape.models import ModelSpec, build_model, save_checkpoint
from landscape.rng import generator
from landscape.store import load_directions, read_li_directions
from landscape.weights import flatten, weights_of

FEW = ["--samples", "20", "--points", "3"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network for digits, another one, and four checkpoints on the way from that to it."""
    folder = tmp_path_factory.mktemp("run")
    spec = ModelSpec("cnn", classes=10, channels=1)
    model, other = (build_model(spec, generator=generator(seed)) for seed in (0, 1))
    facts = {"configuration": {"data": {"name": "digits"}}, "provenance": {}}
    save_checkpoint(folder / "model.pt", model, spec, **facts)
    save_checkpoint(folder / "second" / "model.pt", other, spec, **facts)
    with torch.no_grad():
        for number, share in enumerate((0.0, 0.3, 0.9, 1.0)):
            between = build_model(spec, generator=generator(0))
            bent = generator(number)
            for p, a, b in zip(
                between.parameters(), other.parameters(), model.parameters(), strict=True
            ):
                noise = 0.1 * (1 - share) * torch.randn(p.shape, generator=bent)
                p.copy_(a + share * (b - a) + noise)
            save_checkpoint(folder / "epochs" / f"{number:04d}.pt", between, spec, **facts)
    return folder


def weights(run, out, *words):
    assert main([str(w) for w in ("weights", run / "model.pt", "--out", out, *FEW, *words)]) == 0
    return landscape.load_surface(out)


def configuration(data):
    return json.loads(data.attrs["configuration"])


def test_a_trajectory_of_a_folder_is_projected(run, tmp_path):
    data = weights(
        run, tmp_path / "t.h5", "--directions", "trajectory", "--checkpoints", run / "epochs"
    )
    assert json.loads(data.attrs["path_names"]) == ["0000", "0001", "0002", "0003"]
    assert float(abs(data.path_alpha[-1])) < 1e-4  # it ends at the centre
    assert data.alpha.attrs["long_name"].startswith("PC 1 (")
    assert data.alpha.min() < data.path_alpha.min()
    assert data.alpha.max() > data.path_alpha.max()


def test_towards_another_network_train_and_test_side_by_side(run, tmp_path):
    other = run / "second" / "model.pt"
    words = ["--directions", "models", "--checkpoints", other, "--dimensions", "1"]
    words += ["--bn", "frozen"]  # these have never seen a batch
    data = weights(run, tmp_path / "m.h5", *words, "--beside", "train", "--points", "5")
    assert data.alpha.attrs["long_name"] == "towards second"
    assert configuration(data)["bn"] == "frozen"
    assert {"train_loss", "train_accuracy_stderr"} <= set(data.data_vars)
    images = landscape.load_dataset("digits").subset(20, generator=generator(0, "images"))
    model = landscape.load_checkpoint(other).model
    loss = torch.nn.functional.cross_entropy(model(images.images()), images.labels)
    assert float(data.loss.sel(alpha=1.0)) == pytest.approx(loss.item(), rel=1e-5)


def test_a_direction_for_each_axis_and_a_volume(run, tmp_path):
    words = ["--directions", "gradient", "random", "hessian", "--dimensions", "3", "--orthogonal"]
    data = weights(run, tmp_path / "v.h5", *words, "--points", "2")
    assert data.loss.shape == (2, 2, 2)
    assert configuration(data)["directions"] == "gradient, random, hessian"
    checks = {check["name"]: check["value"] for check in json.loads(data.attrs["checks"])}
    assert max(abs(value) for name, value in checks.items() if name.startswith("cosine")) < 1e-5


def test_fields_and_clean_beside_attacked(run, tmp_path):
    words = ["--fields", "accuracy", "gradient_norm", "--attack", "fgsm", "--clean-too"]
    data = weights(run, tmp_path / "f.h5", *words, "--dimensions", "1")
    assert {"gradient_norm", "clean_loss", "clean_accuracy"} <= set(data.data_vars)
    assert (data.loss >= data.clean_loss).all()


def test_files_of_li_et_al_come_and_go(run, tmp_path):
    """Out with export, back as directions: the same surface along the same vectors."""
    ours = tmp_path / "plane.h5"
    data = weights(run, ours)
    assert main(["export", str(ours), "--formats", "li", "--out", str(tmp_path / "li")]) == 0
    written = sorted((tmp_path / "li").iterdir())
    (theirs,) = [file for file in written if "dir" in file.name]
    tensors = read_li_directions(theirs)["beta"]
    model = landscape.load_checkpoint(run / "model.pt").model
    assert [t.shape for t in tensors] == [tuple(p.shape) for p in model.parameters()]
    again = weights(run, tmp_path / "again.h5", "--directions", theirs)
    np.testing.assert_array_equal(again.loss, data.loss)
    np.testing.assert_array_equal(
        load_directions(tmp_path / "again.h5")["alpha"], load_directions(ours)["alpha"]
    )
    assert len(flatten(weights_of(model))) == len(load_directions(ours)["alpha"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--directions", "hesian"], "unknown direction 'hesian'; did you mean 'hessian'"),
        (["--directions", "models"], "need other weights; give checkpoints"),
        (["--directions", "random", "gradient", "random"], "expected 2 directions"),
        (["--directions", "trajectory", "--checkpoints", "EMPTY"], "got none; give files"),
        (["--fields", "acuracy"], "unknown field 'acuracy'; did you mean 'accuracy'"),
        (["--clean-too"], "goes with an attack"),
        (["--attack-at", "point"], "attack_at='point' goes with an attack"),
        (["--gamma", "0", "1", "2"], "--gamma goes with at least 3 dimensions, got 2"),
        (["--dimensions", "1", "--beta", "0", "1", "2"], "--beta goes with at least 2 dimensions"),
        (
            ["--alpha", "0", "1", "2", "--beta", "0", "1", "2", "--points", "9"],
            "--points is of axes without a range, and all have one",
        ),
        (["--beside", "trian"], "trian"),
    ],
)
def test_bad_input_is_one_sentence(run, tmp_path, capsys, words, message):
    empty = tmp_path / "empty"
    empty.mkdir()
    given = [str(empty) if word == "EMPTY" else word for word in words]
    out = tmp_path / "x.h5"
    assert main(["weights", str(run / "model.pt"), "--out", str(out), *FEW, *given]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not out.exists()
