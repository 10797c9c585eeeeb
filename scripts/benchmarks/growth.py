"""Cost as the work grows, along points, images and network: time and peak memory."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.ceilings import count_flops
from benchmarks.comparison import MICRO_BATCH, WARM_UP
from benchmarks.processes import Process
from benchmarks.report import MEGA, Section, spread
from benchmarks.work import Work, prepare
from benchmarks.worker import Order

HEADER = (
    "network",
    "points",
    "images",
    "seconds",
    "ms per point and 100 images",
    "GFLOP/s",
    "peak memory, MiB",
    "of it before the job",
    "of it the images",
)


def measure(works: Sequence[Work], *, rounds: int, data_root: Path | None) -> Section:
    """One row per work, each in a process of its own, so that peaks are its own too."""
    rows, data = [], []
    for work in works:
        row, facts = _measure(work, rounds, data_root)
        rows.append(row)
        data.append({"work": asdict(work), **facts})
    return Section(
        title="Cost as the work grows: planes in float32",
        header=HEADER,
        rows=rows,
        remarks=["Memory before the job: interpreter, libraries and the images themselves."],
        data={"rows": data},
    )


def _measure(
    work: Work, rounds: int, data_root: Path | None
) -> tuple[tuple[str, ...], dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="landscape-benchmark-") as name:
        file = Path(name) / "work.pt"
        prepare(work, file, data_root)
        with Process(Order(work, str(file), "ours", WARM_UP), file.parent) as process:
            process.wait()
            before = process.set_up(MICRO_BATCH)["memory_before"]
            replies = [process.repeat(range(work.points)) for _ in range(rounds)]
    seconds = [reply["seconds"] for reply in replies]
    memory, done = replies[-1]["memory"], work.points * work.images
    operations = done * count_flops(work).forward
    row = (
        work.network,
        str(work.points),
        str(work.images),
        spread(seconds),
        spread([1e5 * s / done for s in seconds], 1),
        spread([operations / s / 1e9 for s in seconds], 0),
        f"{memory / MEGA:.0f}",
        f"{before / MEGA:.0f}",
        f"{work.images * 3 * work.side**2 * 4 / MEGA:.0f}",
    )
    return row, {"seconds": seconds, "memory": memory, "memory_before": before}
