"""How many images and threads make one forward pass fastest: measured once, then remembered."""

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from landscape.errors import InputError
from landscape.files import atomic_write
from landscape.typing import Inputs

log = logging.getLogger("landscape.engine")

T = TypeVar("T")

WORTH_IT = 20.0  # seconds of work from which calibration pays
SHARE = 0.05  # of the work, at most, goes into calibration
BETTER = 1.03  # what a change must gain; less is noise
LOOKS = 2  # at a change that seems to gain so much
SMALLEST = 8


@dataclass(frozen=True)
class PassPlan:
    """How forward passes are cut and computed.

    Attributes:
        micro_batch: images in one pass.
        threads: of the CPU.
    """

    micro_batch: int
    threads: int


@dataclass(frozen=True)
class Gain:
    """What compiling a network was worth.

    Attributes:
        seconds: it took.
        factor: by which a pass is faster.
    """

    seconds: float
    factor: float


Rate = Callable[[PassPlan], float]
"""Images per second under a plan."""


def calibrate(start: PassPlan, measure: Rate, *, most: int, seconds: float) -> PassPlan:
    """Climb from a plan to a faster one: smaller or larger passes, then fewer threads.

    Args:
        start: the plan to begin with.
        measure: images per second; called again for what seems faster, and for what it would
            replace, since a neighbour's load passes for a gain.
        most: images that fit into one pass.
        seconds: no further plan is tried after so long.
    """
    end = time.monotonic() + seconds
    best, rates = start, {start: measure(start)}

    def faster(candidate: PassPlan) -> bool:
        for _ in range(LOOKS):
            rates[candidate] = max(rates.get(candidate, 0.0), measure(candidate))
            if rates[candidate] < BETTER * rates[best]:
                return False
            rates[best] = max(rates[best], measure(best))
        return rates[candidate] >= BETTER * rates[best]

    def climb(change: Callable[[PassPlan], PassPlan]) -> bool:
        nonlocal best
        climbed = False
        while time.monotonic() < end:
            candidate = change(best)
            if candidate == best or not faster(candidate):
                break
            best, climbed = candidate, True
        return climbed

    smaller = climb(lambda p: PassPlan(max(SMALLEST, p.micro_batch // 2), p.threads))
    if not smaller:
        climb(lambda p: PassPlan(min(most, p.micro_batch * 2), p.threads))
    climb(lambda p: PassPlan(p.micro_batch, max(1, p.threads // 2)))
    return best


def key_of(module: nn.Module, images: Inputs, precision: str) -> str:
    """What a plan depends on: the network's form, the images' size, the precision, the machine."""
    shapes = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
    device = images.device
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    facts = (str(module), shapes, tuple(images.shape[1:]), str(images.dtype), precision)
    machine = (device.type, gpu, _processor(), torch.get_num_threads(), torch.__version__)
    return hashlib.sha256(repr((facts, machine)).encode()).hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), platform.machine())


def cache_file() -> Path:
    """Where plans are remembered."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "landscape" / "plans.json"


def recall(key: str) -> PassPlan | None:
    """The plan that was found for a key before, if any."""
    return _recalled(f"plan {key}", PassPlan)


def remember(key: str, plan: PassPlan) -> None:
    """Keep a plan for the next time; where nothing can be written, it is measured again."""
    _keep(f"plan {key}", asdict(plan))


def recall_gain(key: str) -> Gain | None:
    """What compiling took and gave before, if it was done."""
    return _recalled(f"compiled {key}", Gain)


def remember_gain(key: str, gain: Gain) -> None:
    """Keep it, like a plan."""
    _keep(f"compiled {key}", asdict(gain))


def _recalled(name: str, kind: Callable[..., T]) -> T | None:
    found = _remembered().get(name)
    try:
        return kind(**found) if found else None
    except TypeError:  # written by another version
        return None


def _keep(name: str, value: dict[str, Any]) -> None:
    try:
        with atomic_write(cache_file()) as temporary:
            known = {**_remembered(), name: value}
            temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
    except (OSError, InputError) as error:
        log.debug("not remembered: %s", error)


def _remembered() -> dict[str, dict[str, Any]]:
    try:
        known = json.loads(cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
