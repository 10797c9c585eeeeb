"""How often a fault was tried, how often nothing was lost, and what was seen on the way."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np


class BrokenError(Exception):
    """Something that must not happen did."""


def expect(holds: object, otherwise: object) -> None:
    """Raise unless something holds.

    Raises:
        BrokenError: with the words that say what happened instead.
    """
    if not holds:
        raise BrokenError(str(otherwise))


@dataclass
class Tally:
    """The counts of one fault.

    Attributes:
        tried: how often.
        passed: how often everything was as promised.
        saw: what happened, by name, and how often.
        failures: a sentence for each time that it was not.
        skipped: why it was not tried at all, or a part of it.
    """

    tried: int = 0
    passed: int = 0
    saw: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.saw = Counter(self.saw)

    @contextmanager
    def trial(self, name: str) -> Iterator[None]:
        """One try; whatever is raised inside makes it a failure."""
        self.tried += 1
        try:
            yield
        except BrokenError as broken:
            self.failures.append(f"{name}: {broken}")
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})"
            self.failures.append(f"{name}: {said}")
        else:
            self.passed += 1

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "saw": dict(sorted((+self.saw).items()))}


@dataclass(frozen=True)
class Counts:
    """How many of everything a budget affords.

    Attributes:
        kills: of sweeps forked from a warm process, half of each kind.
        aimed: further kills at creation, checks and packing, of each, and half of those in a write.
        commands: kills of the command line as it is typed.
        power: failures of power.
        stops: SIGINT and SIGTERM, by each command and signal.
        typed: whether signals and clocks meet the command line as it is typed.
        flips: of bits, half of them in a finished file.
        refused: commands on files of others and in folders that cannot be written, of each kind.
        cuts: truncations, half of them of a finished file.
        pairs: of processes on one file.
        jumps: sweeps and trainings in which the clock jumps.
        raises: points at which a model raises.
        ranks: kills of one of two processes of torchrun.
    """

    kills: int
    aimed: int
    commands: int
    power: int
    stops: int
    typed: bool
    flips: int
    refused: int
    cuts: int
    pairs: int
    jumps: int
    raises: int
    ranks: int


BUDGETS = {
    "smoke": Counts(3, 1, 0, 1, 1, False, 20, 4, 4, 1, 0, 1, 0),
    "laptop": Counts(200, 20, 20, 40, 4, True, 1000, 99, 100, 8, 4, 6, 20),
    "paper": Counts(2000, 100, 100, 400, 10, True, 10_000, 99, 1000, 100, 20, 20, 100),
}


@dataclass(frozen=True)
class Bench:
    """Where faults are tried.

    Attributes:
        folder: empty, of one fault alone.
        checkpoint: the network whose surfaces are swept.
        counts: how many of everything.
        random: instants, places and bits.
        shared: the folder of what nothing happened to, for all faults.
        known: what is there.
    """

    folder: Path
    checkpoint: Path
    counts: Counts
    random: np.random.Generator
    shared: Path
    known: dict[str, Any]


def later(counted: str) -> Callable[[Callable[[Bench], Tally]], Callable[[Bench], Tally]]:
    """Leave a fault to the larger budgets: to those whose count of this name is not zero."""

    def leave(fault: Callable[[Bench], Tally]) -> Callable[[Bench], Tally]:
        @wraps(fault)
        def tried(bench: Bench) -> Tally:
            if getattr(bench.counts, counted):
                return fault(bench)
            return Tally(skipped=["left to the larger budgets"])

        return tried

    return leave
