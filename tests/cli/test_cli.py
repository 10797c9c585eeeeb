"""The command line on real files: one training, then everything that follows from it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import landscape
from landscape.cli import main
from landscape.data import DATASETS
from landscape.engine import tuning

LANDSCAPE = [sys.executable, "-m", "landscape"]


def take_few(patch):
    """A tenth of the digits, where it does not matter how much a network has learned."""
    whole = DATASETS["digits"]

    def tenth(root, split, *, download):
        data = whole(root, split, download=download)
        return data.take(torch.arange(len(data) // 10))

    patch.setitem(DATASETS, "digits", tenth)


@pytest.fixture
def few(monkeypatch):
    take_few(monkeypatch)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with the checkpoint of one epoch on few digits."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        take_few(patch)
        assert main(["train", "--out", str(folder), "--epochs", "1"]) == 0
    return folder


@pytest.fixture(scope="module")
def surfaces(run):
    """Both surfaces of that checkpoint, on small grids."""
    poses, plane = run / "poses.h5", run / "plane.h5"
    spatial = ["spatial", str(run / "model.pt"), "--out", str(poses), "--images", "3"]
    assert main([*spatial, "--rotation", "-30", "30", "5", "--shift-x", "0", "0", "1"]) == 0
    grid = ["--alpha", "-1", "1", "3", "--beta", "-0.5", "0.5", "3", "--samples", "50"]
    assert main(["weights", str(run / "model.pt"), "--out", str(plane), *grid]) == 0
    return poses, plane


def complaint(capsys, *words):
    """What bad input is told: status 2, one sentence, no traceback."""
    capsys.readouterr()
    status = main([str(word) for word in words])
    error = capsys.readouterr().err.strip().splitlines()
    assert status == 2, error
    assert error[-1].startswith("landscape: ")
    assert "Traceback" not in "".join(error)
    return error[-1]


def test_training_leaves_what_the_other_commands_need(run):
    loaded = landscape.load_checkpoint(run / "model.pt")
    assert loaded.configuration["data"]["name"] == "digits"
    (line,) = (run / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["epoch"] == 1


@pytest.mark.usefixtures("few")
def test_flags_overrule_the_recipe(tmp_path):
    words = ["--epochs", "1", "--batch-size", "500", "--learning-rate", "0.02", "--momentum", "0.5"]
    words += ["--schedule", "step", "--flip", "on", "--crop", "0", "--rotate", "5"]
    words += ["--weight-decay", "0", "--seed", "3"]
    assert main(["train", "--out", str(tmp_path), *words]) == 0
    settings = json.loads((tmp_path / "config.json").read_text())
    training = settings["training"]
    assert training["augment"] == {
        "flip": True,
        "crop": 0,
        "pose": {"rotation": 5.0, "shift_x": 0.0, "shift_y": 0.0, "share": 0.1},
        "photograph": False,
    }
    assert training["schedule"]["name"] == "step"
    assert [training[name] for name in ("epochs", "batch_size", "learning_rate")] == [1, 500, 0.02]
    assert [training[name] for name in ("momentum", "weight_decay")] == [0.5, 0]
    assert settings["seed"] == 3


def test_evaluate_prints_a_row_per_checkpoint(run, capsys):
    model = str(run / "model.pt")
    words = ["evaluate", model, model, "--attacks", "natural", "random", "--samples", "100"]
    assert main([*words, "--names", "first", "second"]) == 0
    out = capsys.readouterr().out
    assert "natural" in out
    assert "random" in out
    rows = [line for line in out.splitlines() if " 100 " in line]
    assert len(rows) == 2
    data = landscape.load_dataset("digits").subset(
        100, generator=landscape.rng.generator(0, "images")
    )
    network = landscape.load_checkpoint(model).model
    correct = (network(data.images()).argmax(1) == data.labels).double().mean()
    assert f"{100 * correct:.2f}" in rows[0]


def test_evaluate_keeps_results_and_writes_tables(run, tmp_path, capsys):
    out, tables = (
        tmp_path / "results",
        [tmp_path / "t.csv", tmp_path / "t.tex", tmp_path / "t.json"],
    )
    words = ["evaluate", str(run / "model.pt"), "--samples", "60", "--out", str(out)]
    words += ["--attacks", "natural", "worst-of-10", "grid:rotations=5,shifts=1"]
    words += ["--vote", "3", "--rotation-limit", "20", "--shift-limit", "2"]
    words += ["--padding", "border", "--tables", *map(str, tables)]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "worst-of-10, vote of 3" in shown
    assert "attacks before a vote look at the single network" in shown
    rows = json.loads(tables[2].read_text())
    assert [(row["attack"], row["vote"]) for row in rows][:2] == [("natural", 0), ("natural", 3)]
    assert all(row["model"] == run.name and row["images"] == 60 for row in rows)
    (folder,) = out.iterdir()
    data = landscape.load_surface(folder / "grid_rotations_5_shifts_1-vote3.h5")
    assert float(abs(data.rotation).max()) == 20
    assert float(abs(data.shift_x).max()) == 0
    assert '"padding": "border"' in data.attrs["attack"]
    assert main(["info", str(folder / "natural-vote3.h5")]) == 0
    told = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "image 60 values" in told
    assert "checks" not in told
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(words) == 0
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_bad_evaluations_get_one_sentence(run, tmp_path, capsys):
    model = run / "model.pt"
    cases = {
        (model, model): "would be called",
        (model, "--names", "a", "b"): "expected a name for each of 1 models, got 2",
        (model, "--attacks"): "expected at least one attack, got none",
        (model, "--out", tmp_path / "o", "--names", "../x"): "without slashes, got '../x'",
        (model, "--out", tmp_path / "o", "--names", "a\\b"): "without slashes, got",
        (model, "--out", tmp_path / "o", "--names", "."): "without slashes, got '.'",
        (model, "--out", tmp_path / "o", "--names", ""): "without slashes, got ''",
        (model, "--attacks", "gird"): "did you mean 'grid'?",
        (model, "--attacks", "grid:size=3"): "grid has no setting 'size'",
        (model, "--shift-limit", "wide"): "percent of the side, as in 10%, got 'wide'",
        (model, "--shift-limit", "10%5"): "percent of the side, as in 10%, got '10%5'",
        (model, "--rotation-limit", "-1"): "not negative",
        (model, "--convention", "mine"): "unknown pose convention",
        (model, "--tables", tmp_path / "t.doc"): "unknown format of a table '.doc'",
        (model, "--vote", "-2"): "at least one vote, got k=-2",
        (model, "--vote-attack", "vote"): "expected a vote to attack",
        (model, "--vote", "2", "--vote-attack", "vote", "--attacks", "first-order"): "no gradient",
    }
    for words, expected in cases.items():
        told = complaint(capsys, "evaluate", *words, "--samples", "5")
        assert expected in told, (words, told)
    assert not list(tmp_path.iterdir())


def test_spatial_is_the_python_function(run, surfaces):
    data = landscape.load_surface(surfaces[0])
    assert data.loss.shape == (3, 5, 1, 5)
    digits = landscape.load_dataset("digits").take(torch.tensor(data.image.values))
    same = landscape.spatial_surface(
        landscape.load_checkpoint(run / "model.pt").model,
        digits.images(),
        digits.labels,
        rotation=np.linspace(-30, 30, 5),
        shift_x=[0.0],
    )
    np.testing.assert_allclose(data.loss, same.loss, rtol=1e-5, atol=1e-7)
    assert json.loads(data.attrs["classes"]) == list(digits.classes)


def test_weights_can_be_densified_with_the_stored_directions(run, surfaces, tmp_path):
    dense = tmp_path / "dense.h5"
    words = ["weights", run / "model.pt", "--out", dense, "--directions", surfaces[1]]
    words += ["--alpha", "-1", "1", "5", "--beta", "-0.5", "0.5", "5", "--samples", "50"]
    assert main([str(word) for word in words]) == 0
    fine, coarse = landscape.load_surface(dense), landscape.load_surface(surfaces[1])
    np.testing.assert_allclose(
        fine.loss.sel(alpha=coarse.alpha, beta=coarse.beta), coarse.loss, rtol=1e-6
    )


def test_a_line(run, tmp_path):
    out = tmp_path / "line.h5"
    words = ["weights", str(run / "model.pt"), "--out", str(out), "--dimensions", "1"]
    assert main([*words, "--alpha", "-1", "1", "5", "--samples", "0"]) == 0
    data = landscape.load_surface(out)
    assert data.loss.dims == ("alpha",)
    assert json.loads(data.attrs["configuration"])["samples"] == 1000


def test_plain_xarray_reads_what_the_commands_write(surfaces):
    for path in surfaces:
        with xr.open_dataset(path, engine="h5netcdf") as data:
            assert data.attrs["complete"] == 1
            assert bool((data.done == 1).all())


def test_info_prints_grid_configuration_and_checks(surfaces, capsys):
    assert main(["info", *map(str, surfaces)]) == 0
    out = re.sub(r"\s+", " ", capsys.readouterr().out)
    for words in (
        "rotation 5 values from -30 to 30 degree",
        "alpha 3 values from -1 to 1",
        "dataset digits",
        "seed 0",
        "check: recomputed",
        "check: float64",
        "BatchNorm layers folded, not compiled",
        "passed",
        "check: cosine alpha beta",
    ):
        assert words in out
    assert "FAILED" not in out


def test_a_long_job_says_how_it_will_be_run(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tuning, "WORTH_IT", 0.0)
    grid = ["--alpha", "-1", "1", "21", "--dimensions", "1", "--samples", "50", "--memory", "1G"]
    assert main(["weights", str(run / "model.pt"), "--out", str(tmp_path / "w.h5"), *grid]) == 0
    assert re.search(r"^landscape: \d+ images a pass, 1 threads \(", capsys.readouterr().err, re.M)


def test_plot_writes_every_format(surfaces, tmp_path, capsys):
    words = ["plot", *map(str, surfaces), "--out", str(tmp_path)]
    assert main([*words, "--formats", "png", "svg", "html"]) == 0
    written = capsys.readouterr().out.split()
    assert sorted(map(Path, written)) == sorted(tmp_path.iterdir())
    names = {path.name for path in tmp_path.iterdir()}
    assert {
        "poses-spatial-slices.png",
        "poses-spatial-3d.svg",
        "poses-spatial-interactive.html",
        "plane-weight-contour.svg",
        "plane-weight-3d.png",
        "plane-weight-interactive.html",
    } <= names


def test_weights_from_elsewhere_and_a_factory(run, tmp_path, capsys, monkeypatch):
    state = torch.load(run / "model.pt", weights_only=True)["state_dict"]
    bare = tmp_path / "bare.pth"
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, bare)
    (tmp_path / "mynets.py").write_text(
        "from landscape.models.cnn import SmallCNN\n"
        "def net(classes):\n    return SmallCNN(classes, 1, [0.1307], [0.3081])\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["--dataset", "digits", "--samples", "200", "--attacks", "natural"]
    own = ["--model", "mynets:net", "--model-options", '{"classes": 10}']
    rows = []
    for command in ([str(run / "model.pt")], [str(bare), "--model", "cnn"], [str(bare), *own]):
        capsys.readouterr()
        assert main(["evaluate", *command, *words]) == 0
        (row,) = [line for line in capsys.readouterr().out.splitlines() if " 200 " in line]
        rows.append(row.split(" 200 ")[1])
    assert rows[0] == rows[1] == rows[2]


def test_bad_input_gets_one_sentence(run, surfaces, tmp_path, capsys):
    model, new = run / "model.pt", tmp_path / "new.h5"
    text = tmp_path / "text.h5"
    text.write_text("not a surface")
    broken = tmp_path / "broken.pt"
    broken.write_bytes(model.read_bytes()[:1000])
    state = torch.load(model, weights_only=True)["state_dict"]
    diverged, other = tmp_path / "diverged.pth", tmp_path / "other.pth"
    torch.save({**state, "linear.bias": torch.full_like(state["linear.bias"], np.nan)}, diverged)
    torch.save({**state, "linear.bias": torch.zeros(7)}, other)
    cases = {
        ("info", "nowhere.h5"): "no such file: nowhere.h5",
        ("plot", text): "not a readable HDF5 file",
        ("plot", surfaces[0], "--plots", "weight-contuor"): "did you mean 'weight-contour'?",
        ("plot", surfaces[0], "--formats", "pgn"): "did you mean 'png'?",
        ("evaluate", "nowhere.pt"): "no such file: nowhere.pt",
        ("evaluate", broken): "damaged",
        ("evaluate", diverged, "--model", "cnn"): "NaN or infinite: 10 values, the first in linear",
        ("evaluate", other, "--model", "cnn"): "linear.bias (7,) instead of (10,)",
        ("evaluate", diverged): "say which network they belong to",
        ("evaluate", model, "--model", "nowhere:net"): "leave the model out",
        ("evaluate", other, "--model", "nowhere:net"): "cannot import 'nowhere'",
        ("evaluate", model, "--attacks", "gird"): "did you mean 'grid'?",
        ("evaluate", model, "--samples", "2000"): "1000 images",
        ("evaluate", model, "--dataset", "cifar10"): "--data-root",
        ("evaluate", model, "--mean", "0.5"): "knows what it holds and takes neither",
        ("evaluate", model, "--model", "cnn", "--mean", "1", "--std", "1"): "with its options",
        ("train", "--out", new, "--recipe", "standrad"): "did you mean 'standard'?",
        ("train", "--out", new, "--dataset", "digist"): "did you mean 'digits'?",
        ("train", "--out", new, "--model", "resnet33"): "did you mean 'resnet32'?",
        ("train", "--out", new, "--epochs", "0"): "at least 1",
        ("spatial", model, "--out", new, "--device", "cuda:9"): "cannot be used here",
        ("spatial", model, "--out", new, "--padding", "zero"): "did you mean 'zeros'?",
        ("spatial", model, "--out", new, "--memory", "lots"): "such as 500M or 4GiB",
        ("weights", model, "--out", new, "--precision", "bf61"): "did you mean 'bf16'?",
        ("weights", model, "--out", new, "--precision", "tf32", "--device", "cpu"): "NVIDIA GPUs",
        ("spatial", model, "--out", text): "cannot be opened as HDF5",
        ("spatial", model, "--out", tmp_path): "is a folder",
        ("spatial", model, "--out", surfaces[1], "--images", "3"): "holds another surface",
        ("weights", model, "--out", new, "--bn", "freeze"): "unknown BatchNorm mode",
        ("weights", model, "--out", new, "--alpha", "-1", "1", "0"): "FROM TO COUNT",
        ("weights", model, "--out", text / "x.h5", "--samples", "9"): "cannot write to",
        ("weights", model, "--out", model, "--overwrite"): "model.pt, which is read",
        ("spatial", model, "--out", model, "--overwrite"): "model.pt, which is read",
        ("measure", model, "--out", model): "model.pt, which is read",
        ("measure", model, "--out", text): "a new file or a .json file to replace",
        ("report", run, "--out", model): "a new file or a .html file to replace",
        ("import", text, "--out", text, "--overwrite"): "text.h5, which is read",
    }
    weights = model.read_bytes()
    for words, expected in cases.items():
        assert expected in complaint(capsys, *words), words
    assert not new.exists()
    assert text.read_text() == "not a surface"
    assert model.read_bytes() == weights


@pytest.mark.parametrize(
    "words", [[], ["wieghts"], ["info"], ["spatial", "model.pt"], ["train", "--epochs", "many"]]
)
def test_misused_flags_exit_with_2(words, capsys):
    try:
        status = main(words)
    except SystemExit as exit_:
        status = exit_.code
    assert status == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    ["weights m.pt --out x.h5 --alpha 0 1", "weights m.pt --alfa 1", "weights m.pt --samples many"],
)
def test_what_cannot_be_parsed_is_told_with_the_help_of_the_command(words, capsys):
    with pytest.raises(SystemExit):
        main(words.split())
    told = capsys.readouterr().err
    assert "landscape weights --help" in told
    assert "[bold]" not in told


SLOW = ["--alpha", "-1", "1", "13", "--beta", "-1", "1", "13", "--samples", "150"]


def heed_ctrl_c():
    """Also where the suite itself runs with Ctrl-C ignored, as in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_sweep(run, out, *, stored=0):
    """A sweep in a process of its own, once it has stored more points than there were."""
    words = ["weights", run / "model.pt", "--out", out, *SLOW]
    process = subprocess.Popen(
        [*LANDSCAPE, *map(str, words)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    for _ in range(150):
        if out.exists() and int(landscape.load_surface(out).done.sum()) > stored:
            return process
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.2)
    raise AssertionError("the sweep stored nothing within 30 s")


@pytest.mark.processes
def test_ctrl_c_and_kill_9_lose_nothing(run, tmp_path):
    out = tmp_path / "plane.h5"
    process = start_sweep(run, out)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on" in error
    assert "Traceback" not in error
    first = int(landscape.load_surface(out).done.sum())
    process = start_sweep(run, out, stored=first)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stopped = landscape.load_surface(out)
    assert first < int(stopped.done.sum()) < stopped.done.size
    whole = tmp_path / "whole.h5"
    for path in (out, whole):
        words = ["weights", run / "model.pt", "--out", path, *SLOW]
        assert main([str(word) for word in words]) == 0
    np.testing.assert_array_equal(
        landscape.load_surface(out).loss, landscape.load_surface(whole).loss
    )
    assert landscape.load_surface(out).attrs["points_from_earlier_runs"] > first


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.processes
def test_a_full_disk_is_one_sentence_and_keeps_what_was_there(run, tmp_path, capsys):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1100k", "tmpfs", str(disk)])
    if mounted.returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        out = disk / "plane.h5"
        grid = ["--alpha", "-1", "1", "3", "--samples", "50", "--dimensions", "1"]
        words = ["weights", run / "model.pt", "--out", out, *grid]
        assert main([str(word) for word in words]) == 0
        before = out.read_bytes()
        words = ["weights", run / "model.pt", "--out", disk / "two.h5", "--samples", "50"]
        done = subprocess.run([*LANDSCAPE, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 2, done.stderr  # HDF5 could still crash at the end
        told = [done.stderr]
        for words in (["plot", out], ["train", "--out", disk / "run", "--epochs", "1"]):
            capsys.readouterr()
            assert main([str(word) for word in words]) == 2
            told.append(capsys.readouterr().err)
        for said in told:
            assert "No space left on device" in said.strip().splitlines()[-1]
            assert "Traceback" not in said
        assert out.read_bytes() == before
        assert {path.suffix for path in disk.glob("*.*")} <= {".h5", ".png", ".pdf"}
        assert not (disk / "two.h5").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.usefixtures("few")
def test_an_adversary_within_limits_of_ones_own(tmp_path):
    words = ["--epochs", "1", "--batch-size", "500", "--recipe", "worst10-30"]
    words += ["--adversary", "random", "--adversary-rotation", "40", "--adversary-shift", "2"]
    assert main(["train", "--out", str(tmp_path), *words, "--compile", "never"]) == 0
    training = json.loads((tmp_path / "config.json").read_text())["training"]
    assert training["adversary"]["k"] == 1
    limits = {"rotation": 40.0, "shift_x": 2.0, "shift_y": 2.0, "share": 0.1}
    assert training["adversary"]["limits"] == limits
    assert training["augment"]["pose"] is None


def test_an_adversary_that_does_not_fit_gets_one_sentence(tmp_path, capsys):
    new = tmp_path / "new"
    cases = {
        ("--adversary", "worst-of-01"): "did you mean 'worst-of-10'?",
        ("--adversary-shift", "2"): "give one, e.g. --adversary worst-of-10 (got none)",
        ("--recipe", "worst10-30", "--adversary", "none", "--adversary-rotation", "9"): "got none",
        ("--adversary", "natural", "--adversary-rotation", "9"): "got natural",
        ("--recipe", "worst10-30", "--adversary-shift", "-1"): "not negative",
    }
    for words, expected in cases.items():
        assert expected in complaint(capsys, "train", "--out", new, *words), words
    assert not new.exists()


@pytest.mark.walkthrough
def test_fine_tuning_on_stored_attacked_images_and_transfer(run, tmp_path, capsys):
    base, attacked = run / "model.pt", tmp_path / "attacked"
    words = ["evaluate", str(base), "--names", "base", "--attacks", "fgsm:eps=0.1"]
    assert main([*words, "--split", "train", "--keep-images", "--out", str(attacked)]) == 0
    (kept,) = (attacked / "base").iterdir()
    capsys.readouterr()
    assert main(["info", str(kept)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "pixels 1 x 28 x 28 values each, attacked image" in shown
    assert "state complete" in shown
    tuned = tmp_path / "tuned"
    words = ["train", "--out", str(tuned), "--start", str(base), "--attacked", str(kept)]
    words += ["--epochs", "1", "--optimizer", "adam", "--learning-rate", "0.001"]
    assert main(words) == 0
    settings = json.loads((tuned / "config.json").read_text())
    assert settings["data"]["images"] == 2 * 4000
    assert settings["start"] == landscape.load_checkpoint(base).sha256
    assert settings["training"]["optimizer"] == "adam"
    capsys.readouterr()
    words = ["evaluate", str(base), str(tuned / "model.pt"), "--names", "base", "tuned"]
    words += ["--attacks", "natural", "fgsm:eps=0.1", "--samples", "50", "--transfer"]
    assert main([*words, "--similarity", "--tables", str(tmp_path / "t.json")]) == 0
    shown = capsys.readouterr().out
    assert "fgsm:eps=0.1 made on base" in " ".join(shown.split())
    assert "1 - SSIM of attacked images and originals" in shown
    rows = json.loads((tmp_path / "t.json").read_text())
    accuracies = {(r["model"], r["tested_on"], r["attack"]): r["accuracy"] for r in rows}
    assert len(accuracies) == 2 * 2 * 2
    own = accuracies["base", "", "fgsm:eps=0.1"]
    assert accuracies["base", "tuned", "fgsm:eps=0.1"] >= own
    assert accuracies["tuned", "", "fgsm:eps=0.1"] > own


@pytest.mark.usefixtures("few")
def test_clean_and_attacked_batches(tmp_path):
    words = ["train", "--out", str(tmp_path), "--epochs", "1", "--adversary", "fgsm:eps=0.1"]
    assert main([*words, "--clean-too", "on", "--batch-size", "500"]) == 0
    training = json.loads((tmp_path / "config.json").read_text())["training"]
    assert training["clean_too"] is True
    assert training["adversary"]["name"] == "fgsm"


def test_a_surface_under_attack_and_planes_drawn_together(run, surfaces, tmp_path, capsys):
    out = tmp_path / "attacked.h5"
    grid = ["--alpha", "-1", "1", "3", "--beta", "-0.5", "0.5", "3", "--samples", "50"]
    words = ["weights", str(run / "model.pt"), "--out", str(out), *grid]
    assert main([*words, "--attack", "fgsm:eps=0.1", "--attack-at", "point"]) == 0
    attacked, clean = landscape.load_surface(out), landscape.load_surface(surfaces[1])
    assert float(attacked.loss.sel(alpha=0, beta=0)) > float(clean.loss.sel(alpha=0, beta=0))
    capsys.readouterr()
    words = ["plot", str(surfaces[1]), str(out), "--together", "--out", str(tmp_path / "both")]
    assert main([*words, "--formats", "png"]) == 0
    shown = capsys.readouterr().out.split()
    assert [Path(path).name for path in shown] == ["both-contours.png", "both-3d.png"]
    assert main([*words, "--formats", "svg", "--plots", "contours"]) == 0
    assert [Path(path).name for path in capsys.readouterr().out.split()] == ["both-contours.svg"]


@pytest.mark.usefixtures("few")
def test_epochs_are_kept_and_their_trade_off_described_and_drawn(tmp_path, capsys):
    words = ["train", "--out", str(tmp_path), "--epochs", "1", "--batch-size", "500"]
    assert main([*words, "--keep-every", "1"]) == 0
    digits = landscape.load_dataset("digits").take(torch.arange(20))

    def load(name, seed, epoch):
        return landscape.load_checkpoint(tmp_path / "epochs" / f"{epoch:04d}.pt").model

    out = tmp_path / "t.h5"
    landscape.tradeoff(
        load,
        digits.images(),
        digits.labels,
        networks={"one": "One"},
        seeds=[0],
        epochs=[0, 1],
        attacks={"FGSM": "fgsm"},
        out=out,
    )
    capsys.readouterr()
    assert main(["info", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "accuracy, natural" in shown
    assert "accuracy, FGSM" in shown
    assert "check: recomputed" in shown
    assert main(["plot", str(out), "--formats", "png"]) == 0
    assert Path(capsys.readouterr().out.strip()).name == "t-tradeoff.png"


def test_bad_fine_tuning_gets_one_sentence(run, surfaces, tmp_path, capsys):
    train = ["train", "--out", tmp_path / "r", "--epochs", "1"]
    told = complaint(capsys, *train, "--attacked", surfaces[1])
    assert "keeps no attacked images; landscape evaluate writes them" in told
    told = complaint(capsys, *train, "--clean-too", "on")
    assert "clean_too goes with an adversary" in told
    told = complaint(capsys, *train, "--start", run / "missing.pt")
    assert "no such file" in told
    told = complaint(capsys, "evaluate", run / "model.pt", "--attacks", "fgsm", "--keep-images")
    assert "attacked images are kept in a folder" in told
    told = complaint(capsys, "plot", *surfaces, "--together")
    assert "is a spatial surface over 3 axes" in told
    assert "leave out what does not fit" in told
