"""Learning from image files: random views, read by other processes, unchanged by a pause."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from landscape.cli import main
from landscape.data import load_dataset
from landscape.errors import InputError
from landscape.models import ModelSpec
from landscape.processes import ALONE, Group
from landscape.rng import derived_seed, generator
from landscape.training import Augment, TrainConfig, read_metrics
from landscape.training.course import Course
from landscape.training.learner import Learner

ROOT = Path(__file__).parents[2]
COUNT = 71  # in batches of 20: three steps an epoch and a rest of eleven; eight steps in all
CONFIG = TrainConfig(
    epochs=2, batch_size=20, learning_rate=0.05, augment=Augment(flip=True, photograph=True)
)
NETWORK = """
from torch import nn

def build(classes):
    return nn.Sequential(nn.AvgPool2d(28), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(192, classes))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for i in range(COUNT):
        for split in ("train", "val"):
            path = folder / split / f"class{i % 3}" / f"{i:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = torch.randint(0, 256, (5, 6, 3), generator=generator(i), dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).resize((60, 50 + i)).save(path)
    return folder


@pytest.fixture
def data(root):
    return load_dataset("imagefolder", root=root, split="train")


@pytest.fixture
def learn(run, tmp_path, monkeypatch):
    (tmp_path / "net_of_photographs.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    spec = ModelSpec("net_of_photographs:build", options={"classes": 3})
    return lambda data, config=CONFIG, **options: run(data, config, spec=spec, **options)


def figures(result):
    losses = [(m.train_loss, m.validation_loss) for m in result.history]
    return result.checkpoint.sha256, losses


@pytest.mark.parametrize("step", [2, 7])
@pytest.mark.processes
def test_a_stopped_training_goes_on_exactly_whoever_reads(
    learn, data, step, ctrl_c, tmp_path, monkeypatch
):
    part = data.take(torch.arange(10))
    straight = learn(data, out=tmp_path / "straight", workers=0, validation=part)

    def stopping(learner, positions):
        take_step(learner, positions)
        if learner.step == step:
            ctrl_c()

    take_step = Learner.take_step
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "take_step", stopping)
        with pytest.raises(KeyboardInterrupt, match=f"step {step} of 8"):
            learn(data, workers=2, validation=part)
    assert figures(learn(data, workers=3, validation=part)) == figures(straight)
    plain = learn(data, replace(CONFIG, augment=Augment(flip=True)), out=tmp_path / "plain")
    assert figures(plain) != figures(straight)


def test_a_view_is_named_after_seed_step_and_image_alone(data):
    """What is read ahead, what is read at the step, and what another process reads."""
    course = Course(data, CONFIG, seed=3, group=ALONE)
    batches = course.batches(0) + course.batches(1)
    expected = []
    for step, positions in enumerate(batches):
        seeds = [derived_seed(3, "view", step, place) for place in positions.tolist()]
        views = [
            data.pixels.random_view(p, s) for p, s in zip(positions.tolist(), seeds, strict=True)
        ]
        expected.append(
            torch.stack([(x / 255 + light[:, None, None]).clamp(0, 1) for x, light in views])
        )
    cpu = torch.device("cpu")
    with course.reading_ahead(5, workers=2):
        for step in (5, 6, 7):
            assert torch.equal(course.images(batches[step], step, cpu), expected[step])
    assert torch.equal(course.images(batches[2], 2, cpu), expected[2])
    second = Course(data, CONFIG, seed=3, group=Group(1, 2))
    share, _ = second.share(batches[3])
    with second.reading_ahead(3, workers=0):
        assert torch.equal(second.images(share, 3, cpu), expected[3][1::2])


def test_images_in_memory_have_no_views(run, tmp_path):
    digits, spec = load_dataset("digits", split="train"), ModelSpec("cnn", classes=10, channels=1)
    with pytest.raises(InputError, match=r"expected image files.*digits has images of one size"):
        run(digits, CONFIG, spec=spec)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def words(root, tmp_path, monkeypatch):
    (tmp_path / "net_at_the_command_line.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    words = ["train", "--dataset", "imagefolder", "--model", "net_at_the_command_line:build"]
    words += ["--model-options", '{"classes": 3}', "--compile", "never", "--batch-size", "20"]
    return [*words, "--workers", "2", "--data-root", str(root), "--out", "run"]


def test_a_damaged_file_is_one_sentence_at_the_command_line(words, root, capfd):
    path = root / "train" / "class1" / "01.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    try:
        assert main([*words, "--epochs", "1"]) == 2
    finally:
        path.write_bytes(whole)
    *_, complaint = capfd.readouterr().err.splitlines()
    assert complaint.startswith("landscape: ")
    assert "01.png cannot be read as an image" in complaint


@pytest.mark.processes
def test_ctrl_c_at_a_terminal_reaches_the_processes_that_read_and_does_no_harm(words):
    """A terminal sends it to the whole group of processes."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "landscape", *words, "--epochs", "1000"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and not read_metrics(Path("run/metrics.jsonl")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    last = error.splitlines()[-1]
    assert "the same command goes on from there" in last
    assert "Traceback" not in error
    assert "warning" not in error
    step = torch.load("run/state.pt", weights_only=True)["step"]
    assert 4 <= step < 4000
    assert json.loads(Path("run/config.json").read_text())["training"]["augment"]["photograph"]
