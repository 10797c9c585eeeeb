"""kill -9 at any instant, and the failure of power."""

import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from reliability.counting import Bench, Tally, expect, later
from reliability.jobs import Conditions, Forked, Typed, until
from reliability.sweeps import KINDS, Sweep, leftovers, share_done

UNITS = (512, 4096)  # bytes that reach the disk together, or not: a sector, a page
AGAIN = 0.6  # of the resumed sweeps are killed, too
AIMED = ("creating", "checking", "packing")

Killed = Callable[[Path], tuple[bool, str]]
"""Starts a sweep into a file and kills it: whether it was in time, and in which phase it was."""


def killed_at_any_instant(bench: Bench) -> Tally:
    """Kill -9 at instants that are uniform over a sweep's life, again and again, then resume."""
    tally = Tally()
    for kind, kills in zip(KINDS, _halves(bench.counts.kills), strict=True):
        sweep = Sweep.run(bench, kind)

        def killed(path: Path, sweep: Sweep = sweep) -> tuple[bool, str]:
            job = Forked(sweep.into(path), path.with_suffix(".log"))
            until(lambda: job.seconds["starting"] or not job.running, job, seconds=0.05)
            time.sleep(bench.random.uniform(0.0, sweep.life))
            return _kill(job)

        _chains(bench, tally, sweep, kills, killed)
    return tally


@later("typed")
def killed_in_every_phase(bench: Bench) -> Tally:
    """Kill -9 at random instants within creation, checks and packing."""
    tally = Tally()
    for kind in KINDS:
        sweep = Sweep.run(bench, kind)
        for phase, count in zip(AIMED, [bench.counts.aimed] * len(AIMED), strict=True):

            def killed(path: Path, sweep: Sweep = sweep, phase: str = phase) -> tuple[bool, str]:
                job = Forked(sweep.into(path), path.with_suffix(".log"))
                until(lambda: job.phase == phase, job)
                time.sleep(bench.random.uniform(0.0, 1.2 * sweep.seconds[phase]))
                return _kill(job)

            _chains(bench, tally, sweep, count, killed)
    return tally


def killed_within_a_write(bench: Bench) -> Tally:
    """Kill -9 at a random write to the file, of which a half is written."""
    tally = Tally()
    for kind in KINDS:
        sweep = Sweep.run(bench, kind)
        fields = sum(set(sweep.truth.done.dims) <= set(v.dims) for v in sweep.truth.values())
        writes = sweep.truth.done.size * (fields + 1)  # and the checksums

        def killed(path: Path, sweep: Sweep = sweep, writes: int = writes) -> tuple[bool, str]:
            conditions = Conditions(dies_at_write=int(bench.random.integers(writes)))
            job = Forked(sweep.into(path), path.with_suffix(".log"), conditions)
            status, phase = job.wait(), job.phase
            return status == -signal.SIGKILL, phase

        _chains(bench, tally, sweep, 2 * bench.counts.aimed, killed)
    return tally


@later("commands")
def killed_as_typed(bench: Bench) -> Tally:
    """Kill -9 of the command line as a user types it."""
    tally = Tally()
    for kind, kills in zip(KINDS, _halves(bench.counts.commands), strict=True):
        sweep = Sweep.run(bench, kind)
        started = time.monotonic()
        Typed(sweep.into(bench.folder / "typed.h5"), bench.folder / "typed.log").wait()
        life = time.monotonic() - started

        def killed(path: Path, sweep: Sweep = sweep, life: float = life) -> tuple[bool, str]:
            job = Typed(sweep.into(path), path.with_suffix(".log"))
            time.sleep(bench.random.uniform(0.3, 1.0) * life)
            job.send(signal.SIGKILL)
            return job.wait() == -signal.SIGKILL, "typed"

        _chains(bench, tally, sweep, kills, killed)
    return tally


def _chains(bench: Bench, tally: Tally, sweep: Sweep, kills: int, killed: Killed) -> None:
    """Files that are filled by sweeps that are killed, until one gets through."""
    before = tally.saw["kills"]
    for number in range(10 * kills):
        if (left := kills - tally.saw["kills"] + before) <= 0:
            return
        folder = bench.folder / f"{sweep.words[0]}-{tally.tried}-{number}"
        folder.mkdir()
        path = folder / "s.h5"
        with tally.trial(folder.name):
            _kill_again(bench, tally, sweep, path, left, killed)
            _finish(tally, sweep, path)
        shutil.rmtree(folder)


def _kill_again(
    bench: Bench, tally: Tally, sweep: Sweep, path: Path, most: int, killed: Killed
) -> None:
    """Start and kill a sweep, look at the file, and perhaps do so again."""
    for _ in range(most):
        hit, phase = killed(path)
        tally.saw["kills"] += hit
        tally.saw[f"killed while {phase}" if hit else "ended before the kill"] += 1
        if path.exists():
            tally.saw["points kept"] += sweep.refuse_unreadable(path)
            tally.saw["files read after a kill"] += hit
        if not hit or bench.random.uniform() > AGAIN:
            return


def _finish(tally: Tally, sweep: Sweep, path: Path) -> None:
    log = path.with_suffix(".log")
    job = Forked(sweep.into(path), log)
    status = job.wait()
    expect(status == 0, f"the resumed sweep ended with {status}: {job.told}")
    expect("checksums" not in job.told, f"points were found damaged: {job.told}")
    sweep.refuse_other(path)
    tally.saw["files finished and equal"] += 1
    left = leftovers(path.parent, path, log)
    tally.saw["temporary files left behind"] += len(left)
    expect(not left, f"left behind: {', '.join(left)}")


def _kill(job: Forked) -> tuple[bool, str]:
    job.send(signal.SIGKILL)
    phase = job.phase
    return job.wait() == -signal.SIGKILL, phase


def _halves(count: int) -> tuple[int, int]:
    return (count + 1) // 2, count // 2


def power_failed(bench: Bench) -> Tally:
    """After a kill, sectors or pages that did not reach the disk: as they were before, or zeros.

    The file is flushed to the disk when it is created, and its structure does not change later; so
    any page may be as it was then, and those of values, checksums and marks may be zeros.
    """
    tally = Tally()
    points = 21 if bench.counts.typed else 9
    larger: tuple[object, ...] = ("--points", points, "--samples", 10)
    kinds: list[str | tuple[object, ...]]
    kinds = [("weights", bench.checkpoint, *larger), "spatial"]
    for kind, count in zip(kinds, _halves(bench.counts.power), strict=True):
        sweep = Sweep.run(bench, kind)
        for number in range(count):
            folder = bench.folder / f"{sweep.words[0]}-{number}"
            folder.mkdir()
            path = folder / "s.h5"
            with tally.trial(folder.name):
                _fail_power(bench, tally, sweep, path)
            shutil.rmtree(folder)
    return tally


def _fail_power(bench: Bench, tally: Tally, sweep: Sweep, path: Path) -> None:
    created = _killed_half_way(bench.random.uniform(0.1, 0.95), sweep, path)
    lost = _lose(bench.random, path, created, zeros=bool(bench.random.integers(2)))
    tally.saw["sectors and pages lost"] += lost
    points, marked = _damaged(sweep, path)
    job = Forked(sweep.into(path), path.with_suffix(".log"))
    expect(job.wait() == 0, job.told)
    found = f"checksums of {points} points" in job.told
    expect(found or not points, f"{points} points were lost, and it said {job.told!r}")
    sweep.refuse_other(path)
    tally.saw["marked points whose values were lost"] += points
    tally.saw["marked points"] += marked
    tally.saw["files with such points"] += points > 0


def _killed_half_way(share: float, sweep: Sweep, path: Path) -> bytes:
    """Leave the file of a sweep that was killed; what it was like in the beginning."""
    while True:
        job = Forked(sweep.into(path), path.with_suffix(".log"))
        until(path.exists, job)
        created = path.read_bytes()
        until(partial(_is_far, job, path, share), job)
        job.send(signal.SIGKILL)
        job.wait()
        with h5py.File(path, "r", locking=False) as file:
            if not file.attrs["complete"]:
                return created
        path.unlink()  # it was too fast


def _is_far(job: Forked, path: Path, share: float) -> bool:
    return job.phase == "checking" or share_done(path) > share


def _lose(random: np.random.Generator, path: Path, created: bytes, *, zeros: bool) -> int:
    """Put back or clear some of what was written since the file was created; how many places."""
    now, size = bytearray(path.read_bytes()), int(random.choice(UNITS))
    places = [
        place
        for place in range(0, len(now), size)
        if now[place : place + size] != created[place : place + size]
    ]
    swept = _swept(path)
    random.shuffle(places)
    lost = places[: -(-len(places) // 3)]
    for place in lost:
        clear = zeros and any(a <= place and place + size <= b for a, b in swept)
        old = bytes(size) if clear else created[place : place + size]
        now[place : place + size] = old[: len(now[place : place + size])]
    path.write_bytes(now)
    return len(lost)


def _swept(path: Path) -> list[tuple[int, int]]:
    """Where there is nothing but values, checksums and marks."""
    with h5py.File(path, "r", locking=False) as file:
        fields = [d.id for d in file.values() if isinstance(d, h5py.Dataset) and not d.is_scale]
        places = [(field.get_offset(), field.get_storage_size()) for field in fields]
    return [(start, start + size) for start, size in places if start is not None]


def _damaged(sweep: Sweep, path: Path) -> tuple[int, int]:
    """How many marked points hold other values or checksums than were written, and are marked."""
    truth = sweep.truth
    with h5py.File(path, "r", locking=False) as file:
        done = file["done"][...] == 1
        wrong = file["crc32"][...] == 0
        for name, field in truth.data_vars.items():
            if name != "done" and set(truth.done.dims) <= set(field.dims):
                there = field.transpose(*truth.done.dims, ...).values
                differ = _bytes(file[name][...]) != _bytes(there)
                wrong |= differ.reshape(*done.shape, -1).any(-1)
    return int((wrong & done).sum()), int(done.sum())


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.frombuffer(values.tobytes(), np.uint8)
