"""Sweeps by several processes: the real torchrun, and what they leave each other."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from landscape.store import load_surface, open_surface

HERE = Path(__file__).parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
TOGETHER = """
import json, os, sys, time
sys.path[:0] = [{here!r}]
from test_sweep import *
from landscape.filling import fill, help_fill
from landscape.processes import joined
from landscape.store import SurfaceWriter

group = joined()
folder = Path({folder!r})
os.chdir(folder)

class Counted(Ripple):
    def evaluate(self, points):
        with open(folder / f"asked-{{group.rank}}", "a") as log:
            for x, y in points:
                print(float(x).hex(), float(y).hex(), file=log)
        return super().evaluate(points)

def run(name, plan, **changes):
    sweep(Counted(**changes), Path(name), plan=plan, group=group)
    if group.leads:
        sweep(Ripple(**changes), Path(f"alone-{{name}}"), plan=plan)
"""
WORK = """
run("all.h5", Everything(), seconds=0.0005)
run("all.h5", Everything())
run("some.h5", Adaptive(0.02))
run("one.h5", Everything(), shape=(1, 1))
try:
    sweep(Ripple((9, 9)), Path("all.h5"), group=group)
except InputError as error:
    print(f"rank {group.rank} refused: {error}")
try:
    sweep(Ripple((9, 9 + group.rank)), Path("other.h5"), group=group)
except InputError as error:
    print(f"rank {group.rank} differs: {error}")
"""


def code(folder, work):
    text = TOGETHER.format(here=str(HERE), folder=str(folder)) + work
    (folder / "work.py").write_text(text)
    return [str(folder / "work.py")]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What three processes did, and what they said."""
    folder = tmp_path_factory.mktemp("together")
    done = subprocess.run(
        [*TORCHRUN, "3", *code(folder, WORK)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.mark.parametrize("name", ["all.h5", "some.h5", "one.h5"])
@pytest.mark.processes
def test_three_processes_write_the_file_of_one(together, name):
    folder, _ = together
    ours, theirs = load_surface(folder / f"alone-{name}"), load_surface(folder / name)
    for field in ("loss", "accuracy", "done"):
        np.testing.assert_array_equal(theirs[field], ours[field])
    for fact in ("checks", "adaptive", "complete"):
        assert theirs.attrs.get(fact) == ours.attrs.get(fact)


@pytest.mark.processes
def test_all_take_part_and_no_point_is_computed_twice(together):
    folder, _ = together
    logs = [(folder / f"asked-{rank}").read_text().splitlines() for rank in range(3)]
    assert all(logs)
    grid = 17 * 20 + int(load_surface(folder / "some.h5").done.sum()) + 1
    assert sum(map(len, logs)) == grid


@pytest.mark.processes
def test_what_cannot_be_is_told_to_all(together):
    _, said = together
    for rank in range(3):
        assert f"rank {rank} refused: all.h5 holds another surface" in said
        assert f"rank {rank} differs: expected the same settings and data in all processes" in said


SLOW = """
Path(f"pid-{group.rank}").write_text(str(os.getpid()))
try:
    sweep(Ripple(seconds=0.01), Path("s.h5"), group=group, flush_seconds=0.05)
except KeyboardInterrupt as stop:
    print(f"rank {group.rank} stopped: {type(stop).__name__}", flush=True)
    sys.exit(3)
"""


def points_in(path):
    with open_surface(path) as data:
        return int(data.done.sum())


@pytest.mark.processes
def test_one_is_killed_the_other_stops_and_keeps_what_there_is_and_one_goes_on(
    tmp_path, monkeypatch
):
    """A helper that dies makes torchrun end the first process by SIGTERM."""
    path = tmp_path / "s.h5"
    command = [*TORCHRUN, "2", *code(tmp_path, SLOW)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as torchrun:
        while not path.exists() or points_in(path) < 40:
            assert torchrun.poll() is None
            time.sleep(0.02)
        os.kill(int((tmp_path / "pid-1").read_text()), signal.SIGKILL)
        said = torchrun.communicate(timeout=60)[0].decode()
    assert torchrun.returncode != 0
    assert "rank 0 stopped: Terminated" in said
    assert 40 <= (points := points_in(path)) < 17 * 20
    monkeypatch.syspath_prepend(str(HERE))
    from test_sweep import Ripple, sweep

    rest = Ripple()
    sweep(rest, path)
    assert len(rest.asked) == 17 * 20 - points
    sweep(Ripple(), tmp_path / "whole.h5")
    np.testing.assert_array_equal(load_surface(path).loss, load_surface(tmp_path / "whole.h5").loss)
