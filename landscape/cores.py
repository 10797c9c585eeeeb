"""How many cores may be used here, which is not how many the machine has."""

import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Cores that this process may run on, or as many as a container's quota amounts to."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, _quota() or 2**16))


def _quota() -> int | None:
    """The container's share in whole cores, rounded up; None: it has no limit."""
    try:
        limit, period = QUOTA.read_text(encoding="ascii").split()
        return None if limit == "max" else -(-int(limit) // int(period))
    except (OSError, ValueError):
        return None
