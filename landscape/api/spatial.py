"""Spatial surfaces in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import ArrayLike
from torch import nn

from landscape.api.common import identity_of, stored
from landscape.engine import Compute
from landscape.processes import ALONE, Group
from landscape.spatial import Warp
from landscape.surfaces import SpatialSurface, gather, pose_axes


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
    group: Group = ALONE,
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
        overwrite: replace whatever file is at `out`, once the new one is whole.
        progress: show points per second and time left on standard error.
        group: processes that compute it together, `landscape.processes.joined()` under torchrun:
            each calls this alike, and the first one has the dataset and the file.
        identity: further facts that name model and data in the file, JSON values.
        image_ids: where each image stands in its data set, the coordinate `image`.
        classes: class names, for figures.

    Returns:
        A dataset, in memory unless it is large, with
        `loss` [nats], `margin` [logits] and `prediction` over the
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
        compute=Compute(group.device_of(model, device), precision, memory, compile=compile),
        identity=identity_of(model, identity),
        image_ids=image_ids,
        classes=classes,
    )
    return stored(surface, out, overwrite, progress, group)
