"""Reading images from disk ahead of who wants them, in processes of their own."""

import importlib
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from landscape.cores import usable_cores
from landscape.data.pixels import Bytes, Indices, LazyPixels, Photographs, Pictures
from landscape.errors import InputError
from landscape.interrupt import deferred_stop

PART = 32  # images that one process reads at once, so that all have a part in every batch
MOST = 8  # processes
AHEAD = 2  # batches on the way
ByteArray = UInt8[np.ndarray, "count channel height width"]
LightArray = Float32[np.ndarray, "count 3"]


@dataclass(frozen=True)
class Wanted:
    """Images that are used together.

    Attributes:
        positions: in the set; at least one.
        seeds: of a random view of each; None: the images as they are.
    """

    positions: Indices
    seeds: tuple[int, ...] | None = None


def default_workers(images: int) -> int:
    """Processes that read so many images: a core each, at most 8; 0: this one reads them.

    The processes that torchrun starts share the cores of their machine.
    """
    can_fork = sys.platform == "linux" and not multiprocessing.current_process().daemon
    cores = usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    workers = min(cores, MOST, -(-images // PART))
    return workers if can_fork and workers > 1 else 0


def prepare_views(name: str, pixels: object) -> None:
    """Load what takes random views, here once instead of in every process that reads.

    Args:
        name: of the data set.
        pixels: its images.

    Raises:
        InputError: no views can be taken of them.
    """
    if not isinstance(pixels, Photographs):
        raise InputError(
            f"expected image files, as imagefolder reads them, to take random views of "
            f"(photograph=True); {name} has images of one size, try crop"
        )
    importlib.import_module("landscape.data.views")


@contextmanager
def reading(
    pixels: LazyPixels, wanted: Iterable[Wanted], *, workers: int, batch: int
) -> Iterator[Iterator[Pictures]]:
    """The images of each request in turn, read while those before are used.

    What is read does not depend on the number of processes. They end with the block, also after an
    error, and leave Ctrl-C to the process that started them.

    Args:
        pixels: on disk.
        wanted: asked for no earlier than needed to stay two batches ahead.
        workers: processes; 0: images are read as they are used.
        batch: images in most requests.

    Raises:
        InputError: within the block, when an image that cannot be read is about to be used, or a
            process has died.
    """
    if not workers:
        yield (_read(pixels, part) for part in wanted)
        return
    read: Any = None
    try:
        read = _start(_Parts(pixels), _cut(wanted), workers, -(-batch // PART))
        yield _joined(read)
    except RuntimeError as error:  # from anywhere in the block: PyTorch raises it on SIGCHLD
        if "DataLoader worker" not in str(error):
            raise
        raise InputError(
            "a process that reads images has died, probably for want of memory; try a smaller "
            f"batch, or --workers 0 (workers=0): {_cause(error)}"
        ) from error
    finally:
        if read is not None:
            with _undisturbed():
                read._shutdown_workers()


@dataclass(frozen=True)
class _Part:
    """What one process reads at once, and whether it completes its request."""

    positions: tuple[int, ...]
    seeds: tuple[int, ...] | None
    last: bool


@dataclass(frozen=True)
class _Read:
    """A part that was read, or why it could not be.

    No tensors pass between the processes: they would take shared memory, of which containers have
    little, and a file descriptor each.
    """

    part: tuple[ByteArray, LightArray | None] | InputError
    last: bool


class _Parts(Dataset[_Read]):
    """What the processes do."""

    def __init__(self, pixels: LazyPixels) -> None:
        self._pixels = pixels

    def __getitem__(self, part: _Part) -> _Read:
        try:
            read = _read(self._pixels, Wanted(torch.tensor(part.positions), part.seeds))
        except InputError as error:  # PyTorch would put a traceback into its message
            return _Read(error, part.last)
        light = None if read.light is None else read.light.numpy()
        return _Read((read.pixels.numpy(), light), part.last)


def _read(pixels: LazyPixels, wanted: Wanted) -> Pictures:
    if wanted.seeds is None:
        return Pictures(pixels[wanted.positions])
    assert isinstance(pixels, Photographs)
    places = wanted.positions.tolist()
    views = [
        pixels.random_view(place, seed) for place, seed in zip(places, wanted.seeds, strict=True)
    ]
    return Pictures(*(torch.stack(parts) for parts in zip(*views, strict=True)))


def _cut(wanted: Iterable[Wanted]) -> Iterator[_Part]:
    """Requests in parts of a few images."""
    for request in wanted:
        for start in range(0, len(request.positions), PART):
            part = slice(start, start + PART)
            positions = tuple(request.positions[part].tolist())
            seeds = None if request.seeds is None else request.seeds[part]
            yield _Part(positions, seeds, last=start + PART >= len(request.positions))


def _joined(parts: Iterable[_Read]) -> Iterator[Pictures]:
    """Requests out of their parts."""
    pixels: list[Bytes] = []
    light: list[Tensor] = []
    for read in parts:
        if isinstance(read.part, InputError):
            raise read.part
        pixels.append(torch.from_numpy(read.part[0]))
        light += [] if read.part[1] is None else [torch.from_numpy(read.part[1])]
        if read.last:
            yield Pictures(torch.cat(pixels), torch.cat(light) if light else None)
            pixels, light = [], []


def _start(dataset: _Parts, parts: Iterator[_Part], workers: int, parts_of_batch: int) -> Any:
    """PyTorch's iterator, with its processes at work."""
    with _undisturbed():
        return iter(
            DataLoader(
                dataset,
                batch_size=None,
                sampler=parts,
                num_workers=workers,
                prefetch_factor=max(2, -(-AHEAD * parts_of_batch // workers)),
                collate_fn=_as_it_is,  # type: ignore[arg-type]  # there is no list to make one of
                multiprocessing_context="fork",  # the user's script is not run again
                worker_init_fn=_settle,
                generator=torch.Generator(),  # else the global one is drawn from
            )
        )


def _as_it_is(read: _Read) -> _Read:
    return read


def _settle(worker: int) -> None:
    """Signals to a group of processes, as torchrun sends them, are for the main one alone."""
    os.setpgid(0, 0)
    warnings.simplefilter("ignore")  # e.g. of Pillow on odd metadata, once in every process


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits for the end of the block; processes that start in it never hear of one."""
    with deferred_stop() as asked, warnings.catch_warnings():
        # Python 3.12 on threads beside a fork, of which the children use none; PyTorch on more
        # processes than cores, where they were asked for.
        warnings.simplefilter("ignore")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if stop := asked():
        raise stop


def _cause(error: BaseException) -> str:
    """PyTorch's reason in one line: the last, where there is a traceback."""
    text = str(error.__cause__ or "").strip() or str(error)  # an empty queue has nothing to say
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if "Traceback" in text else lines[0]
