"""Who takes part: every contestant by kind of work and name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch

from benchmarks import ceilings, ours, plain, rivals
from benchmarks.plain import BATCH, TRIES, Repetition
from benchmarks.work import Job, Kind
from landscape.engine import Compute
from landscape.engine.allocator import keep_memory

SetUp = Callable[[Job], Repetition]
"""Everything before the first repetition."""

SetUpOurs = Callable[[Job, Compute], Repetition]


@dataclass(frozen=True)
class Contestant:
    """Somebody who does the work, in a process of its own.

    Attributes:
        label: for tables.
        set_up: makes what does one repetition.
        ceiling: whether it is a bound of the machine, which computes nothing of use.
    """

    label: str
    set_up: SetUp
    ceiling: bool = False


def _kept(set_up: SetUp) -> SetUp:
    """The same with the C library told to keep its memory, as our engine tells it."""

    def run(job: Job) -> Repetition:
        keep_memory()
        return set_up(job)

    return run


def _in_float64(set_up: SetUp) -> SetUp:
    """The same in double precision: the reference."""

    def run(job: Job) -> Repetition:
        doubled = replace(
            job,
            model=job.model.double(),
            images=job.images.double(),
            directions=tuple({n: t.double() for n, t in d.items()} for d in job.directions),
            grid=job.grid.double(),
        )
        return set_up(doubled)

    return _kept(run)


def _ours(set_up: SetUpOurs) -> dict[str, Contestant]:
    return {
        "ours": _by("fp32", set_up, Compute()),
        "ours-compiled": _by("fp32, compiled", set_up, Compute(compile="always")),
        "ours-tf32": _by("tf32", set_up, Compute(precision="tf32")),
        "ours-bf16": _by("bf16", set_up, Compute(precision="bf16")),
    }


def _ours_training() -> dict[str, Contestant]:
    worst = partial(ours.training, adversary=f"worst-of-{TRIES}")
    ways = {
        "": ("fp32", Compute()),
        "-eager": ("fp32, not compiled", Compute(compile="never")),
        "-bf16": ("bf16", Compute(precision="bf16")),
    }
    return {
        **{f"ours{w}": _by(label, ours.training, c) for w, (label, c) in ways.items()},
        **{
            f"ours-worst{w}": _by(f"worst-of-{TRIES}, {label}", worst, c)
            for w, (label, c) in ways.items()
        },
    }


def _by(label: str, set_up: SetUpOurs, compute: Compute) -> Contestant:
    return Contestant(
        f"landscape, {label}",
        lambda job: set_up(job, replace(compute, device=job.work.device)),
    )


BF16 = torch.bfloat16
CEILINGS = {
    "convolutions": Contestant("its convolutions alone, fp32", ceilings.convolutions, True),
    "convolutions-bf16": Contestant(
        "its convolutions alone, bf16", partial(ceilings.convolutions, dtype=BF16), True
    ),
    "gemm": Contestant("matrix products, fp32", ceilings.gemm, True),
    "gemm-tf32": Contestant("matrix products, tf32", partial(ceilings.gemm, tf32=True), True),
    "gemm-bf16": Contestant("matrix products, bf16", partial(ceilings.gemm, dtype=BF16), True),
}

_weights_in_parts = partial(plain.weight_loop, batch=BATCH)
_poses_in_parts = partial(plain.pose_loop, batch=BATCH)
_worst_of = partial(plain.training_loop, worst_of=TRIES)

CONTESTANTS: dict[Kind, dict[str, Contestant]] = {
    "weights": {
        "plain": Contestant("plain loop", plain.weight_loop),
        "plain-allocator": Contestant("plain loop, memory kept", _kept(plain.weight_loop)),
        "plain-batches": Contestant(f"plain loop, batches of {BATCH}", _weights_in_parts),
        "li": Contestant("loop in the style of Li et al.", plain.li_loop),
        "loss-landscapes": Contestant("loss-landscapes", rivals.loss_landscapes),
        "float64": Contestant("float64 loop", _in_float64(_weights_in_parts)),
        **_ours(ours.weights),
        **CEILINGS,
    },
    "poses": {
        "plain": Contestant("plain loop", plain.pose_loop),
        "plain-allocator": Contestant("plain loop, memory kept", _kept(plain.pose_loop)),
        "foolbox": Contestant("foolbox SpatialAttack", rivals.foolbox_grid),
        "float64": Contestant("float64 loop", _in_float64(_poses_in_parts)),
        **_ours(ours.poses),
        **CEILINGS,
    },
    "training": {
        "plain": Contestant("plain loop", plain.training_loop),
        "plain-allocator": Contestant("plain loop, memory kept", _kept(plain.training_loop)),
        "plain-worst": Contestant("plain loop, worst-of-10", _worst_of),
        "plain-worst-allocator": Contestant(
            "plain loop, worst-of-10, memory kept", _kept(_worst_of)
        ),
        **_ours_training(),
        **CEILINGS,
    },
}
