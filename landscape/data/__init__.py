"""Data sets by name, as labelled images in [0, 1].

To add one, write `load(root, split, *, download)` in a file of its own and a line in `DATASETS`.
"""

import os
from pathlib import Path
from typing import Protocol

from landscape.data import digits, folder, torchvision_sets
from landscape.data.base import ImageSet, content_sha256
from landscape.data.loading import Wanted, default_workers, prepare_views, reading
from landscape.data.pixels import Pictures
from landscape.registry import lookup

__all__ = [
    "DATASETS",
    "ROOT_VARIABLE",
    "ImageSet",
    "Loader",
    "Pictures",
    "Wanted",
    "content_sha256",
    "default_workers",
    "load_dataset",
    "prepare_views",
    "reading",
]

ROOT_VARIABLE = "LANDSCAPE_DATA"
"""The environment variable that says where data lie when no root is given."""


class Loader(Protocol):
    """Reads one split of a data set from `root`, fetching it first if told to."""

    def __call__(self, root: Path | None, split: str, *, download: bool) -> ImageSet:
        """One split; `InputError` if it is unknown, missing or damaged."""
        ...


DATASETS: dict[str, Loader] = {
    "digits": digits.load,
    "mnist": torchvision_sets.load_mnist,
    "cifar10": torchvision_sets.load_cifar10,
    "cifar100": torchvision_sets.load_cifar100,
    "imagefolder": folder.load,
}


def load_dataset(
    name: str, *, root: Path | str | None = None, split: str = "test", download: bool = False
) -> ImageSet:
    """One split of a data set.

    Args:
        name: a key of `DATASETS`.
        root: the folder that holds the data; None: the environment variable LANDSCAPE_DATA.
        split: "train" or "test"; for `imagefolder` the name of a folder in `root`.
        download: fetch what is missing into `root`, where a data set can be fetched.

    Raises:
        InputError: the name or split is unknown, or the data are missing or damaged.
    """
    load = lookup(DATASETS, name, kind="data set")
    found = root if root is not None else os.environ.get(ROOT_VARIABLE)
    return load(Path(found).expanduser() if found else None, split, download=download)
