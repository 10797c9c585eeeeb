"""A contestant's process: imports, is told to set up, then to do one repetition after the other.

    python -m benchmarks.worker ORDER

Started by `processes.Process`; requests and replies are lines of JSON on the standard streams.
"""

import json
import logging
import os
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import torch

from benchmarks.contestants import CONTESTANTS
from benchmarks.plain import Done, Repetition
from benchmarks.rivals import AbsentError
from benchmarks.work import Job, Work, load


@dataclass(frozen=True)
class Order:
    """What a process is told when it starts.

    Attributes:
        work: what everybody computes.
        file: where `work.prepare` wrote it.
        contestant: a name in `CONTESTANTS[work.kind]`.
        warm_up: points computed before the first repetition, at least one.
    """

    work: Work
    file: str
    contestant: str
    warm_up: int

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Order":
        """The inverse of `dataclasses.asdict`, also after a passage through JSON."""
        return cls(**{**values, "work": Work.from_dict(values["work"])})


class _Notes(logging.Handler):
    """What the engine says of its choices."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def peak_memory(device: str) -> int:
    """The most memory this process has held so far, bytes: of the GPU where it computes on one."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    # On Linux getrusage starts from the peak of the process that started this one.
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def serve(order: Order, requests: TextIO, replies: TextIO) -> None:
    """Set up and answer requests until there are no more."""

    def reply(**facts: Any) -> None:
        replies.write(json.dumps(facts) + "\n")
        replies.flush()

    notes = _Notes()
    engine = logging.getLogger("landscape.engine")
    engine.addHandler(notes)
    engine.setLevel(logging.INFO)
    job = load(order.work, Path(order.file))
    before = peak_memory(order.work.device)
    reply(ready=True)
    job = replace(job, micro_batch=json.loads(requests.readline()))
    try:
        repetition, seconds, done = _set_up(order, job)
    except AbsentError as error:
        reply(absent=str(error))
        return
    reply(setup=seconds, memory_before=before, micro_batch=done.micro_batch, notes=notes.lines)
    for line in requests:
        seconds, done = _timed(repetition, job, json.loads(line))
        reply(
            seconds=seconds,
            images=done.images,
            values=done.values,
            memory=peak_memory(order.work.device),
        )


def _set_up(order: Order, job: Job) -> tuple[Repetition, float, Done]:
    started = time.perf_counter()
    repetition = CONTESTANTS[order.work.kind][order.contestant].set_up(job)
    _, done = _timed(repetition, job, list(range(order.warm_up)))
    return repetition, time.perf_counter() - started, done


def _timed(repetition: Repetition, job: Job, rows: list[int]) -> tuple[float, Done]:
    points = job.grid[rows]
    _wait(job.work.device)
    started = time.perf_counter()
    done = repetition(points)
    _wait(job.work.device)
    return time.perf_counter() - started, done


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    """Serve the order in the first argument; whatever is printed meanwhile goes to the log."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(Order.from_dict(json.loads(sys.argv[1])), sys.stdin, replies)


if __name__ == "__main__":
    main()
