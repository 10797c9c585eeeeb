"""Counts of what became of the files, as Markdown."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

OUTCOMES = ("accepted", "refused", "crash", "hang", "traceback")
FAILURES = OUTCOMES[2:]


@dataclass(frozen=True)
class Result:
    """What became of one file.

    Attributes:
        number: of the file; with the seed it makes the file again.
        kind: of the file that was mutated.
        mutation: what was done to it.
        outcome: one of `OUTCOMES`: accepted if at least one reader took it, the worst one if
            any failed.
        detail: the reader and what went wrong, if something did.
        seconds: that all readers took.
    """

    number: int
    kind: str
    mutation: str
    outcome: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether it was neither read nor refused."""
        return self.outcome in FAILURES


def table(results: Sequence[Result]) -> str:
    """A row for each kind of file."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        counts[result.kind][result.outcome] += 1
        counts["all"][result.outcome] += 1
    lines = [f"| file | {' | '.join(('mutated', *OUTCOMES))} |", "|---" * 7 + "|"]
    for kind in [*sorted(counts.keys() - {"all"}), *({"all"} & counts.keys())]:
        numbers = (counts[kind].total(), *(counts[kind][outcome] for outcome in OUTCOMES))
        lines.append(f"| {kind} | {' | '.join(f'{number:,}' for number in numbers)} |")
    slowest = max((result.seconds for result in results), default=0.0)
    return "\n".join([*lines, "", f"Slowest file: {slowest:.1f} s."])


def failures(results: Sequence[Result]) -> str:
    """What went wrong, the same things together, with one file of each."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        if result.failed:
            groups[result.outcome, result.detail].append(result)
    ranked = sorted(groups.items(), key=lambda item: -len(item[1]))
    return "\n".join(
        f"{len(found):5d} x {outcome}, e.g. file {found[0].number} "
        f"({found[0].kind}; {found[0].mutation}): {detail}"
        for (outcome, detail), found in ranked
    )
