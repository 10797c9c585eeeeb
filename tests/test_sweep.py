"""Filling a file by a plan, with a surface whose values are known."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import landscape
from landscape.errors import InputError
from landscape.store import Axis, Field, Layout, load_surface
from landscape.store.plan import Adaptive, Everything
from landscape.surfaces.checks import Check, nonfinite_share, sample_points
from landscape.sweep import sweep


class Ripple:
    """A surface in closed form that counts its points, and may press Ctrl-C at one."""

    def __init__(self, shape=(17, 20), *, stop=None, seconds=0.0, per_call=3):
        self.layout = Layout(
            kind="weights",
            points=tuple(
                Axis(name, np.linspace(-1, 1, n), "1", name)
                for name, n in zip(("alpha", "beta"), shape, strict=True)
            ),
            fields=(
                Field("loss", "float64", "nat", "loss"),
                Field("accuracy", "float64", "1", "accuracy"),
            ),
            configuration={"model": "ripple"},
            about={"title": "a ripple"},
        )
        self.points_per_call, self.stop, self.seconds = per_call, stop, seconds
        self.asked, self.prepared = [], None

    def prepare(self, points, group=None):
        self.prepared = points

    def run_facts(self):
        return {"by": "hand"}

    def evaluate(self, points):
        for point in points:
            self.asked.append(tuple(point))
            time.sleep(self.seconds)
            if self.stop is not None and len(self.asked) == self.stop + 1:
                signal.raise_signal(signal.SIGINT)
        x, y = points.T
        return {"loss": loss_at(x, y), "accuracy": 1 / (1 + x**2 + y**2)}

    def checks(self, data):
        points = sample_points(data.loss, data.done)
        off = max(abs(float(p) - loss_at(float(p.alpha), float(p.beta))) for p in points)
        return [
            Check("recomputed", "difference", float(off), limit=1e-12),
            nonfinite_share(data.loss, data.done),
        ]


def loss_at(x, y):
    return 1 + 4 * np.hypot(x - 0.2, y) ** 2 + np.sin(6 * x * y)


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard(monkeypatch):
    """Also where the suite runs with Ctrl-C ignored, as in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_adaptive_sweep_measures_few_points_and_knows_the_rest(tmp_path):
    surface, out = Ripple(), tmp_path / "s.h5"
    sweep(surface, out, plan=Adaptive(0.02))
    data = load_surface(out)
    assert len(set(surface.asked)) == len(surface.asked) == int(data.done.sum()) < 140
    assert surface.prepared == 17 * 20
    assert data.attrs["complete"] == 1
    part = landscape.store.complete_part(data)
    truth = loss_at(*np.meshgrid(part.alpha, part.beta, indexing="ij"))
    off = np.log1p(part.loss) - np.log1p(truth)
    assert np.abs(off).max() < 1.5 * 0.02 * np.ptp(np.log1p(truth))
    np.testing.assert_array_equal(part.loss.values[data.done == 1], truth[data.done == 1])
    assert np.isfinite(part.accuracy).all()


def test_a_plan_that_cannot_be_followed_leaves_no_file(tmp_path):
    with pytest.raises(InputError, match="a budget of 81 points or more"):
        sweep(Ripple(), tmp_path / "s.h5", plan=Adaptive(budget=80))
    assert not list(tmp_path.iterdir())


def test_checks_see_measured_points_alone(tmp_path):
    out = tmp_path / "s.h5"
    sweep(Ripple(), out, plan=Adaptive(budget=90))
    recomputed, share = json.loads(load_surface(out).attrs["checks"])
    assert recomputed["passed"]
    assert recomputed["value"] == 0
    assert share["value"] == 0


@pytest.mark.parametrize("plan", [Everything(), Adaptive(0.004), Adaptive(budget=130)], ids=str)
@pytest.mark.parametrize("stop", [1, 100])
def test_an_interrupted_sweep_continues_to_the_same_file(tmp_path, plan, stop):
    whole, two = tmp_path / "whole.h5", tmp_path / "two.h5"
    straight, first, second = Ripple(), Ripple(stop=stop), Ripple()
    sweep(straight, whole, plan=plan)
    with pytest.raises(KeyboardInterrupt):
        sweep(first, two, plan=plan)
    stopped = load_surface(two)
    assert not stopped.attrs["complete"]
    assert stop < len(first.asked) == int(stopped.done.sum()) <= stop + 3
    sweep(second, two, plan=plan)
    assert set(first.asked) & set(second.asked) == set()
    assert set(first.asked) | set(second.asked) == set(straight.asked)
    a, b = load_surface(whole), load_surface(two)
    for name in ("loss", "accuracy", "done"):
        np.testing.assert_array_equal(a[name], b[name])
    assert a.attrs.get("adaptive") == b.attrs.get("adaptive")
    assert b.attrs["points_from_earlier_runs"] == len(first.asked)


KILLED = """
import sys
sys.path[:0] = [{here!r}]
from test_sweep import *
sweep(Ripple(seconds=0.002), Path({path!r}), plan=Adaptive(0.02), flush_seconds=0.02)
"""


@pytest.mark.processes
def test_a_killed_sweep_continues_to_the_same_file(tmp_path):
    path, whole = tmp_path / "s.h5", tmp_path / "whole.h5"
    code = KILLED.format(here=str(Path(__file__).parent), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while not path.exists() or int(load_surface(path).done.sum()) < 40:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert int(load_surface(path).done.sum()) >= 40
    sweep(rest := Ripple(), path, plan=Adaptive(0.02))
    sweep(Ripple(), whole, plan=Adaptive(0.02))
    a, b = load_surface(whole), load_surface(path)
    np.testing.assert_array_equal(a.loss, b.loss)
    assert 0 < len(rest.asked) < int(a.done.sum())


def test_a_finished_adaptive_file_is_refined_and_completed(tmp_path):
    out, full = tmp_path / "s.h5", tmp_path / "full.h5"
    asked = []
    for plan in (
        Adaptive(0.05),
        Adaptive(0.05),
        Adaptive(0.01),
        Adaptive(budget=120),
        Everything(),
    ):
        sweep(surface := Ripple(), out, plan=plan)
        asked.append(len(surface.asked))
    assert [count > 0 for count in asked] == [True, False, True, False, True]
    assert sum(asked) == 17 * 20
    sweep(Ripple(), full)
    a, b = load_surface(full), load_surface(out)
    np.testing.assert_array_equal(a.loss, b.loss)
    assert "adaptive" not in b.attrs
    assert b.attrs["complete"] == 1
    sweep(surface := Ripple(), out, plan=Adaptive(0.001))
    assert not surface.asked


def test_tolerance_and_budget_are_no_part_of_what_must_agree(tmp_path):
    out = tmp_path / "s.h5"
    sweep(Ripple(), out, plan=Adaptive(budget=90))
    with pytest.raises(InputError, match="alpha is 17 values from -1 to 1 in the file, 9 values"):
        sweep(Ripple((9, 20)), out, plan=Adaptive(budget=90))
    sweep(Ripple(), out, plan=Adaptive(budget=95))
    told = json.loads(load_surface(out).attrs["adaptive"])
    assert (told["budget"], told["points"]) == (95, 95)


def test_progress_counts_towards_the_budget(tmp_path, capsys):
    out = tmp_path / "s.h5"
    sweep(Ripple(), out, plan=Adaptive(budget=90), show_progress=True)
    assert "90/90 points" in capsys.readouterr().err
    sweep(Ripple(), out, plan=Adaptive(budget=120), show_progress=True)
    assert "120/120 points" in capsys.readouterr().err
