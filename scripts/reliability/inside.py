"""What goes wrong within a sweep: its clock, its memory, its model, its numbers."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

import landscape
from reliability.counting import Bench, Tally, expect, later
from reliability.jobs import Conditions, Forked, Job, Typed, until
from reliability.longer import Training
from reliability.sweeps import KINDS, Sweep

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

/* Adds the seconds in a shared file to the wall clock; the monotonic clock goes on. */
static long offset(void) {
    static volatile long *shared;
    if (!shared) {
        int file = open(getenv("FAULTS_CLOCK"), O_RDONLY);
        shared = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    }
    return *shared;
}

int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(id, at);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) at->tv_sec += offset();
    return status;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""
YEAR = 365 * 86400
ODD = """
import os
import torch
from landscape.models.cnn import SmallCNN

class Odd(SmallCNN):
    passes = int(os.environ.get("FAULTS_PASSES", "0"))

    def forward(self, images):
        Odd.passes -= 1
        if Odd.passes == 0:
            raise ArithmeticError("the coffee is cold")
        logits = super().forward(images)
        if "FAULTS_NORM" in os.environ:
            far = self.linear.weight.norm() / float(os.environ["FAULTS_NORM"])
            certain = torch.full_like(logits, -torch.inf).index_fill(1, torch.tensor([0]), 0.0)
            logits = torch.where(far > 1.1, certain, logits)
            logits = torch.where(far > 1.25, torch.full_like(logits, torch.nan), logits)
        return logits

def net():
    return Odd(10, 1, [0.1307], [0.3081])
"""
OWN = ("--model", "odd:net", "--dataset", "digits", "--compile", "never")


@later("jumps")
def clock_jumps(bench: Bench) -> Tally:
    """The wall clock jumps years ahead and back during sweeps and trainings."""
    tally = Tally()
    library, shared = bench.folder / "clock.so", bench.folder / "clock"
    if (compiler := shutil.which("cc")) is None:
        tally.skipped.append("no C compiler to make a clock that jumps")
        return tally
    (source := bench.folder / "clock.c").write_text(CLOCK)
    build = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(build, check=True)
    environment = {"LD_PRELOAD": str(library), "FAULTS_CLOCK": str(shared)}
    tasks = (Sweep.run(bench, "weights"), Sweep.run(bench, "spatial"), Training.run(bench))
    for number in range(bench.counts.jumps):
        for task in tasks:
            name = f"{type(task).__name__.lower()}-{number}-{task.whole.stem}"
            out = bench.folder / f"{name}.h5"
            shared.write_bytes(bytes(8))
            with tally.trial(name):
                job = Typed(task.into(out), bench.folder / "log", environment=environment)
                jumps = _jump(bench, job, shared, out)
                expect(job.wait() == 0, job.told)
                task.refuse_other(out)
                expect(jumps, "the clock did not jump in time")
                expect(_least_time(out) >= 0, "a time is negative")
                tally.saw["jumps of the wall clock"] += jumps
    return tally


def _jump(bench: Bench, job: Typed, shared: Path, out: Path) -> int:
    """Set the clock at random every now and then; how often that was."""
    jumps = 0
    until(out.exists, job)
    while job.running:
        seconds = int(bench.random.integers(-5 * YEAR, 5 * YEAR))
        with shared.open("r+b") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))
        jumps += 1
        time.sleep(0.05)
    return jumps


def _least_time(out: Path) -> float:
    """The shortest time that a file tells of."""
    if out.is_file():
        return float(landscape.load_surface(out).attrs["wall_time_seconds"])
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return min(float(json.loads(line)["seconds"]) for line in lines)


def memory_runs_out(bench: Bench) -> Tally:
    """Passes that are larger than memory: the same values as from small ones."""
    tally = Tally()
    options = ("--points", 3, "--samples", 1000 if bench.counts.typed else 600)
    given = ("weights", bench.checkpoint, *options, "--memory")
    sweep, words = Sweep.run(bench, (*given, "4M")), given
    for room in (120, 80, 160)[: 1 + 2 * bench.counts.typed]:
        path = bench.folder / f"{room}.h5"
        with tally.trial(f"{room} MiB"):
            conditions = Conditions(memory_bytes=room * 2**20)
            job = Forked((*words, "100G", "--out", path), bench.folder / "log", conditions)
            expect(job.wait() == 0, job.told[-1000:])
            data = landscape.load_surface(path)
            run = landscape.store.facts(data)["run"]
            tally.saw[f"{run['micro_batch']} images a pass in {room} MiB"] += 1
            off = np.abs(data.loss - sweep.truth.loss) / np.abs(sweep.truth.loss)
            expect(float(off.max()) < 1e-6, f"off by {float(off.max()):.1e}")
            tally.saw["equal to 1e-6"] += 1
    return tally


def _own_network(bench: Bench) -> Path:
    """The weights alone, and the program of a network that they fit."""
    (bench.folder / "odd.py").write_text(ODD)
    weights = bench.folder / "weights.pth"
    torch.save(landscape.load_checkpoint(bench.checkpoint).model.state_dict(), weights)
    return weights


def model_raises(bench: Bench) -> Tally:
    """A network of the user's that raises at some pass: it is said, and the rest is kept."""
    tally = Tally()
    words = ("weights", _own_network(bench), *OWN, *KINDS["weights"])
    sweep = Sweep.run(bench, words, conditions=Conditions(folder=bench.folder))
    for number in range(bench.counts.raises):
        with tally.trial(f"number {number}"):
            _raise(bench, tally, sweep, int(bench.random.integers(3, 90)), number)
    return tally


def _raise(bench: Bench, tally: Tally, sweep: Sweep, passes: int, number: int) -> None:
    path, log = bench.folder / f"raises-{number}.h5", bench.folder / "log"
    environment = {"FAULTS_PASSES": str(passes)}
    job: Job
    if bench.counts.typed:  # as it is read on a terminal
        environment["PYTHONPATH"] = os.pathsep.join((str(bench.folder), *sys.path))
        job = Typed(sweep.into(path), log, environment=environment)
    else:
        conditions = Conditions(folder=bench.folder, environment=environment)
        job = Forked(sweep.into(path), log, conditions)
    status = job.wait()
    expect(status > 0, f"status {status}")
    expect("ArithmeticError: the coffee is cold" in job.told, job.told[-1000:])
    tally.saw[f"status {status}, the user's own error with its traceback"] += 1
    kept = int((landscape.load_surface(path).done == 1).sum()) if path.exists() else 0
    tally.saw["points kept"] += kept
    job = Forked(sweep.into(path), log, Conditions(folder=bench.folder))
    expect(job.wait() == 0, job.told)
    sweep.refuse_other(path)
    earlier = landscape.load_surface(path).attrs["points_from_earlier_runs"]
    expect(earlier == kept, "points were computed again")


def not_finite(bench: Bench) -> Tally:
    """Losses that are NaN and infinite: stored, counted and drawn as such."""
    tally = Tally()
    weights = _own_network(bench)
    norm = float(torch.load(weights, weights_only=True)["linear.weight"].norm())
    conditions = Conditions(folder=bench.folder, environment={"FAULTS_NORM": str(norm)})
    words = ("weights", weights, *OWN, *KINDS["weights"])
    sweep = Sweep.run(bench, words, conditions=conditions)
    loss = sweep.truth.loss.values
    counts = {"nan": int(np.isnan(loss).sum()), "inf": int(np.isposinf(loss).sum())}
    with tally.trial("stored"):
        expect((sweep.truth.done == 1).all(), "points are missing")
        expect(all(counts.values()) and np.isfinite(loss).any(), f"{counts} of {loss.size}")
        tally.saw.update({f"losses that are {name}": n for name, n in counts.items()})
    with tally.trial("counted"):
        job = Forked(("info", sweep.whole), bench.folder / "log")
        expect(job.wait() == 0, job.told)
        told = " ".join(job.told.lower().split())
        for name, count in counts.items():
            expect(f"{count} {name}" in told, told)
    with tally.trial("drawn"):
        words = ("plot", sweep.whole, "--out", bench.folder / "figures", "--formats", "svg", "html")
        job = Forked(words, bench.folder / "log")
        expect(job.wait() == 0, job.told)
        tally.saw["figures"] += len(list((bench.folder / "figures").iterdir()))
    return tally
