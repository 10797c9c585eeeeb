"""Evaluations and trainings that faults are tried on, and whether they end as they should."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import landscape
from reliability.counting import Bench, expect
from reliability.jobs import Forked
from reliability.sweeps import Sweep

EVALUATION = ("--attacks", "worst-of-10", "grid:rotations=5,shifts=1", "--samples", 1000)
TRAINING = ("--epochs", 2, "--batch-size", 500, "--checkpoint-every", 1, "--compile", "never")
TIMES = ("seconds", "images_per_second")  # of an epoch


@dataclass(frozen=True)
class Evaluation:
    """An evaluation into a folder, and the folder of one that nothing happened to."""

    checkpoint: Path
    whole: Path
    life: float

    @classmethod
    def run(cls, bench: Bench) -> "Evaluation":
        """Compute the folder that others are compared with."""
        whole = bench.shared / "evaluation"
        made = cls(bench.checkpoint, whole, 0.0)
        return cls(bench.checkpoint, whole, _seconds(made.into(whole), bench))

    def into(self, out: Path) -> tuple[object, ...]:
        """The words of the command that fills a folder."""
        return ("evaluate", self.checkpoint, *EVALUATION, "--out", out)

    def refuse_other(self, out: Path) -> None:
        """Compare every file.

        Raises:
            BrokenError: one is missing, or differs.
        """
        files = {path.relative_to(self.whole) for path in self.whole.rglob("*") if path.is_file()}
        there = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
        expect(files == there, f"the files are {there}, should be {files}")
        for file in files:
            Sweep((), self.whole / file, {}).refuse_other(out / file)


@dataclass(frozen=True)
class Training:
    """A training into a folder, and the folder of one that nothing happened to."""

    whole: Path
    life: float

    @classmethod
    def run(cls, bench: Bench) -> "Training":
        """Train what others are compared with."""
        if "training" not in bench.known:
            whole = bench.shared / "training"
            bench.known["training"] = cls(whole, _seconds(cls(whole, 0.0).into(whole), bench))
        found: Training = bench.known["training"]
        return found

    def into(self, out: Path) -> tuple[object, ...]:
        """The words of the command that trains into a folder."""
        return ("train", *TRAINING, "--out", out)

    def refuse_other(self, out: Path) -> None:
        """Compare the trained weights bit by bit, and all that was written of the epochs.

        Raises:
            BrokenError: they differ.
        """
        for name in ("model.pt", "metrics.jsonl", "config.json", "state.pt"):
            expect((out / name).exists(), f"{name} is missing")
        here, there = (landscape.load_checkpoint(path / "model.pt") for path in (out, self.whole))
        expect(here.sha256 == there.sha256, "the weights differ")
        expect(_epochs(out) == _epochs(self.whole), "the metrics differ")


def _epochs(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


def _seconds(words: tuple[object, ...], bench: Bench) -> float:
    """Run a command to its end."""
    job = Forked(words, bench.folder / "whole.log")
    expect(job.wait() == 0, job.told)
    return sum(job.seconds.values())
