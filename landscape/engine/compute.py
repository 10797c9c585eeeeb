"""Where a network runs, how precisely, and within which bounds."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from landscape.errors import InputError
from landscape.registry import lookup

PRECISIONS: dict[str, torch.dtype | None] = {"fp32": None, "tf32": None, "bf16": torch.bfloat16}
"""By name the type of matrix products, None: that of the weights. `fp32` is the model's own
precision; `tf32` rounds the factors of products to 10 bits, on NVIDIA GPUs; `bf16` autocasts."""

log = logging.getLogger("landscape.engine")

CPU_FLAGS = Path("/proc/cpuinfo")
Compile = Literal["auto", "always", "never"]
COMPILE: tuple[Compile, ...] = ("auto", "always", "never")


@dataclass(frozen=True)
class Compute:
    """What the caller decides about a computation; the engine chooses the rest.

    Attributes:
        device: e.g. "cpu" or "cuda:1"; None: where the model is.
        precision: a name in `PRECISIONS`.
        memory: bytes that the activations of one forward pass may take; None: half of what is free.
        micro_batch: images in one forward pass; None: as many as are fastest.
        compile: `torch.compile` never, always, or where it saves more time than it takes.

    Raises:
        InputError: a value that is not known, or not positive.
    """

    device: str | torch.device | None = None
    precision: str = "fp32"
    memory: int | None = None
    micro_batch: int | None = None
    compile: str = "auto"

    def __post_init__(self) -> None:
        lookup(PRECISIONS, self.precision, kind="precision")
        lookup(dict.fromkeys(COMPILE), self.compile, kind="way to compile")
        if self.micro_batch is not None and self.micro_batch < 1:
            raise InputError(f"expected a batch of at least one image, got {self.micro_batch}")
        if self.memory is not None and self.memory < 1:
            raise InputError(f"expected a positive number of bytes, got memory={self.memory}")

    def device_for(self, model: nn.Module) -> torch.device:
        """The device, seen to work.

        Raises:
            InputError: it cannot be used here, or not in this precision.
        """
        own = next((p.device for p in model.parameters()), torch.device("cpu"))
        device = own if self.device is None else _usable(self.device)
        if self.precision == "tf32" and device.type != "cuda":
            raise InputError(
                f"tf32 is a format of NVIDIA GPUs, got the device {str(device)!r}; use fp32"
            )
        return device


def computes_bf16(device: torch.device) -> bool:
    """Whether a device has instructions for bf16; a CPU that has none emulates them, slowly."""
    if device.type != "cpu" or not CPU_FLAGS.exists():
        return True
    words = set(CPU_FLAGS.read_text(encoding="utf-8").split())
    return bool(words & {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"})


def tell_if_slow(precision: str, device: torch.device) -> None:
    """Warn, once in each process, of bf16 that is only emulated."""
    if precision == "bf16" and not computes_bf16(device):
        _tell_emulated()


@cache
def _tell_emulated() -> None:
    log.warning("this CPU has no bf16 instructions: fp32 is faster here, and more precise")


def _usable(device: str | torch.device) -> torch.device:
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"the device {device!r} cannot be used here ({str(error).splitlines()[0]}); try cpu"
        ) from error
    return chosen


@contextmanager
def arithmetic(device: torch.device, precision: str) -> Iterator[None]:
    """Products in this precision within the block, whatever the process is set to otherwise.

    PyTorch lets cuDNN round float32 convolutions to TF32 unless told not to.
    """
    backends: Any = torch.backends  # these switches have no types
    products = (
        (backends.cuda.matmul, backends.cudnn.conv)
        if device.type == "cuda"
        else (backends.mkldnn.matmul, backends.mkldnn.conv)
    )
    before = [product.fp32_precision for product in products]
    dtype = PRECISIONS[precision]
    try:
        for product in products:
            product.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            yield
    finally:
        for product, value in zip(products, before, strict=True):
            product.fp32_precision = value
