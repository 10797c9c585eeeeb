"""`torch.compile`, where it saves more time than it takes."""

import logging
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from landscape.engine.calibration import Gain

log = logging.getLogger("landscape.engine")

# Measured on 2 cores with ResNet-20 (docs/benchmarks.md): 15 s for 60 layers when nothing of it is
# cached, and about an eighth of the time of a forward pass saved.
BASE_SECONDS, SECONDS_PER_LAYER = 4.0, 0.2
SAVED_SHARE = 0.12


def compile_seconds(module: nn.Module) -> float:
    """How long compiling a network's forward pass will take, roughly, with nothing cached."""
    layers = sum(1 for child in module.modules() if not any(child.children()))
    return BASE_SECONDS + SECONDS_PER_LAYER * layers


def pays(module: nn.Module, seconds: float, known: Gain | None = None) -> bool:
    """Whether compiling saves time on a job that takes `seconds` without.

    Args:
        module: the network.
        seconds: of the job, as it is.
        known: what compiling it took and gave before, if it was; the compilers keep their results.
    """
    if known is not None:
        return seconds * (1 - 1 / known.factor) > known.seconds
    return SAVED_SHARE * seconds > compile_seconds(module)


def compiled(module: nn.Module, trial: Callable[[Any], object]) -> Any:
    """The module behind `torch.compile`, or None, with a line in the log, where that fails.

    Args:
        module: shared with the result, which follows its weights when they are moved in place.
        trial: runs the module as it will be run; the compilation happens in this call.
    """
    started = time.monotonic()
    quiet = logging.getLogger("torch.utils.cpp_extension")
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # it misses CUDA, even for a CPU
    try:
        fast: Any = torch.compile(module, dynamic=False)
        trial(fast)
    except Exception as error:  # whatever the compilers beneath raise
        log.info("not compiled (%s)", _first_line(error))
        return None
    finally:
        quiet.setLevel(level)
    log.info("compiled in %.0f s", time.monotonic() - started)
    return fast


def _first_line(error: Any) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
