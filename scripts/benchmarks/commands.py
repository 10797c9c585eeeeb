"""The command line from the moment a command is typed: what a small job costs in all."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.processes import BenchmarkError
from benchmarks.report import Section, spread

LANDSCAPE = [sys.executable, "-m", "landscape"]
TRAIN = "train --dataset digits --model cnn --recipe nocrop --epochs 1 --out"


def measure(*, rounds: int) -> Section:
    """Wall time of commands, in turn.

    The job is a plane of 3 x 3 points on ten digits, whose computing takes next to nothing.

    Raises:
        BenchmarkError: a command failed.
    """
    with tempfile.TemporaryDirectory(prefix="landscape-benchmark-") as name:
        folder = Path(name)
        caches = {"XDG_CACHE_HOME": str(folder / "cache")}
        _seconds([*LANDSCAPE, *TRAIN.split(), str(folder / "run")], caches)
        job = f"weights {folder}/run/model.pt --alpha -1 1 3 --beta -1 1 3 --samples 10 --out"
        commands = {
            "python -c 'import torch'": [sys.executable, "-c", "import torch"],
            "landscape --help": [*LANDSCAPE, "--help"],
            "landscape weights, 3 x 3 points, 10 images": [*LANDSCAPE, *job.split()],
        }
        times: dict[str, list[float]] = {label: [] for label in commands}
        for number in range(rounds + 1):  # the first one fills the page cache
            for label, command in commands.items():
                out = [str(folder / f"{number}.h5")] if "weights" in command else []
                seconds = _seconds([*command, *out], caches)
                if number:
                    times[label].append(seconds)
    return Section(
        title="e. From a command typed to its end",
        header=("command", "seconds"),
        rows=[(f"`{label}`", spread(seconds)) for label, seconds in times.items()],
        remarks=["Start of the interpreter and imports included; files in the page cache."],
        data={"seconds": times, "median": {k: statistics.median(v) for k, v in times.items()}},
    )


def _seconds(command: list[str], environment: Mapping[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)} failed:\n{done.stderr}")
    return time.perf_counter() - started
