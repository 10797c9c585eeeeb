"""Whether other programs keep the processor busy, which what is measured then does not tell."""

import os
from pathlib import Path
from time import monotonic, process_time

import torch

from landscape.cores import usable_cores

STAT = Path("/proc/stat")
SPENT = (0, 1, 2, 5, 6, 7)  # user, nice, system, interrupts, soft interrupts, stolen; proc(5)
MUCH = 0.25  # cores


class Neighbours:
    """What other programs take of the cores of this process, from here on.

    Programs that this process starts count as others.

    Args:
        device: where this process computes. To a GPU cores are of little account, and on a shared
            machine some are always busy.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_cores = device.type == "cpu"
        self._start, self._own, self._all = monotonic(), process_time(), _spent()

    def crowd(self) -> bool:
        """Whether it is more than `MUCH`; False where the system does not say.

        Cores that this process may not use may be busy.
        """
        now, took = _spent(), monotonic() - self._start
        if not self._on_cores or now is None or self._all is None or took <= 0:
            return False
        others = (now - self._all - (process_time() - self._own)) / took
        return others > (os.cpu_count() or 1) - usable_cores() + MUCH


def _spent() -> float | None:
    """Seconds that all cores of the machine have worked so far."""
    try:
        ticks = STAT.read_text(encoding="ascii").split(maxsplit=9)[1:9]
        return sum(int(ticks[column]) for column in SPENT) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
