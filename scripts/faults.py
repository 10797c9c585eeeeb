"""Kill, stop, starve and damage sweeps, trainings and files for real, and count what is lost.

    python scripts/faults.py --out results/faults
    python scripts/faults.py --budget laptop --only kill power --out results/faults

Writes faults.md, a table, and faults.json, all counts. Ends with status 1 if anything was lost.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from reliability import company, damage, disks, inside, kills, ranks, stops
from reliability.counting import BUDGETS, Bench, BrokenError, Tally
from reliability.networks import untrained

from landscape.cli.options import Several
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.files import atomic_write
from landscape.registry import lookup

FAULTS: dict[str, Callable[[Bench], Tally]] = {
    "kill": kills.killed_at_any_instant,
    "kill-in-write": kills.killed_within_a_write,
    "kill-in-phase": kills.killed_in_every_phase,
    "kill-typed": kills.killed_as_typed,
    "power": kills.power_failed,
    "stop": stops.stopped,
    "disk-full": disks.full,
    "read-only": disks.read_only,
    "truncated": damage.truncated,
    "flipped": damage.flipped,
    "foreign": damage.foreign,
    "two-writers": company.two_writers,
    "readers": company.readers,
    "clock": inside.clock_jumps,
    "memory": inside.memory_runs_out,
    "model-raises": inside.model_raises,
    "not-finite": inside.not_finite,
    "ranks": ranks.one_killed,
}


def tried(faults: Sequence[str], budget: str, seed: int) -> Iterator[tuple[str, Tally]]:
    """Try faults, each in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="landscape-faults-") as made:
        untrained(network := Path(made, "network.pt"))
        (shared := Path(made, "shared")).mkdir()
        known: dict[str, Any] = {}
        for name in faults:
            (folder := Path(made, name)).mkdir()
            random = np.random.default_rng([seed, list(FAULTS).index(name)])
            bench = Bench(folder, network, BUDGETS[budget], random, shared, known)
            try:
                tally = FAULTS[name](bench)
            except BrokenError as broken:  # already what it is to be compared with
                tally = Tally(tried=1, failures=[str(broken)])
            yield name, tally


def table(tallies: dict[str, Tally]) -> str:
    """All counts, in Markdown."""
    lines = ["| fault | tried | as promised | seen |", "|---|---|---|---|"]
    for name, tally in tallies.items():
        seen = ", ".join(f"{count} {what}" for what, count in tally.saw.items())
        told = "; ".join([seen] * bool(seen) + sorted(set(tally.skipped)))
        lines.append(f"| {name} | {tally.tried} | {tally.passed} | {told} |")
    return "\n".join(lines) + "\n"


def read(path: Path) -> dict[str, Tally]:
    """The counts of earlier runs."""
    if not path.exists():
        return {}
    return {name: Tally(**held) for name, held in json.loads(path.read_text()).items()}


def main(
    out: Path,
    budget: Literal["smoke", "laptop", "paper"] = "smoke",
    only: Several[str] = (),
    seed: int = 0,
) -> int:
    """Try faults, and count.

    Args:
        out: The folder for the table and the counts; those of faults that are not tried again stay.
        budget: smoke (seconds), laptop (an hour) or paper (a night).
        only: Names of faults; all by default.
        seed: Of instants, places and bits.
    """
    faults = only or tuple(FAULTS)
    for name in faults:
        lookup(FAULTS, name, kind="fault")
    out.mkdir(parents=True, exist_ok=True)
    tallies = read(out / "faults.json")
    for name, tally in tried(faults, budget, seed):
        tallies[name] = tally
        for sentence in (f"{name}: {tally.passed} of {tally.tried}", *tally.failures):
            print(sentence, flush=True)
        tallies = {fault: tallies[fault] for fault in FAULTS if fault in tallies}
        with atomic_write(out / "faults.json") as temporary:
            counts = {fault: one.as_dict() for fault, one in tallies.items()}
            temporary.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
        with atomic_write(out / "faults.md") as temporary:
            temporary.write_text(table(tallies), encoding="utf-8")
    print(table(tallies))
    return int(any(tallies[fault].failures for fault in faults))


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
