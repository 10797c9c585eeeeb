"""How many threads compute."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from landscape.cores import usable_cores


def usable_threads() -> int:
    """PyTorch's threads, but no more than the cores this process may use.

    PyTorch counts the machine's cores; a container's quota leaves its threads waiting for each
    other.
    """
    return min(torch.get_num_threads(), usable_cores())


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
