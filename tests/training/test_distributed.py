"""Training in several processes: the real torchrun, and the arithmetic of shares."""

import copy
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from landscape.data import DATASETS
from landscape.engine import Compute, leaves_some_out
from landscape.engine.learning import LearningPass
from landscape.errors import InputError
from landscape.models import ModelSpec, load_checkpoint
from landscape.processes import ALONE, Group, joined
from landscape.training import SETTINGS, TrainConfig, read_metrics
from landscape.training.course import Course
from landscape.training.distributed import share

ROOT = Path(__file__).parents[2]
NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, classes):
        super().__init__(
            nn.Conv2d(1, 6, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 169, classes)
        )
        self.unused = nn.Linear(2, 2)  # which nobody may wait for

    def forward(self, images):
        for layer in list(self)[:4]:
            images = layer(images)
        return images
"""

SAME = ["--dataset", "few", "--compile", "never", "--batch-size", "83"]
PLAIN = ["--model", "net:Net", "--model-options", '{"classes":3}', "--recipe", "nocrop"]
PLAIN += ["--epochs", "2", "--learning-rate", "0.05"]
ATTACKED = ["--model", "cnn", "--adversary", "random:k=2", "--epochs", "4"]
ATTACKED += ["--precision", "bf16", "--accumulate", "3"]
SHORT = ["--batch-size", "3"]
FEW = """
import sys

import torch

from landscape.cli import main
from landscape.data import DATASETS, ImageSet
from landscape.training import SETTINGS

def load(root, split, *, download):
    labels = torch.arange(503) % 3
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 200, (503, 1, 28, 28), generator=random, dtype=torch.uint8)
    for label in range(3):
        pixels[labels == label, :, 7 * label : 7 * label + 9] = 220
    return ImageSet("few", split, pixels, labels, ("a", "b", "c"), torch.arange(503))

DATASETS["few"], SETTINGS["few"] = load, SETTINGS["digits"]
for words in " ".join(sys.argv[1:]).split(" then "):
    status = main(words.split())
sys.exit(status)
"""


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 15, 16, 64])
def test_shares_are_the_batch_and_no_image_is_alone(size, count):
    batch = torch.arange(count) + 100
    shares = [share(batch, Group(rank, size)) for rank in range(size)]
    assert torch.cat(shares).sort().values.tolist() == batch.tolist()
    lengths = [len(share) for share in shares if len(share)]
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) > 1 or count == 1
    assert len(shares[0])  # its statistics are those that are kept


@pytest.mark.parametrize("count", [3, 7, 16, 17])
def test_the_mean_of_weighted_gradients_is_that_of_the_whole_batch(shapes, count):
    """As DDP takes it, over three processes, of which some have nothing to do."""
    data, config = shapes(20), TrainConfig(batch_size=16)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Tanh(), nn.Linear(5, 3))
    batch = torch.randperm(20)[:count]
    whole = copy.deepcopy(model)
    LearningPass(whole, Compute())(data.images(batch), data.labels[batch])
    weights = []
    for rank in range(3):
        course = Course(data, config, seed=0, group=Group(rank, 3))
        share, weight = course.share(batch)
        assert len(share) > 1
        LearningPass(model, Compute())(data.images(share), data.labels[share], weight=weight)
        weights.append(weight)
    assert sum(weights) == pytest.approx(3)
    for ours, expected in zip(model.parameters(), whole.parameters(), strict=True):
        assert_close(ours.grad / 3, expected.grad)


def test_a_batch_that_cannot_be_shared_is_refused(shapes):
    with pytest.raises(InputError, match=r"2 images for each of 4 processes.*batch_size=7"):
        Course(shapes(20), TrainConfig(batch_size=7), seed=0, group=Group(0, 4))
    Course(shapes(20), TrainConfig(batch_size=1), seed=0, group=ALONE)


def test_parameters_without_a_gradient_are_seen(untouched):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(), nn.Linear(64, 3))
    images, idle = torch.rand(2, 1, 8, 8), nn.Linear(2, 2)
    random = torch.get_rng_state()
    with untouched(model):
        assert not leaves_some_out(model, images)
    model[0].idle = idle
    with untouched(model):
        assert leaves_some_out(model, images)
    assert torch.equal(torch.get_rng_state(), random)


def test_devices_of_several_processes():
    assert [ALONE.place(device) for device in ("cpu", "cuda:1")] == ["cpu", "cuda:1"]
    assert Group(1, 2, 1).place("cpu") == "cpu"
    with pytest.raises(InputError, match=r"cuda, of which every process .* got 'mps'"):
        Group(1, 2, 1).place("mps")
    with pytest.raises(InputError, match="more processes here than there are GPUs"):
        Group(999, 1000, 999).place("cuda")


def test_without_torchrun_there_is_one_process(monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)  # as other programs set them
    assert joined() is ALONE
    assert ALONE.on_first(lambda: 3) == 3
    assert ALONE.tells()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "net.py").write_text(NETWORK)
    (folder / "few.py").write_text(FEW)
    return folder


def start(folder, *runs):
    """Two processes, which do one run after the other."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    words = " then ".join(" ".join(["train", *SAME, *run]) for run in runs).split()
    return subprocess.Popen(
        [*command, "--nproc-per-node", "2", "few.py", *words],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]),
            "OMP_NUM_THREADS": "1",  # of which torchrun would speak
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def stopped(folder):
    """Runs in the folders two to straight, and one in `again`, which is stopped."""
    process = start(
        folder,
        [*PLAIN, "--out", "two"],
        [*PLAIN, "--accumulate", "9", "--out", "parts"],
        [*PLAIN, "--precision", "bf16", "--out", "rough"],
        [*ATTACKED, "--out", "straight"],
        [*ATTACKED, "--out", "again"],
    )
    while process.poll() is None and not read_metrics(folder / "again" / "metrics.jsonl"):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=120)
    return process.returncode, output, error


@pytest.fixture
def alone(folder, monkeypatch):
    """The same command in this process."""

    def run(*words):
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr(sys, "argv", ["few.py", "train", *SAME, *words])
        with pytest.raises(SystemExit) as exit_:
            runpy.run_path("few.py")
        return exit_.value.code

    yield run
    del DATASETS["few"], SETTINGS["few"]


@pytest.mark.processes
def test_two_processes_end_where_one_ends(stopped, alone, folder):
    """With an odd batch, a last one of five images, and a parameter without a gradient.

    Also where one computes its share of 42 images in nine parts and the other its 41 in eight.
    """
    assert alone(*PLAIN, "--out", "one") == 0
    spec = ModelSpec("net:Net", options={"classes": 3})
    one, *others = (
        load_checkpoint(folder / name / "model.pt", spec=spec) for name in ("one", "two", "parts")
    )
    expectation, history, in_parts, rounded = (
        read_metrics(folder / name / "metrics.jsonl") for name in ("one", "two", "parts", "rough")
    )
    for other in others:
        for name, value in one.model.state_dict().items():
            assert_close(other.model.state_dict()[name], value, atol=1e-5, rtol=0)
    for ours, expected in zip([*history, *in_parts], expectation * 2, strict=True):
        assert ours.train_loss == pytest.approx(expected.train_loss, rel=1e-5)
        assert ours.validation_loss == pytest.approx(expected.validation_loss, rel=1e-5)
        assert ours.train_accuracy == expected.train_accuracy
    assert history[1].train_loss < 0.9  # else there is nothing to compare
    assert 0 < abs(rounded[1].train_loss - history[1].train_loss) < 0.02


@pytest.mark.processes
def test_one_process_writes_and_speaks(stopped, alone, folder):
    """What it says of the four runs that were finished, and of the one that was stopped."""
    status, output, error = stopped
    assert alone(*PLAIN, "--out", "one") == 0
    names = [sorted(path.name for path in (folder / name).iterdir()) for name in ("one", "two")]
    assert names[0] == names[1]
    assert output.count("next: landscape evaluate") == 4
    assert error.count("images (100%)") == 4
    assert error.count("the same command goes on from there") == 1
    assert error.count("no bf16 instructions") in (0, 1)  # for all five runs
    assert "warning" not in error.lower().replace("torch/distributed", "")
    assert "few.py" not in error.replace("few.py FAILED", "")  # it is in no traceback
    assert status != 0
    assert load_checkpoint(folder / "straight" / "model.pt").configuration["processes"] == 2


@pytest.mark.processes
def test_a_stopped_run_ends_as_one_that_was_not_and_errors_are_told_once(
    stopped, alone, folder, capsys
):
    """With BatchNorm, augmentation, an adversary that looks at the statistics, bf16 and parts."""
    step = torch.load(folder / "again" / "state.pt", weights_only=True)["step"]
    assert 7 <= step < 28
    assert not (folder / "again" / "model.pt").exists()
    assert alone(*ATTACKED, "--out", "again") == 2  # one process does not go on with a run of two
    refusal = capsys.readouterr().err
    assert "holds a training by 2 processes, this one is by 1" in refusal
    assert "start 2 (torchrun --nproc-per-node 2)" in refusal
    process = start(folder, [*ATTACKED, "--out", "again"], [*SHORT, "--out", "new"])
    _, error = process.communicate(timeout=120)
    straight, again = (load_checkpoint(folder / n / "model.pt") for n in ("straight", "again"))
    assert straight.sha256 == again.sha256, error

    assert error.count("expected a batch of at least 2 images for each of 2 processes") == 1
    # Who has not ended yet when torchrun looks is not in its list.
    assert error.count("exitcode  :") == error.count("exitcode  : 2") > 0
    assert process.returncode == 1  # torchrun's own
    assert not (folder / "new").exists()
