"""Contestants in processes of their own, of which one works at a time."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.worker import Order

SCRIPTS = Path(__file__).parents[1]
LOG_TAIL = 2000  # characters of a failed process's log that are shown


Reply = Mapping[str, Any]
"""What a process answers; see `worker.serve`."""


class BenchmarkError(RuntimeError):
    """A contestant or a command has failed."""


class Process:
    """One contestant: waits, and computes when asked to.

    Caches of calibration and compilation are its own and empty, so that set-up costs what it costs
    on a machine that has never seen the work.
    """

    def __init__(self, order: Order, folder: Path) -> None:
        """Start it; it imports what it needs and waits.

        Args:
            order: what it is told.
            folder: for its caches, and for what it prints.
        """
        self.name = order.contestant
        own = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=folder))
        self._log = own / "log"
        paths = [str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker", json.dumps(asdict(order))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(paths),
                    "XDG_CACHE_HOME": str(own / "cache"),
                    "TORCHINDUCTOR_CACHE_DIR": str(own / "inductor"),
                },
            )

    def wait(self) -> Reply:
        """Until everything is imported and loaded.

        Raises:
            BenchmarkError: it failed.
        """
        return self._reply()

    def set_up(self, micro_batch: int) -> Reply:
        """Have it prepare for its repetitions.

        Args:
            micro_batch: see `Job`.

        Raises:
            BenchmarkError: it failed.
        """
        return self._ask(micro_batch)

    def repeat(self, rows: Sequence[int]) -> Reply:
        """One repetition over some rows of the grid.

        Raises:
            BenchmarkError: it failed.
        """
        return self._ask(list(rows))

    def _ask(self, request: object) -> Reply:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # that there is no reply will tell
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> Reply:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]
            raise BenchmarkError(f"{self.name} ended with exit code {code}:\n{tail}")
        reply: Reply = json.loads(line)
        return reply

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
