"""Images read ahead by other processes: the same images, and nothing left behind."""

import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from landscape import cores
from landscape.data import ImageSet, load_dataset
from landscape.data.loading import Wanted, default_workers, prepare_views, reading
from landscape.errors import InputError
from landscape.rng import generator

ROOT = Path(__file__).parents[2]
COUNT = 75  # more than two parts of a batch, and a rest
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(COUNT):
        path = folder / "val" / f"class{i % 3}" / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = torch.randint(0, 256, (3, 4, 3), generator=generator(i), dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).resize((260 + i, 300)).save(path)
    return folder


@pytest.fixture
def data(root) -> ImageSet:
    return load_dataset("imagefolder", root=root, split="val")


@pytest.fixture(autouse=True)
def _no_process_is_left():
    yield
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("size", [40, 200])
@pytest.mark.processes
def test_processes_read_what_this_one_reads(data, workers, size):
    batches = list(data.batches(size, workers=workers))
    assert [len(y) for _, y in batches] == [len(part) for part in torch.arange(COUNT).split(size)]
    assert_close(torch.cat([x for x, _ in batches]), data.images(), rtol=0, atol=0)
    assert_close(torch.cat([y for _, y in batches]), data.labels)


def views(data, workers, wanted):
    with reading(data.pixels, wanted, workers=workers, batch=40) as pictures:
        return [read.images(CPU) for read in pictures]


def test_a_view_depends_on_its_seed_alone(data):
    places = torch.randperm(COUNT, generator=generator(0)).split(40)
    wanted = [Wanted(part, tuple(100 + place for place in part.tolist())) for part in places]
    prepare_views(data.name, data.pixels)
    before = torch.get_rng_state()
    here, one, two = (torch.cat(views(data, workers, wanted)) for workers in (0, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert_close(one, here, rtol=0, atol=0)
    assert_close(two, here, rtol=0, atol=0)
    assert (here.shape, here.dtype) == ((COUNT, 3, 224, 224), torch.float32)
    assert (here.min(), here.max()) == (0, 1)
    (alone,) = views(data, 0, [Wanted(places[1][3:4], wanted[1].seeds[3:4])])
    assert_close(alone, here[43:44], rtol=0, atol=0)
    (other,) = views(data, 0, [Wanted(places[1][3:4], (5,))])
    assert not torch.equal(alone, other)


def test_requests_are_taken_no_further_ahead_than_two_batches(data):
    asked = []

    def wanted():
        for part in torch.arange(COUNT).repeat(20).split(40):
            asked.append(part)
            yield Wanted(part)

    with reading(data.pixels, wanted(), workers=2, batch=40) as pictures:
        next(pictures)
        assert 2 <= len(asked) <= 4


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_that_cannot_be_read_is_named_when_its_turn_comes(root, workers, tmp_path, capfd):
    folder = tmp_path / "val" / "class0"
    folder.mkdir(parents=True)
    for i, path in enumerate(sorted((root / "val" / "class0").iterdir()) * 4):
        (folder / f"{i:03}.png").symlink_to(path)
    (folder / "050.png").unlink()
    (folder / "050.png").write_text("no picture")
    batches = load_dataset("imagefolder", root=tmp_path, split="val").batches(40, workers=workers)
    assert len(next(batches)[1]) == 40
    with pytest.raises(InputError, match=r"050\.png cannot be read as an image: [^\n]*$"):
        next(batches)
    assert capfd.readouterr().err == ""


def test_who_stops_early_leaves_no_process(data):
    batches = data.batches(16, workers=2)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()
    assert multiprocessing.active_children() == []


def lose_a_process(data, seconds):
    wanted = map(Wanted, torch.arange(COUNT).repeat(99).split(40))
    with reading(data.pixels, wanted, workers=2, batch=40) as pictures:
        next(pictures)
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        time.sleep(seconds)
        list(pictures)


@pytest.mark.parametrize(
    ("seconds", "why"),
    [(0, "(Killed|exited unexpectedly)"), (10, "Killed")],
    ids=["while-reading", "while-computing"],
)
def test_a_process_that_is_killed_is_one_sentence(data, seconds, why, capfd):
    """PyTorch may miss it, while it waits for its images, before it hears the signal."""
    with pytest.raises(InputError, match=rf"process that reads .* --workers 0 .*: .*{why}") as told:
        lose_a_process(data, seconds)
    assert "\n" not in str(told.value)
    assert capfd.readouterr().err == ""


def test_so_is_one_that_is_missed_before_its_signal_is_heard(data):
    """PyTorch then finds its queue empty, and the process gone."""
    gone = RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly")
    wanted = map(Wanted, torch.arange(COUNT).split(40))
    with (
        pytest.raises(InputError, match=r"--workers 0 .*: DataLoader worker .* unexpectedly$"),
        reading(data.pixels, wanted, workers=2, batch=40),
    ):
        raise gone from queue.Empty()


class Failing:
    """Pixels on disk whose reading fails as nobody foresaw."""

    def __getitem__(self, indices, /):
        raise ZeroDivisionError("no pixels")

    shape, sha256, take = (COUNT, 3, 224, 224), "0", __getitem__


@pytest.mark.parametrize("workers", [0, 2])
def test_a_mistake_in_the_program_is_not_taken_for_bad_input(workers):
    wanted = map(Wanted, torch.arange(COUNT).split(40))
    with (
        pytest.raises(ZeroDivisionError),
        reading(Failing(), wanted, workers=workers, batch=40) as pictures,
    ):
        next(pictures)


SCRIPT = """
import os, sys, time, torch
from landscape.data import load_dataset
data = load_dataset("imagefolder", root=sys.argv[1], split="val")
try:
    while True:
        for _ in data.batches(16, workers=2):
            print("read", flush=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.processes
def test_ctrl_c_to_the_whole_group_of_processes_reaches_the_main_one_alone(root):
    """Again and again, so that it also comes while processes start and end."""
    for i in range(2):
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SCRIPT, str(root)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stdout.readline() == "read\n"
        time.sleep(0.1 * i)
        os.killpg(process.pid, signal.SIGINT)
        output, error = process.communicate(timeout=30)
        assert output.endswith("stopped\n")
        assert (process.returncode, error) == (0, "")


def test_how_many_processes_read(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(usable))
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    counts = []
    for usable in (1, 2, 6, 64):  # noqa: B007  # read above
        counts.append(default_workers(10**6))
    assert counts == [0, 2, 6, 8]
    assert default_workers(32) == 0  # one process would read them all
    assert default_workers(65) == 3
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "16")
    assert default_workers(10**6) == 4
    (tmp_path / "cpu.max").write_text("max 100000")
    assert default_workers(10**6) == 4
    (tmp_path / "cpu.max").write_text("3200000 100000")
    assert default_workers(10**6) == 2


def test_sets_without_views_are_refused():
    digits = load_dataset("digits")
    with pytest.raises(InputError, match="digits has images of one size"):
        prepare_views(digits.name, digits.pixels)
