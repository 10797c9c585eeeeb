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
    Gain,
    PassPlan,
    calibrate,
    key_of,
    recall,
    recall_gain,
    remember,
    remember_gain,
)
from landscape.engine.compiling import compiled, pays
from landscape.engine.compute import Compute
from landscape.engine.graphs import GraphedForward
from landscape.engine.memory import ran_out, release_cached
from landscape.engine.neighbours import Neighbours
from landscape.engine.threads import threads
from landscape.typing import Inputs

log = logging.getLogger("landscape.engine")

LITTLE = 1000  # images; not worth a look at the clock
PASSES, LOOK = 3, 0.2  # at least so many, and seconds, for a rate
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


@dataclass(frozen=True)
class Job:
    """What lies ahead.

    Attributes:
        images: to be run in all, poses and weights counted each; 0 if not known.
        unit: images that are run together: the data set of a point, or the batch of an attack; 0
            if not known.
        grouped: whether several units may share a pass, as several poses of few images do.
    """

    images: int = 0
    unit: int = 0
    grouped: bool = False

    def most(self, fitting: int) -> int:
        """Images that a pass may be given, of those that fit into the memory."""
        return min(fitting, self.unit) if self.unit and not self.grouped else fitting

    def even(self, micro_batch: int) -> int:
        """As many or fewer images, so that passes are of one size: compiled code knows no other."""
        if not self.unit:
            return micro_batch
        if self.unit <= micro_batch:
            return micro_batch // self.unit * self.unit if self.grouped else self.unit
        return -(-self.unit // -(-self.unit // micro_batch))


def tune(
    module: nn.Module, images: Inputs, compute: Compute, start: PassPlan, *, most: int, job: Job
) -> Tuned:
    """Choose how to run what lies ahead.

    Args:
        module: prepared.
        images: placed, at least one.
        compute: what the caller has decided.
        start: the plan without calibration.
        most: images that fit into one pass.
        job: what lies ahead.
    """
    free = compute.micro_batch is None
    plan = PassPlan(job.even(start.micro_batch), start.threads) if free else start
    always = compute.compile == "always"
    if job.images < LITTLE and not always:
        return Tuned(plan.micro_batch, plan.threads, module)
    clock = _Clock(module, images)
    rate, key = clock.rate(plan), key_of(module, images, compute.precision)
    if free and job.images / rate > WORTH_IT:
        plan = _calibrated(clock, key, plan, job, most=most, seconds=SHARE * job.images / rate)
        rate = max(rate, clock.rate(plan))
    seconds = job.images / rate
    worth = always or (compute.compile == "auto" and pays(module, seconds, recall_gain(key)))
    if not worth and not (images.is_cuda and job.images >= plan.micro_batch):
        return Tuned(plan.micro_batch, plan.threads, module)
    return _accelerated(clock, key, plan, compiling=worth, always=always, seconds=seconds)


class _Clock:
    """Images per second of forward passes over copies of given images."""

    def __init__(self, module: nn.Module, images: Inputs) -> None:
        self.module, self.images = module, images

    def batch(self, size: int) -> Inputs:
        """`size` images, in the memory format of all others."""
        times = -(-size // len(self.images))
        batch = self.images.repeat(times, *[1] * (self.images.ndim - 1))[:size]
        return batch.contiguous(memory_format=_format_of(self.images))

    def rate(self, plan: PassPlan, run: Callable[[Tensor], Tensor] | None = None) -> float:
        """The best of a few passes, of which the first ones warm up; next to 0 if they do not fit.

        Other programs only ever make a pass slower.
        """
        run = self.module if run is None else run
        try:
            with threads(plan.threads):
                batch = self.batch(plan.micro_batch)
                times = [self._seconds(run, batch) for _ in range(PASSES)]
                while sum(times) < LOOK and len(times) < 10 * PASSES:
                    times.append(self._seconds(run, batch))
            return plan.micro_batch / min(times)
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
        release_cached(self.images.device)
        return 1e-9

    def _seconds(self, run: Callable[[Tensor], Tensor], batch: Inputs) -> float:
        started = time.perf_counter()
        run(batch)
        if batch.is_cuda:
            torch.cuda.synchronize(batch.device)
        return time.perf_counter() - started


def _format_of(images: Inputs) -> torch.memory_format:
    last = images.ndim == 4 and images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _calibrated(
    clock: _Clock, key: str, start: PassPlan, job: Job, *, most: int, seconds: float
) -> PassPlan:
    found, source = recall(key), "as calibrated before"
    if found is None:
        neighbours, source = Neighbours(clock.images.device), "calibrated"
        found = calibrate(start, clock.rate, most=job.most(most), seconds=seconds)
        if not neighbours.crowd():  # else it is measured again the next time
            remember(key, found)
    plan = PassPlan(job.even(min(found.micro_batch, most)), found.threads)
    log.info("%d images a pass, %d threads (%s)", plan.micro_batch, plan.threads, source)
    return plan


def _accelerated(
    clock: _Clock, key: str, plan: PassPlan, *, compiling: bool, always: bool, seconds: float
) -> Tuned:
    """With a compiled forward pass, or a captured one, if it is faster than without."""
    batch = clock.batch(plan.micro_batch)
    before = clock.rate(plan)
    runs: list[tuple[float, Callable[[Tensor], Tensor]]] = []
    if compiling:
        log.info("compiling: about %.0f s of work without", seconds)
        started = time.monotonic()
        with threads(plan.threads):
            fast = compiled(clock.module, lambda run: run(batch))
        took = time.monotonic() - started
        if fast is not None:
            neighbours = Neighbours(clock.images.device)
            runs.append((clock.rate(plan, fast), fast))
            if not neighbours.crowd():
                remember_gain(key, Gain(took, runs[0][0] / before))
    if batch.is_cuda:
        runs += [(clock.rate(plan, run), run) for run in _captured(clock.module, batch)]
    after, best = max(runs, key=lambda pair: pair[0], default=(0.0, clock.module))
    if not runs or (after < FASTER * before and not always):
        log.info("%.0f images/s: nothing faster was found", before)
        return Tuned(plan.micro_batch, plan.threads, clock.module)
    log.info("%.0f images/s instead of %.0f", after, before)
    return Tuned(plan.micro_batch, plan.threads, best, fast_size=plan.micro_batch)


def _captured(module: nn.Module, batch: Inputs) -> list[Callable[[Tensor], Tensor]]:
    try:
        return [GraphedForward(module, batch)]
    except RuntimeError as error:
        log.info("no CUDA graph (%s)", str(error).splitlines()[0])
        return []
