"""Calibration and compilation of a network's forward pass, where the job is long enough."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape.engine.calibration import (
    SHARE,
    WORTH_IT,
    Plan,
    calibrate,
    key_of,
    recall,
    remember,
)
from landscape.engine.compiling import compiled, pays
from landscape.engine.compute import Compute
from landscape.engine.graphs import GraphedForward
from landscape.engine.memory import ran_out, release_cached
from landscape.engine.threads import threads
from landscape.typing import Images

log = logging.getLogger("landscape.engine")

LITTLE = 1000  # images; not worth a look at the clock
FASTER = 1.02  # what a compiled pass must gain to be used


@dataclass(frozen=True)
class Tuned:
    """How forward passes are run.

    Attributes:
        micro_batch: images in one pass.
        threads: of the CPU.
        fast: runs passes of exactly `fast_size` images.
        fast_size: 0 if there is nothing faster than the module itself.
    """

    micro_batch: int
    threads: int
    fast: Callable[[Tensor], Tensor]
    fast_size: int = 0


def tune(
    module: nn.Module,
    images: Images,
    compute: Compute,
    *,
    micro_batch: int,
    threads: int,
    most: int,
    expected: int,
) -> Tuned:
    """Choose how to run `expected` images.

    Args:
        module: prepared.
        images: placed, at least one.
        compute: what the caller has decided.
        micro_batch: to start from.
        threads: to start from.
        most: images that fit into one pass.
        expected: images to be run in all; 0 if not known.
    """
    plan = Plan(micro_batch, threads)
    clock = _Clock(module, images)
    always = compute.compile == "always"
    if expected < LITTLE and not always:
        return Tuned(micro_batch, threads, module)
    rate = clock.rate(plan)
    if compute.micro_batch is None and expected / rate > WORTH_IT:
        plan = _calibrated(clock, plan, compute, most=most, seconds=SHARE * expected / rate)
        rate = max(rate, clock.rate(plan))
    tuned = Tuned(plan.micro_batch, plan.threads, module)
    seconds = expected / rate
    worth = always or (compute.compile == "auto" and pays(module, seconds))
    if worth or (images.is_cuda and expected >= plan.micro_batch):
        return _accelerated(clock, tuned, compiling=worth, always=always, seconds=seconds)
    return tuned


class _Clock:
    """Images per second of forward passes over copies of given images."""

    def __init__(self, module: nn.Module, images: Images) -> None:
        self.module, self.images = module, images

    def batch(self, size: int) -> Images:
        """`size` images, in the memory format of all others."""
        times = -(-size // len(self.images))
        batch = self.images.repeat(times, 1, 1, 1)[:size]
        return batch.to(memory_format=_format_of(self.images))

    def rate(self, plan: Plan, run: Callable[[Tensor], Tensor] | None = None) -> float:
        """The better of two passes after one that warms up; 0 if they do not fit."""
        run = self.module if run is None else run
        try:
            with threads(plan.threads):
                batch = self.batch(plan.micro_batch)
                return plan.micro_batch / min(self._seconds(run, batch) for _ in range(3))
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
        release_cached(self.images.device)
        return 1e-9

    def _seconds(self, run: Callable[[Tensor], Tensor], batch: Images) -> float:
        started = time.perf_counter()
        run(batch)
        if batch.is_cuda:
            torch.cuda.synchronize(batch.device)
        return time.perf_counter() - started


def _format_of(images: Images) -> torch.memory_format:
    last = images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _calibrated(clock: _Clock, start: Plan, compute: Compute, *, most: int, seconds: float) -> Plan:
    key = key_of(clock.module, clock.images, compute.precision)
    known = recall(key)
    plan = known or calibrate(start, clock.rate, most=most, seconds=seconds)
    if known is None:
        remember(key, plan)
    plan = Plan(min(plan.micro_batch, most), plan.threads)
    source = "as calibrated before" if known else "calibrated"
    log.info("%d images a pass, %d threads (%s)", plan.micro_batch, plan.threads, source)
    return plan


def _accelerated(
    clock: _Clock, tuned: Tuned, *, compiling: bool, always: bool, seconds: float
) -> Tuned:
    """With a compiled forward pass, or a captured one, if it is faster than without."""
    plan = Plan(tuned.micro_batch, tuned.threads)
    batch = clock.batch(plan.micro_batch)
    runs: list[Callable[[Tensor], Tensor]] = []
    if compiling:
        log.info("compiling: about %.0f s of work without", seconds)
        with threads(plan.threads):
            fast = compiled(clock.module, lambda run: run(batch))
        runs += [] if fast is None else [fast]
    if batch.is_cuda:
        runs += _captured(clock.module, batch)
    before = clock.rate(plan)
    rates = [clock.rate(plan, run) for run in runs]
    if not rates or (max(rates) < FASTER * before and not always):
        log.info("%.0f images/s: nothing faster was found", before)
        return tuned
    best = runs[rates.index(max(rates))]
    log.info("%.0f images/s instead of %.0f", max(rates), before)
    return Tuned(plan.micro_batch, plan.threads, best, fast_size=plan.micro_batch)


def _captured(module: nn.Module, batch: Images) -> list[Callable[[Tensor], Tensor]]:
    try:
        return [GraphedForward(module, batch)]
    except RuntimeError as error:
        log.info("no CUDA graph (%s)", str(error).splitlines()[0])
        return []
