"""Disks that are full, and folders that cannot be written."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reliability.counting import Bench, Tally, expect
from reliability.jobs import FREE, Conditions, Forked, until
from reliability.longer import Training
from reliability.sweeps import KINDS, Sweep, leftovers, told_in_one_line

BAD_INPUT = 2
ROOM = 2 * 2**20  # bytes of a small disk
HUMBLE = Conditions(humble=True)


@contextmanager
def small_disk(folder: Path, size: int = ROOM, options: str = "") -> Iterator[Path | None]:
    """A file system in memory of so many bytes, or None where it may not be mounted."""
    folder.mkdir()
    given = f"size={size}{options}"
    mount = ["mount", "-t", "tmpfs", "-o", given, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill_up(disk: Path, *, leave: int = 0) -> Path:
    """Write a file that takes all room but so many bytes."""
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    with ballast.open("wb") as file:
        file.write(bytes(max(0, room.f_bavail * room.f_frsize - leave)))
    return ballast


def full(bench: Bench) -> Tally:
    """A disk that is full when a file is created or packed, a figure drawn, or a state saved."""
    tally = Tally()
    sweeps = [Sweep.run(bench, kind) for kind in list(KINDS)[: 1 + bench.counts.typed]]
    cases: list[tuple[str, Callable[[Bench, Sweep, Path], None]]] = [
        ("created", _full_at_creation),
        ("packed", _full_at_packing),
        ("drawn", _full_for_a_figure),
    ]
    for sweep in sweeps:
        for name, case in cases:
            with small_disk(bench.folder / f"{name}-{sweep.words[0]}") as disk:
                if disk is None:
                    tally.skipped.append(f"{name}: no disk may be mounted here")
                    continue
                with tally.trial(f"{name} {sweep.words[0]}"):
                    case(bench, sweep, disk)
                    tally.saw[f"{name} on a full tmpfs"] += 1
    for sweep in sweeps:
        with tally.trial(f"a limit of file size {sweep.words[0]}"):
            _file_too_large(bench, sweep)
            tally.saw["created beyond RLIMIT_FSIZE"] += 1
    if bench.counts.typed:
        _full_while_training(bench, tally)
    return tally


def _refused(job: Forked, disk: Path, *stay: Path, reason: str = "No space left") -> None:
    """Wait for a command that must end with one sentence and leave nothing.

    Raises:
        BrokenError: it did not.
    """
    status = job.wait()
    expect(status == BAD_INPUT, f"status {status}: {job.told}")
    line = told_in_one_line(job.told)
    expect(reason in line, line)
    left = leftovers(disk, *stay)
    expect(not left, f"left behind: {', '.join(left)}")


def _full_at_creation(bench: Bench, sweep: Sweep, disk: Path) -> None:
    ballast = fill_up(disk, leave=5000)
    path, log = disk / "s.h5", bench.folder / "log"
    _refused(Forked(sweep.into(path), log), disk, ballast)
    ballast.unlink()
    expect(Forked(sweep.into(path), log).wait() == 0, "not even with room")
    sweep.refuse_other(path)


def _full_at_packing(bench: Bench, sweep: Sweep, disk: Path) -> None:
    path, log = disk / "s.h5", bench.folder / "log"
    job = Forked(sweep.into(path), log)
    until(lambda: job.phase == "writing", job)
    ballast = fill_up(disk, leave=5000)
    _refused(job, disk, path, ballast)
    points = sweep.truth.done.size
    kept = sweep.refuse_unreadable(path)
    expect(kept == points, f"{kept} of {points} points are kept")
    _refused(Forked(sweep.into(path), log), disk, path, ballast)  # still no room
    ballast.unlink()
    job = Forked(sweep.into(path), log)
    expect(job.wait() == 0, job.told)
    expect(job.seconds["writing"] == 0, "points were computed again")
    sweep.refuse_other(path)


def _full_for_a_figure(bench: Bench, sweep: Sweep, disk: Path) -> None:
    path, log = disk / "s.h5", bench.folder / "log"
    shutil.copy(sweep.whole, path)
    ballast = fill_up(disk, leave=4096)
    _refused(Forked(("plot", path, "--formats", "png"), log), disk, path, ballast)
    sweep.refuse_other(path)


def _file_too_large(bench: Bench, sweep: Sweep) -> None:
    folder = bench.folder / f"limit-{sweep.words[0]}"
    folder.mkdir()
    path, log = folder / "s.h5", bench.folder / "log"
    limited = Forked(sweep.into(path), log, Conditions(file_bytes=5000))
    _refused(limited, folder, reason="File too large")


def _full_while_training(bench: Bench, tally: Tally) -> None:
    """No room for the first state, for a later one, and for the model."""
    training = Training.run(bench)
    state = (training.whole / "state.pt").stat().st_size
    for leave in (1000, state // 2, state + 4000, 2 * state + 9000, 3 * state + 9000):
        with small_disk(bench.folder / f"training-{leave}", 8 * state) as disk:
            if disk is None:
                tally.skipped.append("training: no disk may be mounted here")
                return
            with tally.trial(f"training with {leave} bytes free"):
                ballast, out = fill_up(disk, leave=leave), disk / "run"
                job = Forked(training.into(out), bench.folder / "log")
                status = job.wait()
                tally.saw[f"trained on a full tmpfs, status {status}"] += 1
                expect(status in (0, BAD_INPUT), job.told)
                if status:
                    expect("No space left" in told_in_one_line(job.told), job.told)
                hidden = [path.name for path in disk.rglob(".*")]
                expect(not hidden, f"left behind: {hidden}")
                ballast.unlink()
                job = Forked(training.into(out), bench.folder / "log")
                expect(job.wait() == 0, job.told)
                training.refuse_other(out)


def read_only(bench: Bench) -> Tally:
    """Folders that a user may not write to, with no file, a part of one, and a whole one."""
    tally = Tally()
    sweep = Sweep.run(bench, "weights")
    with small_disk(bench.folder / "disk") as disk:
        if disk is None:
            tally.skipped.append("no read-only disk may be mounted here")
        else:
            _lay_out(bench, sweep, disk)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            _try_to_write(bench, tally, sweep, disk, "Read-only file system", FREE)
    folder = bench.folder / "folder"
    folder.mkdir()
    _lay_out(bench, sweep, folder)
    folder.chmod(0o555)
    _try_to_write(bench, tally, sweep, folder, "Permission denied", HUMBLE)
    folder.chmod(0o755)
    return tally


def _lay_out(bench: Bench, sweep: Sweep, folder: Path) -> None:
    """A part of a surface, and a whole one."""
    job = Forked(sweep.into(folder / "part.h5"), bench.folder / "log")
    until(lambda: job.phase == "writing", job)
    job.send(9)
    job.wait()
    shutil.copy(sweep.whole, folder / "whole.h5")
    for path in folder.iterdir():
        path.chmod(0o444)


def _try_to_write(
    bench: Bench, tally: Tally, sweep: Sweep, folder: Path, reason: str, conditions: Conditions
) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    cases = [(what, name) for what in ("sweep", "overwrite") for name in ("new", "part", "whole")]
    cases += [("plot", "whole"), ("info", "whole")]
    bench.random.shuffle(cases)
    for what, name in sorted(cases[: bench.counts.refused]):
        path, log = folder / f"{name}.h5", bench.folder / f"{what}-{name}-{reason}.log"
        words = {
            "sweep": sweep.into(path),
            "overwrite": (*sweep.into(path), "--overwrite"),
            "plot": ("plot", path, "--formats", "png"),
            "info": ("info", path),
        }[what]
        with tally.trial(f"{what} {name}, {reason}"):
            job = Forked(words, log, conditions)
            status = job.wait()
            if what == "info":
                expect(status == 0, job.told)
                tally.saw["files described all the same"] += 1
            else:
                expect(status == BAD_INPUT, f"status {status}: {job.told[-500:]}")
                line = told_in_one_line(job.told)
                expect(reason in line and str(folder) in line, line)
                tally.saw[f"refused: {reason}"] += 1
            after = {path: path.read_bytes() for path in folder.iterdir()}
            expect(after == before, "something in the folder changed")
