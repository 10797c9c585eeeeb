"""Two processes on one file, and readers of a file that is being written."""

import shutil
import time
from pathlib import Path

from reliability.counting import Bench, Tally, expect
from reliability.jobs import Forked, until
from reliability.sweeps import KINDS, Sweep, leftovers, told_in_one_line

IN_USE = "is being written by another process"
FEW = "needs"  # points that are not there yet


def two_writers(bench: Bench) -> Tally:
    """Two sweeps into one file, at once or one later than the other, with --overwrite or not."""
    tally = Tally()
    for kind in list(KINDS)[: 1 + bench.counts.typed]:
        sweep = Sweep.run(bench, kind)
        for number in range(bench.counts.pairs):
            for flags in ((), ("--overwrite",)):
                waits = (0.0, float(bench.random.uniform(0.0, sweep.life)))
                for wait in waits[: 1 + bench.counts.typed]:
                    folder = bench.folder / f"{kind}-{number}{''.join(flags)}-{wait:.3f}"
                    folder.mkdir()
                    with tally.trial(folder.name):
                        _two(bench, tally, sweep, folder, flags, wait)
                    shutil.rmtree(folder)
    return tally


def _two(
    bench: Bench,
    tally: Tally,
    sweep: Sweep,
    folder: Path,
    flags: tuple[str, ...],
    wait: float,
) -> None:
    path = folder / "s.h5"
    if flags:
        shutil.copy(sweep.whole, path)
    logs = [bench.folder / f"{name}.log" for name in ("first", "second")]
    first = Forked((*sweep.into(path), *flags), logs[0])
    time.sleep(wait)
    second = Forked((*sweep.into(path), *flags), logs[1])
    statuses = [first.wait(), second.wait()]
    told = [job.told for job in (first, second)]
    expect(0 in statuses, f"neither ended well: {told}")
    for status, words in zip(statuses, told, strict=True):
        if status == 0:
            tally.saw["got through"] += 1
        else:
            expect(status == 2, f"status {status}: {words[-500:]}")
            expect(IN_USE in told_in_one_line(words), words)
            tally.saw["were told that the file is in use"] += 1
    sweep.refuse_other(path)
    left = leftovers(folder, path)
    expect(not left, f"left behind: {', '.join(left)}")


def readers(bench: Bench) -> Tally:
    """Reading, describing, drawing and exploring a file over and over while it is written."""
    tally = Tally()
    for kind in list(KINDS)[: 1 + bench.counts.typed]:
        sweep = Sweep.run(bench, kind)
        for number in range(bench.counts.pairs):
            path = bench.folder / f"{kind}-{number}.h5"
            writer = Forked(sweep.into(path), bench.folder / "writer.log")
            until(path.exists, writer)
            commands = _Commands(bench, path)
            while writer.running:
                with tally.trial(f"reading {path.name} in the phase {writer.phase}"):
                    done = sweep.refuse_unreadable(path)
                    tally.saw["read with all marked points as they should be"] += 1
                    tally.saw["read before the end"] += done < sweep.truth.done.size
                commands.look(tally)
            commands.finish(tally)
            with tally.trial(f"writing {path.name}"):
                expect(writer.wait() == 0, writer.told)
                sweep.refuse_other(path)
    return tally


class _Commands:
    """`landscape info` and `plot`, one after the other, each started when the last has ended."""

    def __init__(self, bench: Bench, path: Path) -> None:
        self._path, self._log = path, bench.folder / "reader.log"
        self._out = bench.folder / f"figures-{path.stem}"
        self._number = 0
        self._job = self._next()

    def _next(self) -> Forked:
        plot = ("plot", self._path, "--out", self._out, "--formats", "html")
        self._words = (("info", self._path), plot)[self._number % 2]
        self._number += 1
        return Forked(self._words, self._log)

    def look(self, tally: Tally) -> None:
        """Judge the command if it has ended, and start the next one."""
        if not self._job.running:
            self.finish(tally)
            self._job = self._next()

    def finish(self, tally: Tally) -> None:
        """Wait for the command and judge it."""
        with tally.trial(f"{self._words[0]} {self._path.name}"):
            status, told = self._job.wait(), self._job.told
            if status == 2:  # there is too little of it for a figure
                tally.saw[f"{self._words[0]}: {_reason(told)}"] += 1
            else:
                expect(status == 0, told[-500:])
                tally.saw[f"{self._words[0]} while it was written"] += 1


def _reason(told: str) -> str:
    """A refusal without the names of files."""
    return told_in_one_line(told).split(": ")[-1][:80]
