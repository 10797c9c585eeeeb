"""How much memory a forward pass takes, and how much it may take."""

import gc
import math
import os
import re
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from landscape.errors import InputError
from landscape.typing import Inputs

MARGIN = 2.0  # a convolution's scratch memory and the allocator's gaps come on top of activations
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_bytes(text: str) -> int:
    """`"2GiB"`, `"500M"`, `"1.5 GB"` or `"1000000"` as bytes; K, M, G and T are powers of 1024.

    Raises:
        InputError: anything else.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    size = float(found[1]) * UNITS[found[2].upper()] if found else 0.0
    if not 1 <= size < math.inf:
        raise InputError(f"expected an amount of memory such as 500M or 4GiB, got {text!r:.60}")
    return int(size)


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on a device; a container's limit counts as the machine's.

    Processes of `torchrun` share the memory of their machine.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + kept)
    amounts = [_available(), _left_in_container()]
    free = min((amount for amount in amounts if amount is not None), default=4 * 2**30)
    return free // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # torchrun's processes here


def _available() -> int | None:
    text = _read(Path("/proc/meminfo")) or ""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _left_in_container() -> int | None:
    folder = Path("/sys/fs/cgroup")
    most, used = _read(folder / "memory.max"), _read(folder / "memory.current")
    if most is None or used is None or not most.strip().isdigit():
        return None
    return max(0, int(most) - int(used))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return None


def bytes_per_image(module: nn.Module, images: Inputs) -> int:
    """The most that one image's activations take at any time of a forward pass, in bytes.

    The difference between a pass with two images and one with one, so that what does not grow with
    the batch is left out.
    """
    two = torch.cat([images[:1], images[:1]])
    peaks: list[int] = []
    for batch in (two[:1], two):
        with torch.no_grad(), _LiveBytes() as live:
            module(batch)
        peaks.append(live.peak)
    return max(1, peaks[1] - peaks[0])


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of all storages that operations have made and that are still alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._now = 0
        self._alive: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive:
            return
        self._alive.add(key)
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._release, key, size)

    def _release(self, key: int, size: int) -> None:
        self._alive.discard(key)
        self._now -= size


def ran_out(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # What PyTorch's CPU allocator, oneDNN and cuDNN say.
    words = ("can't allocate memory", "not enough memory", "out of memory", "out_of_memory")
    return isinstance(error, RuntimeError) and any(w in str(error).lower() for w in words)


def release_cached(device: torch.device) -> None:
    """Give back what an allocator keeps for later, after it ran out."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
