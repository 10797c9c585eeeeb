"""Tables of what was measured, in Markdown and as plain values for JSON."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.comparison import Outcome, Standing
from benchmarks.contestants import CONTESTANTS

MEGA = 2**20


@dataclass(frozen=True)
class Section:
    """One table.

    Attributes:
        title: above it.
        header: the names of its columns.
        rows: of cells.
        remarks: below it, a paragraph each.
        data: everything measured; JSON values.
    """

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    remarks: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def markdown(self) -> str:
        """The table as it can be pasted into a page."""
        rule = ("---", *["---:"] * (len(self.header) - 1))
        lines = [f"| {' | '.join(row)} |" for row in (self.header, rule, *self.rows)]
        return "\n\n".join([f"### {self.title}", "\n".join(lines), *self.remarks]) + "\n"


def spread(values: Sequence[float], digits: int = 2, unit: str = "") -> str:
    """Median, and in brackets the least and the greatest."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"


def section(outcome: Outcome) -> Section:
    """The table of a comparison: a row per contestant, and per ceiling."""
    table = _Table(outcome)
    group, work = outcome.group, outcome.group.work
    axes = " x ".join(str(n) for n in work.axes)
    what = {"weights": "points", "poses": "poses", "training": "steps"}[work.kind]
    facts = (
        f"{work.network}, {axes} {what}, {work.images} images ({outcome.images}) of "
        f"3x{work.side}x{work.side} on {work.device}; "
        f"{outcome.flops.forward / 1e6:.1f} MFLOP an image and forward pass."
    )
    if group.parts > 1:
        facts += f" A repetition is one point in {group.parts}, in each round others."
    return Section(
        title=group.title,
        header=table.header,
        rows=[table.row(s) for s in outcome.standings.values()],
        remarks=[facts, *table.remarks()],
        data=_data(outcome),
    )


class _Table:
    """The cells of a comparison."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._taking_part = {n: s for n, s in outcome.standings.items() if s.repetitions}

    def _is_ceiling(self, name: str) -> bool:
        return CONTESTANTS[self._outcome.group.work.kind][name].ceiling

    def _label(self, name: str) -> str:
        return CONTESTANTS[self._outcome.group.work.kind][name].label

    @property
    def header(self) -> tuple[str, ...]:
        """The columns' names."""
        return (
            "contestant",
            "seconds",
            "images/s",
            "GFLOP/s",
            "x plain",
            "x plain, memory kept",
            "share of convolutions alone",
            "share of matrix products",
            "set-up, s",
            "x plain, with set-up",
            "deviation from float64",
            "peak memory, MiB (of it before)",
        )

    def row(self, standing: Standing) -> tuple[str, ...]:
        """A contestant's cells; those that mean nothing for it are empty."""
        name = standing.name
        label = self._label(name)
        if standing.absent:
            return (
                f"{label}: {'failed' if standing.failed else 'absent'}",
                *[""] * (len(self.header) - 1),
            )
        operations = self._outcome.work_per_image(name)
        speed = [r.rate * operations / 1e9 for r in standing.repetitions]
        if self._is_ceiling(name):
            return (label, "", "", spread(speed, 0), *[""] * (len(self.header) - 4))
        plain, kept = self._baselines(name)
        return (
            label,
            spread([r.seconds for r in standing.repetitions]),
            f"{standing.rate:.0f}",
            spread(speed, 0),
            self._ratio(name, plain),
            self._ratio(name, kept),
            self._share(name, "convolutions"),
            self._share(name, "gemm"),
            f"{standing.setup:.1f}",
            self._with_setup(name, plain),
            "" if standing.deviation is None else f"{standing.deviation:.1e}",
            f"{standing.memory / MEGA:.0f} ({standing.memory_before / MEGA:.0f})",
        )

    def _baselines(self, name: str) -> tuple[str, str]:
        plain = "plain-worst" if "worst" in name else "plain"
        return plain, f"{plain}-allocator"

    def _ratio(self, name: str, base: str) -> str:
        if base not in self._taking_part:
            return ""
        return spread(self._outcome.ratios(name, base))

    def _share(self, name: str, kind: str) -> str:
        precision = next((p for p in ("-bf16", "-tf32") if p in name), "")
        ceiling = f"{kind}{precision}"
        if ceiling not in self._taking_part:
            return ""
        return spread([100 * share for share in self._outcome.shares(name, ceiling)], 0, " %")

    def _with_setup(self, name: str, base: str) -> str:
        """For the whole job once, each with its own set-up; of a training there is no whole."""
        work = self._outcome.group.work
        if base not in self._taking_part or work.kind == "training":
            return ""
        images = work.images * work.points
        mine, theirs = (
            standing.setup + images / standing.rate
            for standing in (self._taking_part[name], self._taking_part[base])
        )
        return f"{theirs / mine:.2f}"

    def remarks(self) -> list[str]:
        """What else is to be said: absences, choices, and what worst-of-10 costs."""
        lines = [
            f"{self._label(s.name)}: {s.absent}."
            for s in self._outcome.standings.values()
            if s.absent
        ]
        for name in self._taking_part:
            standard = name.replace("-worst", "")
            if "worst" in name and standard in self._taking_part:
                costs = spread(self._outcome.ratios(standard, name))
                lines.append(f"{self._label(name)} costs {costs} times {self._label(standard)}.")
        for name, standing in self._taking_part.items():
            if standing.notes:
                lines.append(f"{self._label(name)} chose: {'; '.join(standing.notes)}.")
        return lines


def _data(outcome: Outcome) -> dict[str, Any]:
    standings = {name: asdict(standing) for name, standing in outcome.standings.items()}
    for standing in standings.values():
        del standing["values"]  # long, and what they are for is in `deviation`
    return {
        "work": asdict(outcome.group.work),
        "parts": outcome.group.parts,
        "images": outcome.images,
        "flops_per_image": asdict(outcome.flops),
        "contestants": standings,
    }
