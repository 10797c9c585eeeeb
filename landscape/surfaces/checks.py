"""What a surface says of its own trustworthiness, measured by independent means.

The twins here are written as plainly as possible and share nothing with the engine but model and
loss: a fresh copy, one forward pass per batch, weights set by name.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from landscape.losses import LOSSES, Loss
from landscape.rng import derived_seed
from landscape.store import measured
from landscape.typing import Inputs, PerExample, Targets, Weights

LIMITS = {"fp32": 1e-4, "tf32": 2e-2, "bf16": 1e-1}
"""Largest relative deviation of a mean loss that is put down to rounding, by precision."""

SAMPLE = 3  # points that are recomputed by the plain loop
PLAIN_BATCH = 100  # unlike the engine's on purpose
FEW = 50  # images for what is computed in float64, which is slow

Compared = tuple[float, float]
"""A measured value, and what it is compared with."""


@dataclass(frozen=True)
class Check:
    """One self-check and its outcome.

    Attributes:
        name: a short identifier.
        meaning: what was measured, for a reader.
        value: the figure.
        limit: the largest value that passes; None where the figure is for information.
    """

    name: str
    meaning: str
    value: float
    limit: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the value is within the limit; nan never is."""
        return self.limit is None or self.value <= self.limit

    def record(self) -> dict[str, Any]:
        """The check as JSON values."""
        return {**asdict(self), "passed": self.passed}


def plain_twin(model: nn.Module) -> nn.Module:
    """A fresh copy in evaluation mode, without any of the engine's preparations."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def exact_twin(model: nn.Module) -> nn.Module:
    """A copy that computes in float64, on the CPU, since not every device can."""
    return plain_twin(model).cpu().double()


def few(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The first images, on the CPU."""
    return images[:FEW].cpu(), labels[:FEW].cpu()


def float64_error(precision: str, pairs: Iterator[Compared]) -> Check:
    """How far the mean losses of a few images are from those of the same model in float64.

    Args:
        precision: of the engine.
        pairs: mean losses by the engine, and in float64.
    """
    what = (
        f"largest relative error of {precision} against float64, mean loss of up to {FEW} images "
        f"at {SAMPLE} random points"
    )
    try:  # float32 overflows long before float64 does; such points are counted elsewhere
        finite = [pair for pair in pairs if np.isfinite(pair[0])]
    except RuntimeError as error:  # the user's model may not work in float64
        return Check("float64", f"{what}: not measured ({error})", float("nan"))
    if not finite:
        return Check("float64", f"{what}: none is finite", float("nan"))
    return Check("float64", what, max(deviation([a], [b]) for a, b in finite), LIMITS[precision])


@torch.no_grad()
def plain_losses(
    model: nn.Module,
    inputs: Inputs,
    targets: Targets,
    weights: Weights | None = None,
    loss: Loss = LOSSES["cross-entropy"],
) -> PerExample:
    """The loss of each example by a plain loop over batches, in the model's own precision.

    Args:
        model: a twin.
        inputs: (N, ...).
        targets: (N, ...).
        weights: to be used instead of the model's own; buffers may be among them.
        loss: of outputs and targets.
    """
    like = next(model.parameters(), inputs)
    losses = []
    for x, y in zip(inputs.split(PLAIN_BATCH), targets.split(PLAIN_BATCH), strict=True):
        x, y = x.to(like.device, like.dtype if x.is_floating_point() else None), y.to(like.device)
        outputs = torch.func.functional_call(model, dict(weights), x) if weights else model(x)
        losses.append(loss(outputs, y))
    return torch.cat(losses).cpu()


def deviation(measured: Sequence[float] | Any, plain: Sequence[float] | Any) -> float:
    """The largest difference relative to the plain value, or to 0.01 where that is smaller.

    Two values that are both nan, or the same infinity, agree; nan or inf against a number is inf.
    """
    a, b = np.asarray(measured, dtype=np.float64), np.asarray(plain, dtype=np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        relative = np.abs(a - b) / np.maximum(np.abs(b), 1e-2)
    relative = np.where(np.isfinite(relative), relative, np.inf)
    return float(np.where(same, 0.0, relative).max(initial=0.0))


def sample_points(loss: xr.DataArray, done: xr.DataArray | None = None) -> Iterator[xr.DataArray]:
    """A few values at random places, always the same ones for a shape, with their coordinates.

    Args:
        loss: over the grid.
        done: 1 where it was measured, if it was not everywhere; the places are among those.
    """
    random = np.random.default_rng(derived_seed(0, "check", str(loss.shape)))
    for _ in range(SAMPLE):
        while True:
            where = {str(dim): int(random.integers(n)) for dim, n in loss.sizes.items()}
            if done is None or int(done.isel({dim: where[str(dim)] for dim in done.dims})) == 1:
                break
        yield loss.isel(where).load()


def repeatable(first: Tensor, second: Tensor) -> Check:
    """Whether the losses of two forward passes of the same model and data agree."""
    return Check(
        "repeatable",
        "largest difference between two forward passes of the model",
        deviation(first.numpy(), second.numpy()),
        limit=1e-6,
    )


def nonfinite_share(loss: xr.DataArray, done: xr.DataArray | None = None) -> Check:
    """The share of nan and inf among the measured losses.

    Args:
        loss: over the grid.
        done: 1 where it was measured, if it was not everywhere.
    """
    counts = [((~np.isfinite(values)).sum(), len(values)) for values in measured(loss, done)]
    bad, every = np.sum(counts, axis=0).tolist()
    return Check(
        "non-finite",
        "share of measured losses that are nan or inf",
        bad / every if every else float("nan"),
    )


def failed(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each recorded check that did not pass."""
    return [
        f"{check['meaning']}: {check['value']:.2g}, expected at most {check['limit']:.2g}"
        for check in checks
        if not check["passed"]
    ]
