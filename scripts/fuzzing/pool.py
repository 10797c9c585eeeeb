"""Mutating and reading in processes that may die."""

import multiprocessing
import os
import resource
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing.mutations import mutate
from fuzzing.readers import read
from fuzzing.report import Result
from fuzzing.seeds import Seed
from landscape.progress import progress

RENEWED = 400  # files that one process reads: what an earlier one left behind is found, or shed
PATIENCE = 10  # times the limit: for what waits instead of working
MUTATION = 20  # seconds for the making of a file
MIB = 2**20
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Limits:
    """What a process may take.

    Attributes:
        seconds: of a processor, for one file.
        memory: MiB beyond what it starts with.
    """

    seconds: float
    memory: int


class _Worker:
    """A process that is given one number after the other."""

    def __init__(self, seeds: Sequence[Seed], folder: Path, seed: int, limits: Limits) -> None:
        self.folder, self.limits = folder, limits
        self.connection, other = FORK.Pipe()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.process = FORK.Process(
            target=_work, args=(other, seeds, folder, seed, limits.memory), daemon=True
        )
        self.process.start()
        other.close()
        self.number, self.read = -1, 0
        self.since = self.looked = self.waited = self.busy = 0.0
        self.kind = self.mutation = ""

    def give(self, number: int) -> None:
        self.number, self.waited, self.busy = number, 0.0, self._busy()[0]
        self.since = self.looked = time.monotonic()
        self.connection.send(number)

    def answer(self) -> Result | None:
        """What became of the file; None while its readers are at work."""
        try:
            if self.connection.poll():
                found = self.connection.recv()
                if isinstance(found, Result):
                    self.read += 1
                    return found
                self.kind, self.mutation = found
                return None
        except EOFError:
            self.process.join()
            return self._failure("crash", f"exit status {self.process.exitcode}")
        now, (busy, stopped) = time.monotonic(), self._busy()
        self.waited += 0.0 if stopped else now - self.looked
        self.looked = now
        if busy - self.busy > self.limits.seconds or self.waited > PATIENCE * self.limits.seconds:
            self.end()
            return self._failure("hang", f"no answer within {self.limits.seconds:g} s")
        return None

    def _busy(self) -> tuple[float, bool]:
        """Seconds of a processor that the process has taken, and whether it was stopped."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK"), fields[0] == "T"

    def _failure(self, outcome: str, detail: str) -> Result:
        reader = self.folder / "reader"
        doing = reader.read_text() if reader.exists() else "mutation"
        taken = time.monotonic() - self.since
        return Result(self.number, self.kind, self.mutation, outcome, f"{doing}: {detail}", taken)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def run(
    seeds: Sequence[Seed],
    folder: Path,
    *,
    count: int,
    seed: int,
    processes: int,
    limits: Limits,
    keep: Path | None,
    show: bool = False,
) -> list[Result]:
    """Read so many mutated files.

    Args:
        seeds: what is mutated, in turn.
        folder: for the files.
        count: of them.
        seed: of the mutations.
        processes: at work side by side.
        limits: of each.
        keep: a folder for files that went wrong.
        show: tell on standard error how far it is.
    """
    _warm(seeds, folder / "warm")
    numbers, results = iter(range(count)), []
    places = [folder / f"worker{i}" for i in range(processes)]
    workers = [_Worker(seeds, place, seed, limits) for place in places]
    busy = []
    for worker in workers:
        if (number := next(numbers, None)) is not None:
            worker.give(number)
            busy.append(worker)
    with progress(count, "mutated files", unit="files", enabled=show) as bar:
        while busy:
            wait([worker.connection for worker in busy], timeout=0.5)
            for worker in list(busy):
                if (result := worker.answer()) is None:
                    continue
                results.append(result)
                bar.advance(1)
                if result.failed and keep is not None:
                    _keep(worker.folder, keep, result)
                busy.remove(worker)
                if (number := next(numbers, None)) is None:
                    worker.end()
                    continue
                if result.outcome in ("crash", "hang") or worker.read >= RENEWED:
                    worker.end()
                    worker = _Worker(seeds, worker.folder, seed, limits)
                worker.give(number)
                busy.append(worker)
    return results


def _warm(seeds: Sequence[Seed], folder: Path) -> None:
    """Read every file as it is, so that all is loaded before memory is limited."""
    folder.mkdir()
    for turn, seed in enumerate(seeds):
        copy = folder / f"seed{seed.path.suffix}"
        shutil.copy(seed.path, copy)
        outcome, detail = read(copy, seed, folder, 7 * turn)
        if outcome != "accepted":
            raise RuntimeError(f"{seed.path} is not damaged, yet {outcome}: {detail}")


def _keep(folder: Path, keep: Path, result: Result) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"mutant{result.number}.*"):
        shutil.copy(path, keep / f"{result.outcome}-{path.name}")


def _work(
    connection: Connection, seeds: Sequence[Seed], folder: Path, seed: int, memory: int
) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    most = used + memory * MIB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            number = connection.recv()
        except EOFError:
            os._exit(0)
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        connection.send(_one(number, seeds, folder, seed, connection))


def _one(number: int, seeds: Sequence[Seed], folder: Path, seed: int, connection: Any) -> Result:
    chosen = seeds[number % len(seeds)]
    path = folder / f"mutant{number}{chosen.path.suffix}"
    shutil.copy(chosen.path, path)
    rng = np.random.default_rng([seed, number])
    mutation = _mutated(path, rng, [other.path for other in seeds])
    connection.send((chosen.kind, mutation))
    started = time.monotonic()
    outcome, detail = read(path, chosen, folder, number)
    return Result(number, chosen.kind, mutation, outcome, detail, time.monotonic() - started)


def _mutated(path: Path, rng: np.random.Generator, others: Sequence[Path]) -> str:
    """Mutate in a process of its own: HDF5 may not survive what it is made to write."""
    told, before = path.with_name("mutation"), path.read_bytes()
    for structure in (True, False):
        child = os.fork()
        if not child:
            signal.alarm(MUTATION)  # ends it, whatever HDF5 is at
            try:
                told.write_text(mutate(path, rng, others, structure=structure))
            finally:
                os._exit(0 if told.exists() else 1)
        if os.waitpid(child, 0)[1] == 0:
            return told.read_text()
        path.write_bytes(before)
    return "nothing"
