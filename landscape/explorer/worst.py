"""How far each image's surface goes at its worst, for the list of images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from landscape.explorer.sources import Source
from landscape.plots.prepare import POSE_AXES, PosePoint, most_harmful
from landscape.store import complete_part, in_memory

PART = 2**17  # points of a part, those of every image counted
FIELDS = ("loss", "margin", "prediction")


@dataclass(frozen=True)
class Badge:
    """One image and the pose that hurts it most.

    Attributes:
        image: where it stands in its data set.
        label: the true class.
        worst: the pose, and what was measured there.
    """

    image: int
    label: int
    worst: PosePoint


def badges(source: Source, places: Sequence[int] | None = None) -> dict[int, Badge]:
    """The worst poses of images, read part by part and remembered as long as the file stays.

    Args:
        source: a spatial surface.
        places: which images, counted from 0 in the order of the file; all unless given.

    Returns:
        By where an image stands in its data set.

    Raises:
        InputError: the file cannot be read, or the centre is not computed yet.
    """
    wanted = range(len(source.summary().images)) if places is None else places
    known: dict[int, Badge] = source.remembered("badges", dict)
    missing = [place for place in wanted if place not in known]
    if missing:
        known.update(_measured(source, missing))
    return {known[place].image: known[place] for place in wanted}


def _measured(source: Source, places: Sequence[int]) -> dict[int, Badge]:
    found: dict[int, Badge] = {}
    with source.opened() as data:
        part = complete_part(data, *FIELDS, "label")
        step = max(1, PART // max(1, part["done"].size))
        for start in range(0, len(places), step):
            some = sorted(places)[start : start + step]  # HDF5 reads in one direction
            found.update(zip(some, _worst(in_memory(part.isel(image=list(some)))), strict=True))
    return found


def _worst(images: xr.Dataset) -> Iterator[Badge]:
    """As `prepare.worst_pose`, of many images at once."""
    shape = [images.sizes[axis] for axis in POSE_AXES]
    flat = {n: images[n].transpose("image", *POSE_AXES).values for n in FIELDS}
    loss, margin, predicted = (flat[n].reshape(len(flat[n]), -1) for n in FIELDS)
    loss = loss.astype(np.float64)
    for row, point in enumerate(most_harmful(loss, margin)):
        where = np.unravel_index(point, shape)
        pose = {a: float(images[a].values[i]) for a, i in zip(POSE_AXES, where, strict=True)}
        here = {"loss": float(loss[row, point]), "margin": float(margin[row, point])}
        worst = PosePoint(**pose, **here, prediction=int(predicted[row, point]))
        yield Badge(int(images["image"][row]), int(images["label"][row]), worst)
