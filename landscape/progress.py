"""How far a long computation is: a bar on a terminal, sparse plain lines in a log file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from landscape.errors import InputError

LOG_INTERVAL = 10.0
"""Seconds between two lines when the output is not a terminal."""


@runtime_checkable
class Progress(Protocol):
    """Told what is done; shows it."""

    def advance(self, n: int) -> None:
        """`n` more units are done."""

    def note(self, text: str) -> None:
        """Show `text` behind the figures until the next note."""


@contextmanager
def progress(
    total: int, description: str, *, unit: str, enabled: bool, done: int = 0
) -> Iterator[Progress]:
    """Progress on standard error: share done, units per second, time elapsed and left.

    On a terminal this is a bar; elsewhere a plain line every 10 s at most, and one at the end. The
    last state stays to be read, also after an error.

    Args:
        total: units of the whole computation.
        description: what is computed, e.g. "weight surface".
        unit: what is counted, in the plural, e.g. "points".
        enabled: false shows nothing.
        done: units that an earlier run has finished; they count as done, not into the rate.

    Raises:
        InputError: `done` lies outside [0, total].
    """
    if not 0 <= done <= total:
        raise InputError(f"expected 0 <= done <= total, got done={done} of total={total}")
    if not enabled:
        yield _Silent()
        return
    console = Console(stderr=True)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        with _bar(console, unit) as bar:
            yield _Bar(bar, total, description, done)
        return
    log = LogProgress(total, description, unit=unit, done=done)
    try:
        yield log
    finally:
        if log.done != log.written:
            log.write_line()


class _Silent:
    def advance(self, n: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class _Bar:
    def __init__(self, bar: RichProgress, total: int, description: str, done: int) -> None:
        self.bar = bar
        self.task = bar.add_task(description, total=total, completed=done, note="")

    def advance(self, n: int) -> None:
        self.bar.advance(self.task, n)

    def note(self, text: str) -> None:
        self.bar.update(self.task, note=text)


def _bar(console: Console, unit: str) -> RichProgress:
    return RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        redirect_stdout=False,  # else what the program prints would move to standard error
    )


class _RateColumn(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{_figure(speed) if speed else '-'} {self.unit}/s")


class LogProgress:
    """Plain lines on standard error; `clock` gives seconds and is an argument for tests' sake."""

    def __init__(
        self,
        total: int,
        description: str,
        *,
        unit: str,
        done: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total, self.description, self.unit = total, description, unit
        self.clock = clock
        self.before = self.done = done
        self.text = ""
        self.written = -1  # what the last line said was done
        self.started = self.last = clock()

    def advance(self, n: int) -> None:
        """Count, and write a line if the last one is old enough."""
        self.done += n
        if self.clock() - self.last >= LOG_INTERVAL:
            self.write_line()

    def note(self, text: str) -> None:
        """Put `text` at the end of the lines to come."""
        self.text = text

    def write_line(self) -> None:
        """Write the present state as one line."""
        self.last, self.written = self.clock(), self.done
        elapsed = self.last - self.started
        rate = (self.done - self.before) / elapsed if elapsed > 0 else 0.0
        share = self.done / self.total if self.total else 1.0
        parts = [
            f"{self.description}: {self.done}/{self.total} {self.unit} ({share:.0%})",
            f"{_figure(rate)} {self.unit}/s",
            f"elapsed {timedelta(seconds=round(elapsed))}",
        ]
        if rate and self.done < self.total:
            left = (self.total - self.done) / rate
            parts.append(f"left {timedelta(seconds=round(left))}")
        if self.text:
            parts.append(self.text)
        sys.stderr.write(", ".join(parts) + "\n")
        sys.stderr.flush()


def _figure(value: float) -> str:
    """Three significant digits without an exponent: 0.0412, 7.31, 184, 20113."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
