import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from landscape.attacks import RandomPose
from landscape.data import load_dataset
from landscape.errors import InputError
from landscape.models import ModelSpec
from landscape.spatial import SpatialLimits
from landscape.training import Augment, Step, TrainConfig, read_metrics
from landscape.training.state import read_state, write_state

ROOT = Path(__file__).parents[2]
# 67 images in batches of 16: five steps an epoch, the last one of three images. Ten steps in all.
COUNT, PLAIN = 67, TrainConfig(epochs=2, batch_size=16, learning_rate=0.05)
CROPPED = Augment(crop=1)
LITTLE = SpatialLimits(rotation=20.0)
CHANGES = {
    "plain": {},
    "no-momentum": {"momentum": 0.0},
    "augmented": {
        "nesterov": True,
        "schedule": Step((0.3, 0.6)),
        "augment": Augment(flip=True, crop=1, pose=SpatialLimits(rotation=10.0)),
    },
    "bf16": {"precision": "bf16"},
    "adam": {"learning_rate": 0.01, "optimizer": "adam"},
    "adamw": {"learning_rate": 0.01, "optimizer": "adamw"},
    "adversary": {"augment": CROPPED, "adversary": RandomPose(k=3, limits=LITTLE)},
    "accumulated": {
        "augment": CROPPED,
        "adversary": RandomPose(k=2, limits=LITTLE),
        "clean_too": True,
        "precision": "bf16",
        "accumulate": 3,
    },
}
CONFIGS = {name: replace(PLAIN, **changes) for name, changes in CHANGES.items()}


def assert_same_run(one, other):
    assert one.checkpoint.sha256 == other.checkpoint.sha256
    assert [timeless(metrics) for metrics in one.history] == [
        timeless(metrics) for metrics in other.history
    ]
    states = [
        torch.load(result.path.with_name("state.pt"), weights_only=True) for result in (one, other)
    ]
    momenta = [state["optimizer"]["state"] for state in states]
    assert momenta[0].keys() == momenta[1].keys()
    for i, buffers in momenta[0].items():
        for name, value in buffers.items():
            other_value = momenta[1][i][name]
            assert value is other_value is None or torch.equal(value, other_value)


def timeless(metrics):
    return (
        metrics.epoch,
        metrics.step,
        metrics.learning_rate,
        metrics.train_loss,
        metrics.train_accuracy,
        metrics.validation_loss,
        metrics.validation_accuracy,
    )


def assert_resumes_exactly(run, shapes, config, step, ctrl_c, tmp_path, **arguments):
    validation = shapes(20, seed=1)
    straight = run(
        shapes(COUNT), config, out=tmp_path / "straight", validation=validation, **arguments
    )
    springing = shapes(COUNT, spring=ctrl_c, at=step - 1)
    with pytest.raises(KeyboardInterrupt, match=f"step {step} of 10"):
        run(springing, config, validation=validation, **arguments)
    resumed = run(shapes(COUNT), config, validation=validation, **arguments)
    assert_same_run(straight, resumed)
    # Else the comparison would pass for training that does nothing.
    assert straight.history[0].train_loss != straight.history[1].train_loss


@pytest.mark.parametrize(
    ("name", "step"),
    [*((name, 3) for name in CONFIGS), ("plain", 5), ("plain", 10), ("accumulated", 5)],
)
def test_an_interrupted_run_ends_like_one_that_was_not(name, step, run, shapes, ctrl_c, tmp_path):
    """Within an epoch, and at the end of one and of all."""
    assert_resumes_exactly(run, shapes, CONFIGS[name], step, ctrl_c, tmp_path)


def test_random_layers_go_on_exactly(run, shapes, dropout_network, ctrl_c, tmp_path):
    assert_resumes_exactly(run, shapes, PLAIN, 7, ctrl_c, tmp_path, spec=dropout_network)


@pytest.mark.processes
def test_a_compiled_run_goes_on_exactly(run, shapes, dropout_network, ctrl_c, tmp_path, caplog):
    """With layers that draw, parts of batches and a rest, an adversary and its network."""
    config = replace(CONFIGS["adversary"], accumulate=2)
    arguments = {"spec": dropout_network, "compile": "always"}
    with caplog.at_level("INFO", logger="landscape.engine"):
        assert_resumes_exactly(run, shapes, config, 7, ctrl_c, tmp_path, **arguments)
    assert sum(line.startswith("compiled in") for line in caplog.messages) == 6
    assert not any("not compiled" in line for line in caplog.messages)


def test_a_run_can_be_interrupted_again_and_again(run, shapes, ctrl_c, tmp_path):
    straight = run(shapes(COUNT), PLAIN, out=tmp_path / "straight")
    for step in (2, 4, 6, 8):
        with pytest.raises(KeyboardInterrupt, match=f"step {step} of 10"):
            run(shapes(COUNT, spring=ctrl_c, at=1), PLAIN)
    assert_same_run(straight, run(shapes(COUNT), PLAIN))


def test_after_an_error_training_goes_on_from_the_last_save(run, shapes, tmp_path):
    def fail():
        raise OSError("the disk has gone")

    straight = run(shapes(COUNT), PLAIN, out=tmp_path / "straight")
    with pytest.raises(OSError, match="gone"):
        run(shapes(COUNT, spring=fail, at=7), PLAIN)
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step"] == 5
    assert_same_run(straight, run(shapes(COUNT), PLAIN))


def test_metrics_of_steps_that_were_lost_are_dropped(run, shapes, tmp_path):
    """As after kill -9: lines behind the state, and one that is cut short."""

    def fail():
        raise OSError("the disk has gone")

    with pytest.raises(OSError, match="gone"):
        run(shapes(COUNT, spring=fail, at=7), PLAIN, checkpoint_every=2)
    path = tmp_path / "run" / "metrics.jsonl"
    assert [metrics.step for metrics in read_metrics(path)] == [5]  # the state is that of step 0
    with path.open("a") as file:
        file.write('{"epoch": 2, "st')
    result = run(shapes(COUNT), PLAIN, checkpoint_every=2)
    assert [metrics.step for metrics in result.history] == [5, 10]
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize(("there", "here"), [(1, 2), (2, 1), (8, 4)])
def test_another_number_of_processes_is_refused_with_both_and_a_way_out(there, here, tmp_path):
    settings, path = {"seed": 0, "training": {"accumulate": 1}}, tmp_path / "state.pt"
    before, now = ({**settings, **({"processes": n} if n > 1 else {})} for n in (there, here))
    write_state(path, before, {"step": 3})
    way = "leave out torchrun" if there == 1 else f"torchrun --nproc-per-node {there}"
    with pytest.raises(InputError, match=rf"by {there} process.* by {here}: .*{way}.*--overwrite"):
        read_state(path, now)
    with pytest.raises(InputError, match=rf"processes is {there} there and {here} here; seed is 0"):
        read_state(path, {**now, "seed": 1})
    assert read_state(path, before)["step"] == 3


def test_a_run_from_before_batches_had_parts_goes_on(tmp_path):
    path = tmp_path / "state.pt"
    write_state(path, {"training": {"epochs": 3}}, {"step": 3})
    assert read_state(path, {"training": {"epochs": 3, "accumulate": 1}})["step"] == 3
    with pytest.raises(InputError, match=r"training\.accumulate is 1 there and 2 here"):
        read_state(path, {"training": {"epochs": 3, "accumulate": 2}})


def test_what_torchrun_starts_again_goes_on_even_if_it_was_to_overwrite(run, shapes, monkeypatch):
    def fail():
        raise OSError("the disk has gone")

    other = run(shapes(COUNT), replace(PLAIN, learning_rate=0.01))
    with pytest.raises(OSError, match="gone"):
        run(shapes(COUNT, spring=fail, at=7), PLAIN, overwrite=True)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    lasting = shapes(COUNT, spring=fail, at=5)  # the second epoch alone
    one = run(lasting, PLAIN, overwrite=True).checkpoint.sha256
    assert one != other.checkpoint.sha256
    # It died before it had overwritten anything: there is the run of other settings still.
    again = run(shapes(COUNT), replace(PLAIN, learning_rate=0.01), overwrite=True)
    assert again.checkpoint.sha256 == other.checkpoint.sha256


SCRIPT = """
import signal, sys, torch
from pathlib import Path
from landscape.attacks import RandomPose
from landscape.data import load_dataset
from landscape.models import ModelSpec
from landscape.training import TrainConfig, train

signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads({threads})
digits = load_dataset("digits", split="train").take(torch.arange(64))
config = TrainConfig(epochs=30, batch_size=32, learning_rate=0.05)
try:
    train(ModelSpec("cnn", classes=10, channels=1), digits, config, out=Path(sys.argv[1]),
          validation=None, seed=3, device="cpu", checkpoint_every=1000, progress=False,
          overwrite=False)
except KeyboardInterrupt as stopped:
    sys.exit(f"{{type(stopped).__name__}}: {{stopped}}")
"""


def stopped_by(number, out, *, after):
    """What a process says that gets a real signal when so many epochs are over, and its step."""
    script = SCRIPT.format(threads=torch.get_num_threads())
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and len(read_metrics(out / "metrics.jsonl")) < after:
        time.sleep(0.005)
    process.send_signal(number)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 1, message
    return message, torch.load(out / "state.pt", weights_only=True)["step"]


@pytest.mark.processes
def test_a_real_ctrl_c_and_a_real_sigterm_leave_a_run_to_go_on_with(run, tmp_path):
    out = tmp_path / "run"
    message, first = stopped_by(signal.SIGINT, out, after=2)
    assert message.startswith(f"KeyboardInterrupt: training stopped at step {first} of 60")
    assert 4 <= first < 56
    message, second = stopped_by(signal.SIGTERM, out, after=first // 2 + 2)
    assert message.startswith(f"Terminated: training stopped at step {second} of 60")
    assert "the same command goes on from there" in message
    assert first + 2 <= second < 60

    digits = load_dataset("digits", split="train").take(torch.arange(64))
    arguments = {
        "spec": ModelSpec("cnn", classes=10, channels=1),
        "seed": 3,
        "checkpoint_every": 1000,
    }
    config = TrainConfig(epochs=30, batch_size=32, learning_rate=0.05)
    resumed = run(digits, config, **arguments)
    straight = run(digits, config, out=tmp_path / "straight", **arguments)
    assert_same_run(straight, resumed)
