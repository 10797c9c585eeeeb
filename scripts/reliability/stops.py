"""SIGINT and SIGTERM: a file to go on from, a status, and a line that says how."""

import shutil
import signal
import time
from pathlib import Path

from reliability.counting import Bench, Tally, expect
from reliability.jobs import Forked, Job, Typed
from reliability.longer import Evaluation, Training
from reliability.sweeps import Sweep, told_in_one_line

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
HOW = "the same command goes on from there"
LAST = ("next: ", "95 % interval")  # what a command says at its very end
Task = Sweep | Evaluation | Training


def stopped(bench: Bench) -> Tally:
    """Signals at any instant of every command, once or twice in a row; then it is resumed."""
    tally = Tally()
    tasks: dict[str, Task] = {kind: Sweep.run(bench, kind) for kind in ("weights", "spatial")}
    if bench.counts.typed:
        tasks |= {"evaluate": Evaluation.run(bench), "train": Training.run(bench)}
    for typed in (False, True)[: 1 + bench.counts.typed]:
        for i, (command, task) in enumerate(tasks.items()):
            life = _typed_life(bench, task) if typed else task.life
            for number in list(STATUS) if bench.counts.typed else [list(STATUS)[i]]:
                for again in range(bench.counts.stops):
                    name = f"{command}-{number.name}-{'typed' if typed else 'forked'}-{again}"
                    with tally.trial(name):
                        _stop(bench, tally, task, name, number, life, typed=typed)
    return tally


def _typed_life(bench: Bench, task: Task) -> float:
    out = bench.folder / "typed.h5"
    started = time.monotonic()
    expect(Typed(task.into(out), bench.folder / "typed.log").wait() == 0, "it failed")
    shutil.rmtree(out) if out.is_dir() else out.unlink()
    return time.monotonic() - started


def _stop(
    bench: Bench,
    tally: Tally,
    task: Task,
    name: str,
    number: signal.Signals,
    life: float,
    *,
    typed: bool,
) -> None:
    folder = bench.folder / name
    folder.mkdir()
    out, log = folder / "s.h5", bench.folder / f"{name}.log"
    job: Job = (Typed if typed else Forked)(task.into(out), log)
    time.sleep(bench.random.uniform(0.02, 1.0) * life)
    times = 1 + int(bench.random.integers(2))
    for _ in range(times):
        job.send(number)
        time.sleep(0.01)
    status = _shells(job.wait())
    if status == 0 or any(words in job.told for words in LAST):
        tally.saw["came when all was done"] += 1
    elif status == STATUS[number] and not job.told and not out.exists():
        tally.saw["came before anything was done"] += 1
    elif times == 1:
        expect(status == STATUS[number], f"status {status}: {job.told[-500:]}")
        expect(HOW in told_in_one_line(job.told), job.told)
        tally.saw[f"{number.name}: status {status} and how to go on"] += 1
    else:  # it ended at once, perhaps before it could say so
        expect(status == STATUS[number], f"status {status}: {job.told[-500:]}")
        tally.saw[f"{number.name} twice"] += 1
    if isinstance(task, Sweep) and out.exists():
        tally.saw["points kept"] += task.refuse_unreadable(out)
    _resume(task, out, log)
    shutil.rmtree(folder)


def _shells(status: int) -> int:
    """The status as a shell has it, where a process that a signal ends has 128 more than that.

    `python -m` ends by SIGINT after any Ctrl-C that met code made from text, as of dataclasses that
    are being imported, whether it was caught or not.
    """
    return 128 - status if status < 0 else status


def _resume(task: Task, out: Path, log: Path) -> None:
    job = Forked(task.into(out), log)
    expect(job.wait() == 0, job.told)
    task.refuse_other(out)
    left = [path.name for path in out.parent.iterdir() if path != out]
    expect(not left, f"left behind: {', '.join(left)}")
