"""Attacked images that an evaluation kept, to learn from or to look at (Prabhu et al. 2019)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from landscape.data import ImageSet
from landscape.errors import InputError
from landscape.store import facts, open_surface
from landscape.store.kinds import refuse_misfit


def load_attacked(path: Path | str, images: ImageSet) -> ImageSet:
    """The attacked versions of a set's images, in its order.

    Args:
        path: a file of `evaluate(keep_images=True)`.
        images: what was attacked.

    Raises:
        InputError: the file is unfinished, keeps no images, or is of other images.
    """
    with open_surface(path) as data:
        if data.attrs["kind"] != "attack" or "pixels" not in data:
            raise InputError(
                f"{path} keeps no attacked images; landscape evaluate writes them with "
                "--keep-images --out FOLDER"
            )
        if not data.attrs["complete"]:
            raise InputError(
                f"{path} is unfinished; finish it with the command that began it, it goes on"
            )
        refuse_misfit(data)
        known = facts(data)["configuration"]
        if known.get("data_sha256") != images.sha256:
            raise InputError(
                f"{path} holds attacked versions of {data.sizes['image']} other images than these "
                f"{len(images)} of {images.name} ({images.split}); attack the split that is "
                "learned from (--split train), whole"
            )
        pixels = torch.from_numpy(np.ascontiguousarray(data.pixels.values))
    name = f"{images.name} under {known.get('attack_name', 'an attack')}"
    return replace(images, name=name, pixels=pixels)


def with_attacked(images: ImageSet, paths: Sequence[Path | str]) -> ImageSet:
    """The images as they are, followed by attacked versions of all of them, file by file.

    The set keeps its name.

    Args:
        images: as they are.
        paths: files of `evaluate(keep_images=True)`.

    Raises:
        InputError: as `load_attacked`, or the images lie on disk.
    """
    if not paths:
        return images
    if not isinstance(images.pixels, Tensor):
        raise InputError(
            f"{images.name} is read from disk image by image; stored attacked images can join data "
            "sets in memory alone, so attack on the fly (--adversary ... --clean-too)"
        )
    sets = [images, *(load_attacked(path, images) for path in paths)]
    return replace(
        images,
        pixels=torch.cat([part.pixels for part in sets if isinstance(part.pixels, Tensor)]),
        labels=torch.cat([part.labels for part in sets]),
        indices=torch.cat([part.indices for part in sets]),
    )
