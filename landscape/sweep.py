"""Filling a file with what is missing of a surface."""

import hashlib
import time
import warnings
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from landscape.filling import FLUSH_SECONDS, Points, Values, fill, help_fill
from landscape.processes import ALONE, Group
from landscape.progress import progress
from landscape.store import Layout, SurfaceWriter, open_surface
from landscape.store.plan import Everything, Plan
from landscape.surfaces import Surface, failed

WHOLE_GRID = Everything()


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
    group: Group = ALONE,
) -> None:
    """Compute the points of a surface that its file lacks, check the whole, and pack the file.

    An interrupted or killed sweep leaves a file that the same call continues; the values are those
    of a sweep that was never interrupted. A packed file in which the plan misses points is
    continued, too.

    Args:
        surface: what a point is worth.
        out: the file; continued if it holds the same surface.
        plan: which points are computed, `store.plan.Adaptive` or all of them.
        overwrite: replace whatever is there, once the new file is whole.
        show_progress: show points per second and time left on standard error.
        flush_seconds: how long computed points may wait before they are written.
        group: processes that share the work, each of which calls this alike. The first one reads
            and writes the file, which the others need not see.

    Raises:
        InputError: the plan cannot be followed; the file holds something else, is in use or cannot
            be written; or processes were about to compute different surfaces.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, once all that was computed is in the file.
    """
    layout = replace(surface.layout, about={**surface.layout.about, **plan.about()})
    group.refuse_differences(_identity(layout))
    job = _Job(surface, layout, plan)
    try:
        lacking = group.on_first(lambda: job.begin(out, overwrite=overwrite))
        if lacking is None:
            return
        surface.prepare(lacking, group)
        if not group.leads:
            help_fill(partial(_evaluate, surface), group=group, flush_seconds=flush_seconds)
            return
        job.fill(group, flush_seconds, show_progress=show_progress)
        checks = job.finish()
    finally:
        job.close()
    for failure in failed(checks):
        warnings.warn(f"{out}: {failure}; do not trust this surface", SurfaceWarning, stacklevel=2)


class _Job:
    """What the first process does beside computing: it opens, fills, checks and packs the file."""

    def __init__(self, surface: Surface, layout: Layout, plan: Plan) -> None:
        self._surface, self._layout, self._plan = surface, layout, plan
        self._started = time.monotonic()
        self._writer: SurfaceWriter | None = None

    def begin(self, out: Path, *, overwrite: bool) -> int | None:
        """Open the file; how many points it may lack, or None if the plan misses none of it."""
        self._plan.refuse(self._layout)
        self._writer = writer = SurfaceWriter(out, self._layout, overwrite=overwrite)
        batches = self._plan.batches(writer)
        first = next(batches, None)
        if writer.complete:
            if first is None:
                return None
            writer.reopen()
        self._batches = batches if first is None else chain([first], batches)
        self._before = int(writer.done.sum())
        return max(0, self._plan.most(self._layout) - self._before)

    def fill(self, group: Group, flush_seconds: float, *, show_progress: bool) -> None:
        """Compute what the plan asks for."""
        assert self._writer is not None
        total = self._plan.most(self._layout)
        with progress(
            total,
            str(self._layout.about["title"]),
            unit="points",
            enabled=show_progress,
            done=min(self._before, total),
        ) as bar:
            fill(
                self._writer,
                self._batches,
                self._surface.points_per_call,
                partial(_evaluate, self._surface),
                group=group,
                bar=bar,
                flush_seconds=flush_seconds,
            )

    def finish(self) -> list[dict[str, Any]]:
        """Check the whole and pack it; the outcome of the checks."""
        assert self._writer is not None
        with open_surface(self._writer.path) as data:
            checks = [check.record() for check in self._surface.checks(data)]
        self._writer.finish(
            {
                "checks": checks,
                "run": dict(self._surface.run_facts()),
                "wall_time_seconds": time.monotonic() - self._started,
                "points_from_earlier_runs": self._before,
                **self._plan.outcome(self._writer),
            }
        )
        return checks

    def close(self) -> None:
        """Let the next writer in."""
        if self._writer is not None:
            self._writer.close()


def _evaluate(surface: Surface, indices: Points) -> Values:
    return surface.evaluate(surface.layout.coordinates(indices))


def _identity(layout: Layout) -> dict[str, Any]:
    """What must be the same in all processes that compute a surface; JSON values."""
    axes = hashlib.sha256(b"".join(axis.values.tobytes() for axis in layout.points))
    return {
        "kind": layout.kind,
        "axes": axes.hexdigest(),
        "fields": [field.name for field in layout.fields],
        **layout.configuration,
    }
