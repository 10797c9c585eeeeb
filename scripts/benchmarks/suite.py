"""All cases in order, and where their tables go."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch

from benchmarks import commands, growth, machine
from benchmarks.cases import COMPARISONS, Sizes, growing
from benchmarks.comparison import compare
from benchmarks.report import Section, section

Case = Literal["a", "b", "c", "d", "e", "f", "growth"]
CASES: tuple[Case, ...] = ("a", "b", "c", "d", "e", "f", "growth")
NO_GPU = "No GPU is at hand: PyTorch sees no CUDA device."


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often.

    Attributes:
        cases: which.
        sizes: how much of each.
        rounds: repetitions of each contestant; None: as `sizes` has it.
        parts: a repetition computes one point in so many; None: as the case has it.
        only: contestants that take part; none: all.
        data_root: where CIFAR-10 lies, if it does.
    """

    cases: tuple[Case, ...] = CASES
    sizes: Sizes = field(default_factory=Sizes)
    rounds: int | None = None
    parts: int | None = None
    only: tuple[str, ...] = ()
    data_root: Path | None = None


def run(settings: Settings, *, json_file: Path | None, markdown: Path | None) -> None:
    """Measure, print every table as soon as it is there, and keep it.

    Args:
        settings: what to measure.
        json_file: gets every repetition; written anew after each table.
        markdown: the tables are appended to it.

    Raises:
        BenchmarkError: a contestant or command failed.
    """
    facts = machine.facts()
    done: list[Section] = []
    _emit(_heading(facts), markdown)
    for made in sections(settings):
        done.append(made)
        _emit(made.markdown(), markdown)
        if json_file:
            _write(json_file, facts, settings, done)


def sections(settings: Settings) -> Iterator[Section]:
    """The tables, one after the other."""
    rounds = settings.rounds or settings.sizes.rounds
    for case in settings.cases:
        if case == "e":
            yield commands.measure(rounds=rounds)
        elif case == "growth":
            works = growing(settings.sizes)
            yield growth.measure(works, rounds=min(rounds, 3), data_root=settings.data_root)
        elif case == "f" and not torch.cuda.is_available():
            yield Section("f. On a GPU", ("case", "outcome"), [("f", "not measured")], [NO_GPU])
        else:
            for group in COMPARISONS[case](settings.sizes):
                parted = replace(group, parts=settings.parts or group.parts)
                outcome = compare(
                    parted, rounds=rounds, data_root=settings.data_root, only=settings.only
                )
                yield section(outcome)


def _heading(facts: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items()) + "\n"


def _emit(text: str, markdown: Path | None) -> None:
    print(text, flush=True)
    if markdown:
        with markdown.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


def _write(path: Path, facts: dict[str, str], settings: Settings, done: Sequence[Section]) -> None:
    contents = {
        "machine": facts,
        "settings": asdict(settings),
        "sections": [{"title": made.title, **made.data} for made in done],
    }
    path.write_text(json.dumps(contents, indent=1, default=str) + "\n", encoding="utf-8")
