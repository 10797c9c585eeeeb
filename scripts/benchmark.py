"""Speed of this package beside plain loops and published tools, each in a process of its own.

    python scripts/benchmark.py --case a --data-root ~/data --markdown bench.md

docs/benchmarks.md says what is compared with what, and what is not. The whole takes hours; leave
the machine alone meanwhile.
"""

import sys
from pathlib import Path

from benchmarks.cases import QUICK, Sizes
from benchmarks.suite import CASES, Case, Settings, run

from landscape.cli.options import Several
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status


def main(
    case: tuple[Case, ...] = CASES,
    quick: bool = False,
    rounds: int | None = None,
    parts: int | None = None,
    only: Several[str] = (),
    data_root: Path | None = None,
    json: Path | None = None,
    markdown: Path | None = None,
) -> None:
    """Measure and print tables in Markdown.

    Args:
        case: a: plane of weights; b: grid attack; c: at 224 pixels; d: training; e: the command
            line; f: on a GPU; growth: cost as the work grows.
        quick: Small sizes and two rounds: for a look, not for figures.
        rounds: Repetitions of each contestant, in turn; 5 unless given.
        parts: A repetition computes one point of the grid in so many, each round others: a shorter
            run with more rounds to the hour.
        only: The contestants that take part, e.g. ours plain; all unless given.
        data_root: The folder that holds CIFAR-10; without it, and without LANDSCAPE_DATA, the
            images are noise.
        json: A file for every repetition measured.
        markdown: A file to which the tables are appended.
    """
    sizes = QUICK if quick else Sizes()
    settings = Settings(case, sizes, rounds, parts, only, data_root)
    run(settings, json_file=json, markdown=markdown)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
