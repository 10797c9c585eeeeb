"""Filling a file with what is missing of a surface."""

import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped

from landscape.interrupt import deferred_stop
from landscape.progress import Progress, progress
from landscape.store import SurfaceWriter, open_surface
from landscape.store.plan import Batch, Everything, Plan
from landscape.surfaces import Surface, failed

FLUSH_SECONDS = 0.5  # values wait this long at most before they are on the disk
WHOLE_GRID = Everything()

Chunk = tuple[Int[np.ndarray, " n"], Mapping[str, Shaped[np.ndarray, "n ..."]]]
"""Flat indices of points, and their values by field."""


class SurfaceWarning(UserWarning):
    """A stored surface did not pass one of its own checks."""


def sweep(
    surface: Surface,
    out: Path,
    *,
    plan: Plan = WHOLE_GRID,
    overwrite: bool = False,
    show_progress: bool = False,
    flush_seconds: float = FLUSH_SECONDS,
) -> None:
    """Compute the points of a surface that its file lacks, check the whole, and pack the file.

    An interrupted or killed sweep leaves a file that the same call continues; the values are those
    of a sweep that was never interrupted. A packed file in which the plan misses points is
    continued, too.

    Args:
        surface: what a point is worth.
        out: the file; continued if it holds the same surface.
        plan: which points are computed, `store.plan.Adaptive` or all of them.
        overwrite: replace whatever is there.
        show_progress: show points per second and time left on standard error.
        flush_seconds: how long computed points may wait before they are written.

    Raises:
        InputError: the file holds something else, is in use or cannot be written.
    """
    started = time.monotonic()
    layout = replace(surface.layout, about={**surface.layout.about, **plan.about()})
    with SurfaceWriter(out, layout, overwrite=overwrite) as writer:
        batches = plan.batches(writer)
        first = next(batches, None)
        if writer.complete:
            if first is None:
                return
            writer.reopen()
        before, total = int(writer.done.sum()), plan.most(layout)
        surface.prepare(max(0, total - before))
        with progress(
            total,
            str(layout.about["title"]),
            unit="points",
            enabled=show_progress,
            done=min(before, total),
        ) as bar:
            batches = batches if first is None else chain([first], batches)
            _fill(surface, writer, batches, bar, flush_seconds)
        with open_surface(out) as data:
            checks = [check.record() for check in surface.checks(data)]
        writer.finish(
            {
                "checks": checks,
                "run": dict(surface.run_facts()),
                "wall_time_seconds": time.monotonic() - started,
                "points_from_earlier_runs": before,
                **plan.outcome(writer),
            }
        )
    for failure in failed(checks):
        warnings.warn(f"{out}: {failure}; do not trust this surface", SurfaceWarning, stacklevel=2)


def _fill(
    surface: Surface,
    writer: SurfaceWriter,
    batches: Iterator[Batch],
    bar: Progress,
    flush_seconds: float,
) -> None:
    """Evaluate points chunk by chunk; whatever ends the loop, what was computed is written.

    A first Ctrl-C is heeded between two chunks, a second one at once.
    """
    waiting: list[Chunk] = []
    last = time.monotonic()
    with deferred_stop() as asked:
        try:
            for batch in batches:
                start = 0
                while start < len(batch):
                    if stop := asked():
                        raise stop
                    indices = batch[start : start + surface.points_per_call]
                    start += len(indices)
                    waiting.append((indices, surface.evaluate(surface.layout.coordinates(indices))))
                    bar.advance(len(indices))
                    if time.monotonic() - last >= flush_seconds:
                        _write(writer, waiting)
                        last = time.monotonic()
                _write(writer, waiting)  # the next batch follows from the values of this one
        finally:
            _write(writer, waiting)


def _write(writer: SurfaceWriter, waiting: list[Chunk]) -> None:
    if not waiting:
        return
    indices = np.concatenate([indices for indices, _ in waiting])
    names = waiting[0][1]
    writer.write(indices, {n: np.concatenate([values[n] for _, values in waiting]) for n in names})
    waiting.clear()
