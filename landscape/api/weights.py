"""Weight surfaces in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import ArrayLike
from torch import nn

from landscape.api.common import identity_of, sample_of, stored
from landscape.attacks import Attack
from landscape.directions import Around, Directions, DirectionSource, make_directions, regular
from landscape.directions.checkpoints import CheckpointSource, weights_by_name
from landscape.engine import Compute, bn_between, placed
from landscape.errors import InputError
from landscape.losses import LossLike, make_loss
from landscape.processes import ALONE, Group
from landscape.store import WEIGHT_AXES, Axis
from landscape.store.plan import plan_of
from landscape.surfaces import (
    Measured,
    WeightSurface,
    adversary_of,
    gather_any,
    grid_axis,
    point_count,
)
from landscape.weights import refuse_weightless, weights_of

POINTS = 51
"""Along each direction, unless told otherwise (Li et al. 2018)."""

GridLike = ArrayLike | int
"""Coordinates, or how many of them over the range that suits the directions."""


def weight_surface(
    model: nn.Module,
    inputs: Any,
    targets: Any = None,
    *,
    alpha: GridLike = POINTS,
    beta: GridLike | None = POINTS,
    gamma: GridLike | None = None,
    directions: DirectionSource = None,
    checkpoints: CheckpointSource | None = None,
    seed: int = 0,
    normalization: str | None = None,
    ignore: str | None = None,
    orthogonal: bool = False,
    loss: LossLike = "cross-entropy",
    fields: Sequence[str] | None = None,
    others: Mapping[str, Any] | None = None,
    tolerance: float | None = None,
    budget: int | None = None,
    bn: str | None = None,
    attack: Attack | str | None = None,
    attack_at: str = "center",
    clean_too: bool = False,
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
    """Mean loss, and more, on a line, plane or volume through the weights of any network.

    Args:
        model: any module; evaluated as a copy in evaluation mode.
        inputs: (N, ...) tensor or array, images in [0, 1] if the model normalizes; or an iterable
            of (inputs, targets) batches if `targets` is None.
        targets: (N, ...), class indices for the cross-entropy.
        alpha: multiples of the first direction; or how many, over the range that suits it: -1 to 1,
            beyond both networks of a line, the whole of a trajectory.
        beta: of the second direction; None gives a line.
        gamma: of the third direction; None gives a plane.
        directions: a name in `landscape.directions.DIRECTIONS` ("random", "gradient", "hessian",
            "ggn", "models", "trajectory") or the file of a weight surface or of Li et al.; or one
            of these for each axis, or the direction itself, as tensors in `parameters()` order, a
            mapping from parameter names, or a flat vector, which are used as they are.
        checkpoints: for "models" the other networks, one per axis; for "trajectory" all of the
            path: modules, state dicts or files, in a sequence or by name.
        seed: of random numbers.
        normalization: a name in `landscape.weights.NORMALIZATIONS`; "filter" for random directions,
            "none" for others by default.
        ignore: "biasbn" keeps biases and norm layers' parameters at rest, as by default for random
            directions; "none" moves all.
        orthogonal: take from every direction its parts along the earlier ones.
        loss: a name in `landscape.losses.LOSSES`, or any function of (outputs, targets): one value
            per example, or the mean over them.
        fields: what is measured beside the loss: "accuracy" (by default, with the cross-entropy),
            "gradient_norm", "hessian" (smallest and largest eigenvalue).
        others: further data by name, given like `inputs` or as pairs, and measured as they are:
            those called "train" give `train_loss`, and the BatchNorm statistics if these are
            measured anew.
        tolerance: measure only where interpolation between measured points errs more than this
            share of the range of the loss, both on a scale of log(1 + loss); 0.01 is 1 %.
        budget: measure so many points at most, where interpolation errs most; nine along each axis
            are always measured.
        bn: BatchNorm statistics, "frozen" as trained or "recompute" at every point; by default
            recomputed between models and along trajectories, frozen elsewhere.
        attack: measure the loss under an attack: itself, or as `make_attack` reads it.
        attack_at: "center": the images are attacked once, on the model as it is; "point": anew at
            every point, on the model there, with the same random numbers.
        clean_too: beside an attack, measure the data as they are: `clean_loss` and so on.
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
        dimensions (alpha, beta, gamma), and the standard error of each mean.

    Raises:
        InputError: something of the input cannot be used; the message says what and why.

    Source: Li et al. 2018, "Visualizing the loss landscape of neural nets", sec. 4.
    """
    if alpha is None:
        raise InputError("expected a grid for alpha, got None; give coordinates or their number")
    if gamma is not None and beta is None:
        raise InputError("expected a grid for beta where there is one for gamma, got None")
    inputs, targets = gather_any(inputs, targets)
    refuse_weightless(model)
    weights, loss = weights_of(model), make_loss(loss)
    compute = Compute(group.device_of(model, device), precision, memory, compile=compile)
    grids = [alpha, *(grid for grid in (beta, gamma) if grid is not None)]
    around = Around(
        weights,
        seed=seed,
        model=placed(model, compute.device_for(model)),
        inputs=inputs,
        targets=targets,
        loss=loss,
        checkpoints=weights_by_name(checkpoints or {}, weights),
    )
    # Found once: another GPU may give other eigenvectors in the last bit.
    made = group.on_first(
        lambda: make_directions(
            directions,
            around,
            WEIGHT_AXES[: len(grids)],
            normalization=normalization,
            ignore=ignore,
            orthogonal=orthogonal,
            kept=Path(out) if out is not None and not overwrite else None,
        ).on_cpu()
    )
    surface = WeightSurface(
        model,
        inputs,
        targets,
        axes=_axes(grids, made),
        directions=made,
        measured=Measured(
            loss,
            fields,
            bn or (bn_between(model) if made.connects else "frozen"),
            adversary_of(attack, attack_at, seed=seed),
            clean_too,
        ),
        compute=compute,
        identity=identity_of(model, identity),
        others={name: sample_of(data) for name, data in (others or {}).items()},
        group=group,
    )
    return stored(surface, out, overwrite, progress, group, plan_of(tolerance, budget))


def _axes(grids: Sequence[GridLike], directions: Directions) -> tuple[Axis, ...]:
    axes = []
    for (name, label), grid in zip(directions.labels.items(), grids, strict=True):
        count = point_count(name, grid)
        values = grid if count is None else regular(directions.reach[name], count)
        axes.append(grid_axis(name, values, "1", label))
    return tuple(axes)
