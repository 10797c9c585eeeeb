"""How far does a sweep scale: two processes beside one, and what a thousand GPUs would ask of one.

    python scripts/scale.py --budget laptop

Measures, on this machine,

- a plane of weights by one process and by two of `torchrun`, each with one thread, and by one
  process with two threads: seconds of the sweep alone, as the file tells them;
- what the processes' board bears: additions to the shared counter by several clients at once, and
  bytes that arrive as parcels at the first process;
- what the file bears: points written per second, of weights and of poses of 1,000 images.

From these it works out which of them a thousand GPUs would meet first. Prints tables in Markdown.
"""

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import torch.distributed as dist

from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.filling.shared import FLUSH_SECONDS, Parcels, Undelivered, interval
from landscape.models import ModelSpec, build_model, save_checkpoint
from landscape.processes import Board
from landscape.rng import generator
from landscape.store import Axis, Field, Layout, SurfaceWriter, facts, open_surface

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
GPUS = 1000
OPERATIONS = 11  # for each parcel: to draw, look, announce, put in two parts, find, take, delete
RATES = {  # images per second of one H100: an assumption, of the order that forward passes reach
    "ResNet-20, 32 x 32": 200_000,
    "ResNet-50, 224 x 224": 3_000,
}
"""From public benchmarks of inference in half precision; not measured here."""


@dataclass(frozen=True)
class Budget:
    """How much is measured."""

    repeats: int
    points: int
    samples: int
    seconds: float
    clients: tuple[int, ...]


BUDGETS = {
    "smoke": Budget(0, 3, 20, 0.1, (1, 2)),
    "laptop": Budget(3, 21, 1000, 3.0, (1, 2, 8)),
}


def main(
    budget: Literal["smoke", "laptop"] = "smoke",
    gpus: int = GPUS,
) -> None:
    """Measure and work out.

    Args:
        budget: smoke (seconds, without torchrun) or laptop (minutes).
        gpus: of the imagined machine.
    """
    chosen = BUDGETS[budget]
    if chosen.repeats:
        _table(("processes", "threads each", "seconds", "efficiency"), _efficiency(chosen))
    operations = {n: _additions(n, chosen.seconds) for n in chosen.clients}
    parcels = _parcels(chosen.seconds)
    written = {name: _written(layout, chosen.seconds) for name, layout in _layouts().items()}
    _table(
        ("capacity of the first process", "a second"),
        [
            *(
                (f"additions to the counter, {clients} at once", f"{rate:,.0f}")
                for clients, rate in operations.items()
            ),
            ("bytes that arrive as parcels", f"{parcels / 1e6:,.0f} MB"),
            *((f"points written, {name}", f"{rate:,.0f}") for name, rate in written.items()),
        ],
    )
    _table(
        ("a sweep by so many GPUs", "resource", "load", "capacity", "share"),
        _loads(gpus, min(operations.values()), parcels, written),
    )


def _efficiency(budget: Budget) -> Iterator[tuple[str, ...]]:
    """Seconds of the same plane, interleaved so that a busy neighbour meets all alike."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = ModelSpec("cnn", classes=10, channels=1)
        model = build_model(spec, generator=generator(0, "weights"))
        save_checkpoint(folder / "model.pt", model, spec, configuration={}, provenance={})
        ways: dict[tuple[int, int], list[float]] = {(1, 1): [], (2, 1): [], (1, 2): []}
        for repeat in range(budget.repeats):
            for (processes, threads), seconds in ways.items():
                out = folder / f"{processes}-{threads}-{repeat}.h5"
                _sweep(folder / "model.pt", out, budget, processes, threads)
                with open_surface(out) as data:
                    seconds.append(float(facts(data)["wall_time_seconds"]))
        alone = statistics.median(ways[1, 1])
        for (processes, threads), seconds in ways.items():
            took = statistics.median(seconds)
            share = alone / took / (processes * threads)
            spread = f"{took:.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
            yield f"{processes}", f"{threads}", spread, f"{share:.0%}"


def _sweep(model: Path, out: Path, budget: Budget, processes: int, threads: int) -> None:
    words = ["-m", "landscape", "weights", model, "--dataset", "digits", "--out", out]
    words += ["--points", budget.points, "--samples", budget.samples, "--compile", "never"]
    launcher = [*TORCHRUN, processes] if processes > 1 else []
    subprocess.run(
        [sys.executable, *map(str, [*launcher, *words])],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )


def _server() -> dist.TCPStore:
    return dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)


def _client(port: int) -> dist.TCPStore:
    return dist.TCPStore("127.0.0.1", port, timeout=timedelta(seconds=60))


def _additions(clients: int, seconds: float) -> float:
    """Additions a second of so many processes together."""
    server = _server()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(clients) as pool:
        counts = pool.starmap(_adding, [(server.port, seconds)] * clients, chunksize=1)
    return sum(counts) / seconds


def _adding(port: int, seconds: float) -> int:
    store, count = _client(port), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        store.add("n", 1)
        count += 1
    return count


def _parcels(seconds: float) -> float:
    """Bytes a second from one process to the first, as parcels of half a second's work."""
    server = _server()
    sender, taker = (Parcels(Board("b", _client(server.port))) for _ in range(2))
    points, values = np.arange(100), {"loss": np.random.default_rng(0).random((100, 5000))}
    found, moved, end = Undelivered(lambda points, values: None, 0.0), 0, time.monotonic() + seconds
    started = time.monotonic()
    while time.monotonic() < end:
        sender.send(points, values)
        taker.collect(found)
        moved += values["loss"].nbytes
    return moved / (time.monotonic() - started)


def _layouts() -> dict[str, Layout]:
    mean = [Field(name, "float64", "1", name) for name in ("loss", "s", "accuracy", "t")]
    each = [Field("loss", "float32", "1", "l"), Field("margin", "float32", "1", "m")]
    each.append(Field("prediction", "int32", "1", "p"))

    def axes(**sizes: int) -> tuple[Axis, ...]:
        return tuple(Axis(name, np.arange(float(n)), "1", name) for name, n in sizes.items())

    return {
        "weights": Layout("weights", axes(alpha=41, beta=41, gamma=41), tuple(mean)),
        "poses of 1,000 images": Layout(
            "spatial", axes(r=31, x=15, y=15), tuple(each), items=axes(image=1000)
        ),
    }


def _written(layout: Layout, seconds: float) -> float:
    """Points a second that a file takes, in parts of 100 scattered ones."""
    layout = Layout(**{**vars(layout), "about": {"title": "t"}})
    random = np.random.default_rng(0)
    order = random.permutation(int(np.prod(layout.grid_shape)))
    values = {f.name: random.random((100, *layout.item_shape)) for f in layout.fields}
    count, took = 0, 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        SurfaceWriter(Path(folder) / "s.h5", layout) as writer,
    ):
        started = time.monotonic()
        while took < seconds:
            part = np.take(order, np.arange(count, count + 100), mode="wrap")
            writer.write(part, values)
            count, took = count + 100, time.monotonic() - started
    return count / took


def _loads(
    gpus: int, operations: float, parcels: float, written: dict[str, float]
) -> Iterator[tuple[str, ...]]:
    """What each resource of the first process would bear, for sweeps of poses and of weights."""
    draws = gpus * OPERATIONS / interval(FLUSH_SECONDS, gpus)
    for name, rate in RATES.items():
        for kind, bytes_each, per_point in (
            ("poses of 1,000 images", 12.0, 1000),
            ("weights", 32.0 / 10_000, 10_000),
        ):
            images, points = gpus * rate, gpus * rate / per_point
            capacity = written[kind if kind in written else "weights"]
            for resource, load, most in (
                ("operations of the board", draws, operations),
                ("bytes of parcels", images * bytes_each, parcels),
                ("points written", points, capacity),
            ):
                what = f"{name}, {kind}{', 10,000 images' if kind == 'weights' else ''}"
                yield what, resource, f"{load:,.0f}", f"{most:,.0f}", f"{load / most:.1%}"


def _table(
    head: Sequence[str], rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]
) -> None:
    print(f"\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
