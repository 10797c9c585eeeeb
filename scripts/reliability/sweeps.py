"""The sweeps that faults are tried on, and whether a file is what it should be."""

import signal
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

import landscape
from reliability.counting import Bench, BrokenError, expect
from reliability.jobs import FREE, Conditions, Forked, until

KINDS: dict[str, tuple[object, ...]] = {
    "weights": ("--points", 9, "--samples", 20),
    "spatial": ("--images", 2, "--rotation", -30, 30, 9, "--shift-x", 0, 0, 1, "--memory", "600K"),
}
"""Small sweeps, by command; all chunks are of one point or a few."""


@dataclass(frozen=True)
class Sweep:
    """A sweep, and the file of one that nothing happened to.

    Attributes:
        words: of the command, except for the file.
        whole: the file of the uninterrupted sweep.
        seconds: that it took, by phase.
    """

    words: tuple[object, ...]
    whole: Path
    seconds: dict[str, float]

    @classmethod
    def run(
        cls, bench: Bench, kind: str | tuple[object, ...], conditions: Conditions = FREE
    ) -> "Sweep":
        """Compute the file that others are compared with.

        Args:
            bench: where.
            kind: a name in `KINDS`, or the words of the command without a file.
            conditions: of the process.
        """
        words = (kind, bench.checkpoint, *KINDS[kind]) if isinstance(kind, str) else kind
        key = repr((words, conditions))
        if key not in bench.known:
            whole = bench.shared / f"{len(bench.known)}-{words[0]}.h5"
            job = Forked((*words, "--out", whole), bench.shared / "log", conditions)
            expect(job.wait() == 0, job.told)
            bench.known[key] = cls(words, whole, job.seconds)
        found: Sweep = bench.known[key]
        return found

    def into(self, path: Path) -> tuple[object, ...]:
        """The words of the command that fills a file."""
        return (*self.words, "--out", path)

    def part(self, bench: Bench, share: float) -> Path:
        """The file of a sweep that was killed when so large a share of it was done."""
        path = bench.shared / f"part-{self.words[0]}-{share}.h5"
        for _ in range(20):  # it may get through before it is killed
            if path.exists() and not landscape.load_surface(path).attrs["complete"]:
                return path
            path.unlink(missing_ok=True)
            job = Forked(self.into(path), bench.folder / "part.log")
            until(lambda: path.exists() and share_done(path) > share, job)
            job.send(signal.SIGKILL)
            job.wait()
        raise BrokenError("the sweep cannot be killed half-way")

    @property
    def life(self) -> float:
        """Seconds from the first to the last phase."""
        return sum(self.seconds.values())

    @cached_property
    def truth(self) -> xr.Dataset:
        """What the uninterrupted file holds."""
        data: xr.Dataset = landscape.load_surface(self.whole)
        return data

    def refuse_other(self, path: Path) -> None:
        """Compare a finished file, byte by byte of all that it holds.

        Raises:
            BrokenError: it is unfinished, or differs.
        """
        data = landscape.load_surface(path)
        expect(data.attrs["complete"] == 1, "the file is not complete")
        expect((data.done == 1).all(), "points are missing")
        expect(set(data.variables) == set(self.truth.variables), "there are other variables")
        for name, variable in self.truth.variables.items():
            same = data[name].values.tobytes() == variable.values.tobytes()
            expect(same, f"{name} differs from that of the uninterrupted sweep")
        self._refuse_other_directions(path)

    def _refuse_other_directions(self, path: Path) -> None:
        if "weights" in self.words:
            whole = landscape.store.load_directions(self.whole)
            for name, vector in landscape.store.load_directions(path).items():
                expect(np.array_equal(vector, whole[name]), f"the direction {name} differs")

    def refuse_unreadable(self, path: Path) -> int:
        """Open a file as a user would, and compare all points that are marked as done.

        Returns:
            How many those are.

        Raises:
            BrokenError: a point has another value than in the uninterrupted file.
        """
        with xr.open_dataset(path, engine="h5netcdf") as plain:
            plain.load()
        data = landscape.load_surface(path)
        done = data.done.values == 1
        for name, field in data.data_vars.items():
            if name != "done" and set(data.done.dims) <= set(field.dims):
                here = field.transpose(*data.done.dims, ...).values[done]
                there = self.truth[name].transpose(*data.done.dims, ...).values[done]
                expect(here.tobytes() == there.tobytes(), f"{name} of a point that is done differs")
        return int(done.sum())


def share_done(path: Path) -> float:
    """How much of a file is filled."""
    with h5py.File(path, "r", locking=False) as file:
        return float((file["done"][...] == 1).mean())


def leftovers(folder: Path, *known: Path) -> list[str]:
    """The names of files that should not be in a folder."""
    names = {path.name for path in known}
    return sorted(path.name for path in folder.iterdir() if path.name not in names)


def told_in_one_line(told: str) -> str:
    """The last line, if there is nothing like a traceback above it.

    Raises:
        BrokenError: there is.
    """
    expect("Traceback" not in told, told)
    lines = [line for line in told.splitlines() if line.startswith("landscape: ")]
    expect(lines, f"nothing was said: {told!r}")
    return lines[-1]
