"""A few of the mutated files of scripts/fuzz.py; the script itself reads thousands."""

import os
import shutil
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
FILES = 60
KINDS = ("surface: weights", "unfinished: weights", "Li: directions", "Li: projection")
KINDS += ("training state", "curve")
READERS = ("open_surface", "load_directions", "read_li", "info", "read_state", "load_curve")


@pytest.fixture(autouse=True)
def _scripts_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture
def seeds(tmp_path):
    from fuzzing.seeds import make_seeds

    made = make_seeds(tmp_path / "seeds", KINDS)
    assert [seed.kind for seed in made] == list(KINDS)
    return made


def test_mutated_files_are_read_or_refused_in_one_sentence(seeds, tmp_path):
    from fuzzing.mutations import mutate
    from fuzzing.readers import read

    work, outcomes = tmp_path / "work", []
    work.mkdir()
    for number in range(FILES):
        seed = seeds[number % len(seeds)]
        path = work / f"{number}{seed.path.suffix}"
        shutil.copy(seed.path, path)
        how = mutate(path, np.random.default_rng([0, number]), [one.path for one in seeds])
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


@pytest.mark.processes
def test_crashes_hangs_and_tracebacks_are_counted(seeds, tmp_path, monkeypatch):
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
    results = pool.run(
        seeds,
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
