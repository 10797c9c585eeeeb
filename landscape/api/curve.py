"""Curves between two networks in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from torch import nn

from landscape.api.common import identity_of, sample_of, stored
from landscape.api.weights import GridLike
from landscape.directions.curve import Curve
from landscape.engine import Compute, bn_between
from landscape.losses import LossLike, make_loss
from landscape.processes import ALONE, Group
from landscape.surfaces import CurveSurface, Measured, gather_any, grid_axis, point_count

POINTS = 31


def curve_surface(
    model: nn.Module,
    curve: Curve,
    inputs: Any,
    targets: Any = None,
    *,
    t: GridLike = POINTS,
    loss: LossLike = "cross-entropy",
    fields: Sequence[str] | None = None,
    others: Mapping[str, Any] | None = None,
    bn: str | None = None,
    precision: str = "fp32",
    device: str | None = None,
    memory: int | None = None,
    compile: str = "auto",
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
    group: Group = ALONE,
    identity: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Mean loss, and more, along a curve from one network to another.

    `landscape.measures.barrier.barrier(data.loss)` says how high it rises.

    Args:
        model: of the architecture of both networks; evaluated as a copy with the curve's weights.
        curve: trained by `landscape.training.curve.connect`; or the line that
            `landscape.directions.curve.straight` gives, to be compared point by point.
        inputs: (N, ...) tensor or array; or an iterable of (inputs, targets) batches if `targets`
            is None.
        targets: (N, ...), class indices for the cross-entropy.
        t: where on the curve, 0 and 1 being the networks; or how many values from 0 to 1.
        loss: as of `landscape.weight_surface`.
        fields: likewise.
        others: likewise: those called "train" give `train_loss`, and the BatchNorm statistics.
        bn: BatchNorm statistics, by default "recompute" at every point (Garipov et al. 2018);
            "frozen" keeps those of the network at t = 0, under which that at t = 1 is not itself.
        precision: "fp32" (the model's own), "tf32" on NVIDIA GPUs, or "bf16" for previews.
        device: where to compute; the model's own device by default.
        memory: bytes that the activations of a forward pass may take; half of what is free by
            default.
        compile: `torch.compile` "always", "never", or where it saves more time than it takes.
        out: the HDF5 file to write, and to continue if it holds a part of this surface.
        overwrite: replace whatever file is at `out`, once the new one is whole.
        progress: show points per second and time left on standard error.
        group: processes that compute it together, `landscape.processes.joined()` under torchrun:
            each calls this alike, and the first one has the dataset and the file.
        identity: further facts that name model and data in the file, JSON values.

    Returns:
        A dataset, in memory unless it is large, with
        `loss` [nats, of the cross-entropy] and other fields over the
        dimension t, and the standard error of each mean.

    Raises:
        InputError: something of the input cannot be used; the message says what and why.
    """
    inputs, targets = gather_any(inputs, targets)
    count = point_count("t", t)
    values = t if count is None else np.linspace(0, 1, count)
    surface = CurveSurface(
        model,
        inputs,
        targets,
        curve=curve,
        axis=grid_axis("t", values, "1", "place on the curve"),
        measured=Measured(make_loss(loss), fields, bn or bn_between(model)),
        compute=Compute(group.device_of(model, device), precision, memory, compile=compile),
        identity=identity_of(curve.network(model, 0.0), identity),
        others={name: sample_of(data) for name, data in (others or {}).items()},
        group=group,
    )
    return stored(surface, out, overwrite, progress, group)
