"""Files that are cut, flipped, of a newer schema, of another program, or of nothing at all."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

import landscape
from landscape.store import load_directions
from reliability.counting import Bench, Tally, expect
from reliability.jobs import Forked, server
from reliability.sweeps import KINDS, Sweep, leftovers, told_in_one_line

HANGS = 30  # seconds in which a file must have been read
RESUMED = 20  # every so manyth damaged file is given to its sweep, too
Change = Callable[[bytearray], str]
"""Damages the content of a file, and says how."""


def flipped(bench: Bench) -> Tally:
    """Single bits, anywhere: noticed, or everything that is read is as it was."""
    return _damaged(bench, bench.counts.flips, _flip)


def truncated(bench: Bench) -> Tally:
    """Files that end too early, anywhere."""
    return _damaged(bench, bench.counts.cuts, _cut)


def _flip(bench: Bench, path: Path) -> Change:
    """A random bit; half of them beside the directions, which are most of a file."""
    size, apart = path.stat().st_size, _directions(path)
    while True:
        offset = int(bench.random.integers(size))
        if bench.random.uniform() < 0.5 or not any(a <= offset < b for a, b in apart):
            break
    bit = int(bench.random.integers(8))

    def change(content: bytearray) -> str:
        content[offset] ^= 1 << bit
        return f"bit {bit} of byte {offset}"

    return change


def _cut(bench: Bench, path: Path) -> Change:
    """Any length, most of them near the end or the start."""
    size = path.stat().st_size
    kept = int(size * bench.random.uniform() ** bench.random.choice([0.02, 1.0, 50.0]))

    def change(content: bytearray) -> str:
        del content[kept:]
        return f"cut to {kept} of {size} bytes"

    return change


def _directions(path: Path) -> list[tuple[int, int]]:
    """Where the directions lie in a file."""
    with h5py.File(path, "r", locking=False) as file:
        vectors = [d for d in file.get("directions", {}).values() if d.chunks]
        found = [d.id.get_chunk_info(i) for d in vectors for i in range(d.id.get_num_chunks())]
    return [(chunk.byte_offset, chunk.byte_offset + chunk.size) for chunk in found]


def _damaged(bench: Bench, count: int, damage: Callable[[Bench, Path], Change]) -> Tally:
    tally = Tally()
    kinds = list(KINDS)
    for i, kind in enumerate(kinds):
        sweep = Sweep.run(bench, kind)
        part = sweep.part(bench, 0.4)
        for j, good in enumerate((sweep.whole, part)):
            share = len(range(2 * i + j, count, 2 * len(kinds)))
            _damage_one(bench, tally, sweep, good, [damage(bench, good) for _ in range(share)])
    return tally


def _damage_one(
    bench: Bench, tally: Tally, sweep: Sweep, good: Path, changes: Sequence[Change]
) -> None:
    """Damage copies of a file, and have them read by a process of its own: HDF5 may crash."""
    folder = bench.folder / f"copies-{good.stem}"
    folder.mkdir()
    content, how = good.read_bytes(), []
    for number, change in enumerate(changes):
        changed = bytearray(content)
        how.append(change(changed))
        (folder / f"{number}.h5").write_bytes(changed)
    verdicts = _read_all(good, folder, len(changes))
    state = "finished" if good == sweep.whole else "unfinished"
    for number, verdict in enumerate(verdicts):
        with tally.trial(f"{good.name}, {how[number]}"):
            tally.saw[f"{state}: {verdict.split(':')[0]}"] += 1
            resume = state == "unfinished" and (number % RESUMED == 0 or "differs" in verdict)
            if resume and not verdict.startswith("crash"):
                _resume(bench, tally, sweep, folder / f"{number}.h5")
            expect(verdict in ("noticed", "harmless"), verdict)
    shutil.rmtree(folder)


def _resume(bench: Bench, tally: Tally, sweep: Sweep, path: Path) -> None:
    """The sweep refuses the file with a sentence, or finishes it as if nothing had been."""
    before = path.read_bytes()
    job = Forked(sweep.into(path), bench.folder / "log")
    status = job.wait()
    if status == 0:
        sweep.refuse_other(path)
        tally.saw["sweeps that went on and ended as they should"] += 1
    else:
        expect(status == 2, f"the resumed sweep ended with {status}: {job.told[-500:]}")
        told_in_one_line(job.told)
        expect(path.read_bytes() == before, "the sweep refused the file and changed it")
        tally.saw["sweeps that refused the file"] += 1


def _read_all(good: Path, folder: Path, count: int) -> list[str]:
    """What became of reading each file, by processes that may die of it."""
    verdicts: list[str] = []
    while len(verdicts) < count:
        report = folder / "report.jsonl"
        process = server().Process(
            target=_judge, args=(good, folder, len(verdicts), count, report), daemon=True
        )
        process.start()
        seen, since = -1, time.monotonic()
        while process.is_alive() and time.monotonic() - since < HANGS:
            process.join(0.1)
            if (size := report.stat().st_size if report.exists() else 0) != seen:
                seen, since = size, time.monotonic()
        hangs = process.is_alive()
        process.kill()
        process.join()
        lines = report.read_text().splitlines() if report.exists() else []
        verdicts += [json.loads(line) for line in lines]
        report.unlink(missing_ok=True)
        if len(verdicts) < count:
            verdicts.append("hang: no end" if hangs else f"crash: status {process.exitcode}")
    return verdicts


def _judge(good: Path, folder: Path, start: int, count: int, report: Path) -> None:
    truth = landscape.load_surface(good)
    directions = _vectors(good, truth)
    with report.open("a") as file:
        for number in range(start, count):
            verdict = _verdict(truth, directions, folder / f"{number}.h5")
            file.write(json.dumps(verdict) + "\n")
            file.flush()


def _verdict(truth: xr.Dataset, directions: dict[str, bytes], path: Path) -> str:
    try:
        data = landscape.load_surface(path)
        found = _content(data, _vectors(path, data), data.done.values)
    except (landscape.InputError, OSError):  # what the command line makes one sentence of
        return "noticed"
    except Exception as error:
        return f"traceback: {type(error).__name__}: {error}"
    taken_back = bool(((truth.done.values == 1) & (data.done.values != 1)).any())
    wanted = _content(truth, directions, data.done.values if taken_back else truth.done.values)
    for name in wanted.keys() | found.keys():
        if wanted.get(name) != found.get(name):
            return f"differs: {name}"
    return "noticed" if taken_back else "harmless"


def _vectors(path: Path, data: xr.Dataset) -> dict[str, bytes]:
    """The directions of a weight surface."""
    if data.attrs["kind"] != "weights":
        return {}
    return {f"direction {n}": vector.tobytes() for n, vector in load_directions(path).items()}


def _content(data: xr.Dataset, directions: dict[str, bytes], done: np.ndarray) -> dict[str, Any]:
    """All that a reader is told: facts, names, units, coordinates, values and directions.

    Of points that are not marked as done nothing is told.
    """
    found: dict[str, Any] = {"facts": repr(sorted(landscape.store.facts(data).items()))}
    for name, variable in data.variables.items():
        marks = (done == 1).tobytes()  # other numbers mean nothing
        values = marks if name == "done" else _marked(data, variable, done)
        found[str(name)] = (variable.dims, repr(variable.attrs), values)
    return found | directions


def _marked(data: xr.Dataset, variable: xr.Variable, done: np.ndarray) -> bytes:
    dims = data.done.dims
    if not set(dims) <= set(variable.dims):
        return variable.values.tobytes()
    return bytes(variable.transpose(*dims, ...).values[done == 1].tobytes())


def foreign(bench: Bench) -> Tally:
    """A newer schema, other programs' files, empty files and folders, at every command."""
    tally = Tally()
    sweep = Sweep.run(bench, "weights")
    cases = [(name, command) for name in FOREIGN for command in ("sweep", "info", "plot", "export")]
    bench.random.shuffle(cases)
    for name, command in sorted(cases[: bench.counts.refused]):
        folder = bench.folder / f"{command}-{name}"
        folder.mkdir()
        path = folder / f"{name}.h5"
        FOREIGN[name](sweep, path)
        before = path.read_bytes() if path.is_file() else b""
        with tally.trial(folder.name):
            words = sweep.into(path) if command == "sweep" else (command, path)
            job = Forked(words, bench.folder / "log")
            status = job.wait()
            expect(status == 2, f"status {status}: {job.told[-500:]}")
            expect(path.name in told_in_one_line(job.told), job.told)
            now = path.read_bytes() if path.is_file() else b""
            expect(now == before and not leftovers(folder, path), "something changed")
            tally.saw["refused with a sentence that names the file"] += 1
    return tally


def _newer(sweep: Sweep, path: Path) -> None:
    shutil.copy(sweep.whole, path)
    with h5py.File(path, "r+") as file:
        file.attrs["landscape_schema"] = 99


def _another(sweep: Sweep, path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["loss"], file["alpha"] = np.zeros(3), np.arange(3)


def _netcdf(sweep: Sweep, path: Path) -> None:
    xr.Dataset({"loss": ("alpha", np.zeros(3))}).to_netcdf(path, engine="h5netcdf")


FOREIGN: dict[str, Callable[[Sweep, Path], object]] = {
    "newer": _newer,
    "another": _another,
    "netcdf": _netcdf,
    "empty": lambda _, path: path.touch(),
    "text": lambda _, path: path.write_text("loss,alpha\n1,2\n"),
    "folder": lambda _, path: path.mkdir(),
}
