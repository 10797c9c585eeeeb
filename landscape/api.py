"""The package in a few functions: compute a surface, read it, draw it."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from torch import nn

from landscape.attacks import Attack, make_attack
from landscape.directions import DirectionSource, make_directions
from landscape.engine import Compute
from landscape.errors import InputError
from landscape.models import weights_sha256
from landscape.plots import PLOTS, PlotOptions, draw, plots_for
from landscape.registry import lookup
from landscape.spatial import Warp
from landscape.store import load_surface
from landscape.surfaces import (
    BATCHNORM,
    SpatialSurface,
    Surface,
    TradeoffSurface,
    WeightSurface,
    adversary_of,
    gather,
    grid_axis,
    pose_axes,
)
from landscape.surfaces.tradeoff import Load
from landscape.sweep import sweep
from landscape.weights import weights_of

UNIT_GRID = np.linspace(-1, 1, 51)
"""The default grid of a weight surface along each direction (Li et al. 2018)."""
UNIT_GRID.setflags(write=False)


def spatial_surface(
    model: nn.Module,
    images: Any,
    labels: Any = None,
    *,
    rotation: ArrayLike | None = None,
    shift_x: ArrayLike | None = None,
    shift_y: ArrayLike | None = None,
    convention: str = "landscape",
    padding: str = "zeros",
    precision: str = "fp32",
    device: str | None = None,
    memory: int | None = None,
    compile: str = "auto",
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
    identity: Mapping[str, Any] | None = None,
    image_ids: Sequence[int] | None = None,
    classes: Sequence[str] = (),
) -> xr.Dataset:
    """Loss, margin and prediction of each image over a grid of rotations and shifts.

    Args:
        model: takes images and returns logits; evaluated as a copy in evaluation mode.
        images: (N, C, H, W) floats, in [0, 1] if the model normalizes; a tensor, an array, or an
            iterable of (images, labels) batches if `labels` is None.
        labels: (N,) class indices.
        rotation: degrees counter-clockwise as displayed; 31 values within 30 degrees by default.
        shift_x: pixels to the right; 5 values within 10 % of the width by default.
        shift_y: pixels down; 5 values within 10 % of the height by default.
        convention: how a pose is applied, a name in `landscape.spatial.CONVENTIONS`.
        padding: what lies outside the image, a name in `landscape.spatial.PADDINGS`.
        precision: "fp32" (the model's own), "tf32" on NVIDIA GPUs, or "bf16" for previews.
        device: where to compute; the model's own device by default.
        memory: bytes that the activations of a forward pass may take; half of what is free by
            default.
        compile: `torch.compile` "always", "never", or where it saves more time than it takes.
        out: the HDF5 file to write, and to continue if it holds a part of this surface.
        overwrite: replace whatever file is at `out`.
        progress: show points per second and time left on standard error.
        identity: further facts that name model and data in the file, JSON values.
        image_ids: where each image stands in its data set, the coordinate `image`.
        classes: class names, for figures.

    Returns:
        A dataset in memory with `loss` [nats], `margin` [logits] and `prediction` over the
        dimensions (image, rotation, shift_x, shift_y).

    Raises:
        InputError: something of the input cannot be used; the message says what and why.

    Source: Engstrom et al. 2019, "Exploring the landscape of spatial robustness", fig. 3.
    """
    images, labels = gather(images, labels)
    surface = SpatialSurface(
        model,
        images,
        labels,
        axes=pose_axes(
            height=images.shape[-2],
            width=images.shape[-1],
            rotation=rotation,
            shift_x=shift_x,
            shift_y=shift_y,
        ),
        warp=Warp(convention, padding),
        compute=Compute(device, precision, memory, compile=compile),
        identity=_identity(model, identity),
        image_ids=image_ids,
        classes=classes,
    )
    return _stored(surface, out, overwrite, progress)


def weight_surface(
    model: nn.Module,
    images: Any,
    labels: Any = None,
    *,
    alpha: ArrayLike = UNIT_GRID,
    beta: ArrayLike | None = UNIT_GRID,
    directions: DirectionSource = None,
    seed: int = 0,
    normalization: str = "filter",
    ignore: str = "biasbn",
    bn: str = "frozen",
    attack: Attack | str | None = None,
    attack_at: str = "center",
    precision: str = "fp32",
    device: str | None = None,
    memory: int | None = None,
    compile: str = "auto",
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
    identity: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Mean loss and accuracy on a line or plane through the model's weights.

    Args:
        model: takes images and returns logits; evaluated as a copy in evaluation mode.
        images: (N, C, H, W) floats, in [0, 1] if the model normalizes; a tensor, an array, or an
            iterable of (images, labels) batches if `labels` is None.
        labels: (N,) class indices.
        alpha: multiples of the first direction.
        beta: multiples of the second direction; None gives a line.
        directions: None or "random"; the file of a weight surface, to use its directions again; or
            one direction per axis, as tensors in `parameters()` order, a mapping from parameter
            names, or a flat vector, which are used as they are.
        seed: of random directions.
        normalization: of random directions, a name in `landscape.weights.NORMALIZATIONS`.
        ignore: "biasbn" keeps biases and BatchNorm parameters at rest, "none" moves all.
        bn: BatchNorm statistics, "frozen" as trained or "recompute" at every point.
        attack: measure the loss under an attack: itself, or as `make_attack` reads it.
        attack_at: "center": the images are attacked once, on the model as it is; "point": anew at
            every point, on the model there, with the same random numbers.
        precision: "fp32" (the model's own), "tf32" on NVIDIA GPUs, or "bf16" for previews.
        device: where to compute; the model's own device by default.
        memory: bytes that the activations of a forward pass may take; half of what is free by
            default.
        compile: `torch.compile` "always", "never", or where it saves more time than it takes.
        out: the HDF5 file to write, and to continue if it holds a part of this surface.
        overwrite: replace whatever file is at `out`.
        progress: show points per second and time left on standard error.
        identity: further facts that name model and data in the file, JSON values.

    Returns:
        A dataset in memory with `loss` [nats] and `accuracy` (a share) over the dimensions
        (alpha, beta), and the standard error of each mean.

    Raises:
        InputError: something of the input cannot be used; the message says what and why.

    Source: Li et al. 2018, "Visualizing the loss landscape of neural nets", sec. 4.
    """
    lookup(BATCHNORM, bn, kind="BatchNorm mode")
    images, labels = gather(images, labels)
    axes = [grid_axis("alpha", alpha, "1", "first direction")]
    if beta is not None:
        axes.append(grid_axis("beta", beta, "1", "second direction"))
    surface = WeightSurface(
        model,
        images,
        labels,
        axes=tuple(axes),
        directions=make_directions(
            directions,
            weights_of(model),
            [axis.name for axis in axes],
            seed=seed,
            normalization=normalization,
            ignore=ignore,
        ),
        bn=bn,
        compute=Compute(device, precision, memory, compile=compile),
        identity=_identity(model, identity),
        adversary=adversary_of(attack, attack_at, seed=seed),
    )
    return _stored(surface, out, overwrite, progress)


def tradeoff(
    load: Load,
    images: Any,
    labels: Any = None,
    *,
    networks: Mapping[str, str],
    seeds: Sequence[int],
    epochs: Sequence[int],
    attacks: Mapping[str, Attack | str],
    seed: int = 0,
    precision: str = "fp32",
    device: str | None = None,
    memory: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
    identity: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Accuracy on images as they are and under attack, of several networks, epoch by epoch.

    Args:
        load: gives a network by its name, the seed of its training, and how many epochs it took:
            `train(keep_every=1)` keeps them.
        images: as of `spatial_surface`.
        labels: (N,) class indices.
        networks: titles of the networks by their names.
        seeds: of the trainings.
        epochs: after which they are looked at.
        attacks: by the names they have in figures: themselves, or as `make_attack` reads them.
        seed: of the attacks, the same at every point.
        precision: "fp32" (the models' own), "tf32" on NVIDIA GPUs, or "bf16" for previews.
        device: where to compute; the models' own device by default.
        memory: bytes that the activations of a forward pass may take; half of what is free by
            default.
        out: the HDF5 file to write, and to continue if it holds a part of this.
        overwrite: replace whatever file is at `out`.
        progress: show points per second and time left on standard error.
        identity: what names networks and data in the file, JSON values.

    Returns:
        A dataset in memory with `accuracy` (a share) and `loss` [nats] over the dimensions
        (network, seed, epoch, attack), of which the first attack is none.

    Raises:
        InputError: something of the input cannot be used; the message says what and why.
    """
    images, labels = gather(images, labels)
    made = {n: make_attack(a) if isinstance(a, str) else a for n, a in attacks.items()}
    surface = TradeoffSurface(
        load,
        images,
        labels,
        networks=networks,
        seeds=seeds,
        epochs=epochs,
        attacks=made,
        seed=seed,
        compute=Compute(device, precision, memory, compile="never"),
        identity=identity or {},
    )
    return _stored(surface, out, overwrite, progress)


def plot(
    data: xr.Dataset | str | Path,
    name: str | None = None,
    *,
    images: Sequence[int] | None = None,
) -> Any:
    """A figure of a surface, to be shown or saved by the caller.

    Args:
        data: a surface, or the file of one.
        name: a name in `landscape.plots.PLOTS`; the first that fits the surface by default.
        images: of a spatial surface, by their coordinate; the first ones by default.

    Returns:
        A matplotlib figure, or a plotly one for the interactive plots.

    Raises:
        InputError: there is no such plot, or it is for another kind of surface.
    """
    if not isinstance(data, xr.Dataset):
        data = load_surface(data)
    fitting = plots_for(data)
    if not fitting:
        raise InputError(f"no plot fits this surface; known plots: {', '.join(PLOTS)}")
    return draw(data, name or fitting[0], PlotOptions(images=tuple(images) if images else None))


def _identity(model: nn.Module, given: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "model": type(model).__name__,
        "weights_sha256": weights_sha256(model),
        **(given or {}),
    }


def _stored(
    surface: Surface, out: str | Path | None, overwrite: bool, show_progress: bool
) -> xr.Dataset:
    """Sweep into the file, or into one that lives no longer than the call."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(out) if out is not None else Path(folder) / "surface.h5"
        sweep(surface, path, overwrite=overwrite, show_progress=show_progress)
        return load_surface(path)
