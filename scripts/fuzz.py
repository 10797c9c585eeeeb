"""Do damaged and hostile files crash, hang or confuse what reads them? Linux only.

    python scripts/fuzz.py                             # smoke: 1,000 files, some minutes
    python scripts/fuzz.py --budget laptop --seed 1    # 12,000 files

The package itself makes small files of every kind that it reads: surfaces, finished and not, of
this and of the older schema, files of Li et al., checkpoints, training states and curves. Each
mutated one goes through what the command line does with it, in processes that may die: `landscape
info`, `plot`, `export`, `import` and `evaluate`, the functions behind them, and the writer that
would go on with it. A file must be read or refused, in one sentence. What is counted as wrong: a
crash (the process is killed by a signal), a hang (no answer within --limit seconds of a processor),
and a traceback (any other exception, MemoryError beyond --memory included, or control characters
in what is printed). Prints a table in Markdown, keeps the files that went wrong in --keep, and
exits with 1 if there is one. The same seed gives the same files.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from fuzzing.pool import Limits, run
from fuzzing.report import failures, table
from fuzzing.seeds import make_seeds

from landscape.cli.options import Several
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status

FILES = {"smoke": 1_000, "laptop": 12_000}


def main(
    budget: Literal["smoke", "laptop"] = "smoke",
    files: int | None = None,
    seed: int = 0,
    only: Several[str] = (),
    processes: int = 1,
    limit: float = 20.0,
    memory: int = 1024,
    keep: Path | None = None,
) -> int:
    """Mutate files and read them.

    Args:
        budget: How many files: 1,000 or 12,000.
        files: That many instead.
        seed: Of the mutations.
        only: Kinds of files, such as "surface: spatial"; all by default.
        processes: At work side by side.
        limit: Seconds of a processor that the readers of one file may take.
        memory: MiB that a process may take beyond what it starts with.
        keep: A folder for the files that went wrong.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        seeds = make_seeds(Path(folder) / "seeds", only)
        results = run(
            seeds,
            Path(folder),
            count=files or FILES[budget],
            seed=seed,
            processes=processes,
            limits=Limits(limit, memory),
            keep=keep,
            show=True,
        )
        if keep is not None:
            shutil.copytree(Path(folder) / "seeds", keep / "seeds", dirs_exist_ok=True)
    print(table(results))
    print(failures(results))
    return int(any(result.failed for result in results))


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
