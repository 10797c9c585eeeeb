"""Two processes of torchrun that share a sweep, one of which is killed."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

from reliability.counting import Bench, Tally, expect, later
from reliability.jobs import Forked, Job, Typed, until
from reliability.sweeps import Sweep, leftovers

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
RESTARTED = ("--max-restarts", "2")
LONGER = {
    "weights": ("--points", 31, "--samples", 100),
    "spatial": ("--images", 4, "--rotation", -30, 30, 101, "--memory", "2M"),
}
"""Sweeps of some seconds, so that both processes have a part in them."""


@later("ranks")
def one_killed(bench: Bench) -> Tally:
    """Kill -9 of the first or the second process, with and without restarts by torchrun.

    Without, the sweep is resumed by one process or by two. The values are those of one process.
    """
    tally = Tally()
    for kind, options in LONGER.items():
        sweep = Sweep.run(bench, (kind, bench.checkpoint, *options))
        seconds = _seconds(bench, sweep)
        for number in range((bench.counts.ranks + (kind == "weights")) // 2):
            rank, restarts = number % 2, number // 2 % 2 == 1
            folder = bench.folder / f"{kind}-{number}-rank-{rank}{'-restarts' * restarts}"
            folder.mkdir()
            with tally.trial(folder.name):
                _kill_one(bench, tally, sweep, folder, rank, seconds, restarts=restarts)
            shutil.rmtree(folder)
    return tally


def _together(sweep: Sweep, path: Path, log: Path, *, restarts: bool = False) -> Typed:
    launcher = (*TORCHRUN, *RESTARTED * restarts)
    return Typed(sweep.into(path), log, launcher=launcher)


def _seconds(bench: Bench, sweep: Sweep) -> float:
    """How long two processes take from the file's creation to their end."""
    path = bench.folder / "together.h5"
    job = _together(sweep, path, bench.folder / "log")
    until(path.exists, job)
    started = time.monotonic()
    expect(job.wait() == 0, job.told[-1000:])
    sweep.refuse_other(path)
    path.unlink()
    return time.monotonic() - started


def _kill_one(
    bench: Bench,
    tally: Tally,
    sweep: Sweep,
    folder: Path,
    rank: int,
    seconds: float,
    *,
    restarts: bool,
) -> None:
    path, log = folder / "s.h5", bench.folder / f"{folder.name}.log"
    job = _together(sweep, path, log, restarts=restarts)
    until(path.exists, job)
    process = _process(job.pid, rank)
    time.sleep(bench.random.uniform(0.0, 0.9) * seconds)
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        tally.saw["sweeps that ended before the kill"] += 1
    else:
        tally.saw[f"kills of rank {rank}"] += 1
    kept = sweep.refuse_unreadable(path)
    status = job.wait()
    kept_after = sweep.refuse_unreadable(path)
    expect(kept_after >= kept, f"{kept} points were there, then {kept_after}")
    if restarts:
        expect(status == 0, f"status {status}: {job.told[-1000:]}")
        tally.saw["finished by torchrun's restart"] += 1
    elif status:
        tally.saw["points kept without a restart"] += kept_after
        both = bool(bench.random.integers(2))
        again: Job = (_together if both else _by_one)(sweep, path, log)
        expect(again.wait() == 0, again.told[-1000:])
        tally.saw[f"resumed by {1 + both} processes"] += 1
    sweep.refuse_other(path)
    left = leftovers(folder, path)
    expect(not left, f"left behind: {', '.join(left)}")


def _by_one(sweep: Sweep, path: Path, log: Path) -> Job:
    return Forked(sweep.into(path), log)


def _process(launcher: int, rank: int) -> int:
    """The number of one of torchrun's processes."""
    for children in Path(f"/proc/{launcher}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            if f"RANK={rank}".encode() in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                return child
    raise ProcessLookupError(f"torchrun has no process of rank {rank}")
