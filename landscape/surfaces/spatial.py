"""Input space: loss, margin and prediction of each image over a grid of poses."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Shaped
from numpy.typing import ArrayLike
from torch import nn

from landscape.data import content_sha256
from landscape.engine import Compute, Network, settle_alike
from landscape.errors import InputError
from landscape.processes import ALONE, Group
from landscape.provenance import provenance
from landscape.spatial import SpatialLimits, Warp
from landscape.store import Axis, Constant, Field, Layout
from landscape.surfaces.checks import (
    LIMITS,
    SAMPLE,
    Check,
    Compared,
    deviation,
    exact_twin,
    few,
    float64_error,
    nonfinite_share,
    plain_losses,
    plain_twin,
    repeatable,
    sample_points,
)
from landscape.surfaces.inputs import grid_axis, title_of
from landscape.typing import Images, Labels

ROTATIONS, SHIFTS = 31, 5  # the grid of Engstrom et al. 2019

FIELDS = (
    Field("loss", "float32", "nat", "cross-entropy"),
    Field("margin", "float32", "logit", "logit of the true class minus the largest other"),
    Field("prediction", "int32", "1", "predicted class"),
)


def pose_axes(
    *,
    height: int,
    width: int,
    rotation: ArrayLike | None = None,
    shift_x: ArrayLike | None = None,
    shift_y: ArrayLike | None = None,
) -> tuple[Axis, Axis, Axis]:
    """The axes of a pose grid; by default 31 x 5 x 5 within 30 degrees and 10 % of the side.

    Args:
        height: of the images, pixels.
        width: of the images, pixels.
        rotation: degrees counter-clockwise as displayed.
        shift_x: pixels to the right.
        shift_y: pixels down.

    Raises:
        InputError: an axis is not a list of distinct finite numbers.
    """
    limits = SpatialLimits().for_size(height, width)

    def values(given: ArrayLike | None, limit: float | None, count: int) -> ArrayLike:
        reach = limit or 0.0
        return np.linspace(-reach, reach, count) if given is None else given

    return (
        grid_axis(
            "rotation",
            values(rotation, limits.rotation, ROTATIONS),
            "degree",
            "rotation",
        ),
        grid_axis("shift_x", values(shift_x, limits.shift_x, SHIFTS), "pixel", "shift right"),
        grid_axis("shift_y", values(shift_y, limits.shift_y, SHIFTS), "pixel", "shift down"),
    )


class SpatialSurface:
    """The spatial surface of a model on given images.

    Attributes:
        layout: what the file holds.
    """

    def __init__(
        self,
        model: nn.Module,
        images: Images,
        labels: Labels,
        *,
        axes: tuple[Axis, Axis, Axis],
        warp: Warp,
        compute: Compute,
        identity: Mapping[str, Any],
        image_ids: Sequence[int] | None = None,
        classes: Sequence[str] = (),
    ) -> None:
        """Copy the model and describe the file.

        Args:
            model: takes images and returns logits.
            images: (N, C, H, W).
            labels: (N,).
            axes: rotation, shift_x, shift_y; see `pose_axes`.
            warp: how a pose is applied.
            compute: where and how the network runs.
            identity: what names model and data in the file, e.g. the weights' sha256; JSON values.
            image_ids: where each image stands in its data set; 0, 1, ... unless given.
            classes: class names.
        """
        self._network = Network(model, compute)
        self._twin, self._warp = plain_twin(model), warp
        self._images, self._labels = images, labels
        self._near = images.to(self._network.device)
        ids = np.asarray(range(len(images)) if image_ids is None else image_ids)
        if ids.shape != (len(images),) or ids.dtype.kind not in "iu":
            raise InputError(
                f"expected for image_ids {len(images)} whole numbers, one per image, "
                f"got {ids.dtype} of shape {ids.shape}"
            )
        self.layout = Layout(
            kind="spatial",
            points=axes,
            items=(Axis("image", ids.astype(np.int64), "1", "position in the data set"),),
            fields=FIELDS,
            constants=_constants(images, labels),
            configuration={
                **identity,
                "data_sha256": content_sha256(images, labels),
                "convention": warp.convention,
                "padding": warp.padding,
                "precision": compute.precision,
                "loss": "cross-entropy",
            },
            about={
                "title": title_of("spatial surface", identity),
                "pose": "rotation in degrees counter-clockwise as displayed, shifts in pixels",
                "classes": list(classes),
                "provenance": provenance(device=str(self._network.device)),
            },
        )

    def prepare(self, points: int, group: Group = ALONE) -> None:
        """Settle how the network runs for so many poses of all images."""
        count = len(self._images)
        self._network.expect(points * count, unit=count, grouped=True)
        settle_alike(self._network, self._near, group)

    @property
    def points_per_call(self) -> int:
        """As many poses as fill a forward pass."""
        return max(1, self._network.passes.size // len(self._images))

    def run_facts(self) -> dict[str, Any]:
        """How the network was run."""
        return self._network.facts()

    def evaluate(
        self, points: Float[np.ndarray, "n 3"]
    ) -> dict[str, Shaped[np.ndarray, "n image"]]:
        """The fields of every image at poses (rotation, shift_x, shift_y)."""
        poses = torch.from_numpy(points.astype(np.float32))
        # Passes of one size, whatever is missing: the size may decide about the last bit.
        pass_size = min(self.points_per_call, math.prod(self.layout.grid_shape))
        padded = torch.cat([poses, poses[-1:].expand(-len(poses) % pass_size, -1)])
        scored = self._network.score_poses(self._near, self._labels, padded, self._warp)
        rows = list(islice(scored, len(poses)))
        return {
            f.name: np.stack([getattr(row, f.name).cpu().numpy() for row in rows]).astype(f.dtype)
            for f in FIELDS
        }

    def checks(self, data: xr.Dataset) -> list[Check]:
        """Compare the stored surface with a plain loop."""
        limit = LIMITS["fp32"] if self._network.precision == "fp32" else None
        clean = self.evaluate(np.zeros((1, 3)))["loss"][0]
        plain, again = (plain_losses(self._twin, self._images, self._labels) for _ in range(2))
        return [
            Check(
                "centre",
                "difference between the unmoved images' losses and the model's plain losses",
                deviation(clean, plain.numpy()),
                limit,
            ),
            Check(
                "recomputed",
                f"largest difference at {SAMPLE} random points recomputed one image at a time",
                max(self._recomputed(point) for point in sample_points(data.loss)),
                limit,
            ),
            float64_error(self._network.precision, self._against_float64(data)),
            repeatable(plain, again),
            nonfinite_share(data.loss),
        ]

    def _against_float64(self, data: xr.Dataset) -> Iterator[Compared]:
        """Mean losses of the first images in random poses, as stored and in float64."""
        twin, images, labels = exact_twin(self._twin), *few(self._images, self._labels)
        for point in sample_points(data.loss.isel(image=0)):
            place = {axis.name: float(point[axis.name]) for axis in self.layout.points}
            pose = torch.tensor(list(place.values()))
            moved = self._warp(images.double(), pose)
            stored = data.loss.sel(place)[: len(images)]
            yield float(stored.mean()), float(plain_losses(twin, moved, labels).mean())

    def _recomputed(self, point: xr.DataArray) -> float:
        i = self.layout.items[0].values.tolist().index(int(point["image"]))
        pose = torch.tensor([[float(point[axis.name]) for axis in self.layout.points]])
        moved = self._warp(self._images[i : i + 1], pose)
        return deviation(
            point.values, plain_losses(self._twin, moved, self._labels[i : i + 1]).numpy()
        )


def _constants(images: Images, labels: Labels) -> tuple[Constant, ...]:
    """The labels, and the pictures in 8 bits where the images are pictures."""
    constants = [Constant("label", ("image",), labels.cpu().numpy(), "true class")]
    if images.shape[1] in (1, 3) and images.min() >= 0 and images.max() <= 1:
        pixels = (images * 255).round().to(torch.uint8).cpu().numpy()
        dims = ("image", "channel", "row", "column")
        constants.append(Constant("pixels", dims, pixels, "the images, in 8 bits for display"))
    return tuple(constants)
