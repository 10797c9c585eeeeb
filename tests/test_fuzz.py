"""A few of the mutated files of scripts/fuzz.py; the script itself reads thousands."""

import os
import shutil
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from torch import nn

from landscape.directions.curve import straight
from landscape.store import (
    Axis,
    Constant,
    Field,
    Layout,
    SurfaceWriter,
    write_li_directions,
    write_li_projection,
)
from landscape.training.state import write_state

SCRIPTS = Path(__file__).parents[1] / "scripts"
FILES = 60
READERS = ("open_surface", "load_directions", "read_li", "info", "read_state", "load_curve")


@pytest.fixture(autouse=True)
def _scripts_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))


def layout():
    axes = [Axis(name, np.linspace(-1, 1, n), "1", name) for name, n in (("alpha", 5), ("beta", 3))]
    return Layout(
        kind="weights",
        points=tuple(axes),
        fields=(Field("loss", "float64", "nat", "mean loss"),),
        constants=(Constant("path_alpha", ("path",), np.arange(4.0), "place"),),
        configuration={"seed": 0},
        about={"title": "a surface", "provenance": {}, "path_names": list("abcd")},
        directions={"alpha": np.arange(6.0), "beta": np.ones(6)},
        parameters={"weight": (2, 2), "bias": (2,)},
    )


def write(path, *, whole=True):
    with SurfaceWriter(path, layout()) as writer:
        points = writer.pending()[: None if whole else 7]
        writer.write(points, {"loss": 1.0 + points})
        if whole:
            writer.finish({"checks": []})
    return path


def seeds(folder):
    """Files of most kinds, made without a network to measure."""
    from fuzzing.networks import SETTINGS
    from fuzzing.seeds import Seed

    folder.mkdir()
    vectors = {"alpha": [np.ones((2, 2)), np.ones(2)]}
    write_li_directions(vectors, folder / "steps.h5")
    write_li_projection({"alpha": np.arange(4.0), "beta": np.ones(4)}, folder / "places.h5")
    write_state(folder / "state.pt", SETTINGS, {"step": 1, "weights": nn.Linear(2, 2).state_dict()})
    straight(nn.Linear(2, 2), nn.Linear(2, 2)).save(folder / "curve.pt")
    return [
        Seed("surface", write(folder / "whole.h5"), "surface", layout()),
        Seed("unfinished", write(folder / "part.h5", whole=False), "surface", layout()),
        Seed("Li: directions", folder / "steps.h5", "li"),
        Seed("Li: projection", folder / "places.h5", "li"),
        Seed("state", folder / "state.pt", "state"),
        Seed("curve", folder / "curve.pt", "curve"),
    ]


def test_mutated_files_are_read_or_refused_in_one_sentence(tmp_path):
    from fuzzing.mutations import mutate
    from fuzzing.readers import read

    made, work, outcomes = seeds(tmp_path / "seeds"), tmp_path / "work", []
    work.mkdir()
    for number in range(FILES):
        seed = made[number % len(made)]
        path = work / f"{number}{seed.path.suffix}"
        shutil.copy(seed.path, path)
        how = mutate(path, np.random.default_rng([0, number]), [one.path for one in made])
        outcome, detail = read(path, seed, work, number, READERS)
        assert outcome in ("accepted", "refused"), f"file {number} ({seed.kind}; {how}): {detail}"
        outcomes.append(outcome)
        path.unlink()
    assert FILES / 20 < outcomes.count("accepted") < FILES / 2


def test_the_same_seed_gives_the_same_files(tmp_path):
    from fuzzing.mutations import mutate

    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = np.arange(5.0)
    for number in range(4):
        found = []
        for copy in "ab":
            path = tmp_path / f"{copy}.h5"
            shutil.copy(tmp_path / "x.h5", path)
            mutate(path, np.random.default_rng([1, number]), [tmp_path / "x.h5"])
            found.append(path.read_bytes())
        assert found[0] == found[1]


def test_crashes_hangs_and_tracebacks_are_counted(tmp_path, monkeypatch):
    """Files at which a reader dies, sleeps or raises are told from those it takes or refuses."""
    from fuzzing import pool
    from fuzzing.report import failures, table

    def reader(path, seed, folder, number):
        (folder / "reader").write_text("reader")
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 2:
            while True:
                time.sleep(0)
        return ("traceback", "reader: ZeroDivisionError") if number == 3 else ("accepted", "")

    monkeypatch.setattr(pool, "read", reader)
    made = seeds(tmp_path / "seeds")
    results = pool.run(
        made,
        tmp_path,
        count=6,
        seed=0,
        processes=1,
        limits=pool.Limits(0.5, 2048),
        keep=tmp_path / "kept",
    )
    found = {result.number: result.outcome for result in results}
    assert found == {i: "accepted" for i in (0, 4, 5)} | {1: "crash", 2: "hang", 3: "traceback"}
    assert "| all | 6 | 3 | 0 | 1 | 1 | 1 |" in table(results)
    assert "1 x hang, e.g. file 2" in failures(results)
    kept = {path.name.partition(".")[0] for path in (tmp_path / "kept").iterdir()}
    assert kept == {"crash-mutant1", "hang-mutant2", "traceback-mutant3"}
