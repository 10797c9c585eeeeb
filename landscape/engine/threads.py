"""How many threads may compute here, which is not how many cores the machine has."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_threads() -> int:
    """PyTorch's threads, but no more than the cores this process may use.

    PyTorch counts the machine's cores; a container's quota leaves its threads waiting for each
    other.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(torch.get_num_threads(), cores or 1, _quota() or 2**16))


def _quota() -> int | None:
    try:
        limit, period = QUOTA.read_text(encoding="ascii").split()
        return None if limit == "max" else -(-int(limit) // int(period))
    except (OSError, ValueError):
        return None


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads within the block."""
    before = torch.get_num_threads()
    if count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
