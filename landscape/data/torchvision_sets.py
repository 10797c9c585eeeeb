"""MNIST and CIFAR, in the folders that torchvision makes of them."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landscape.data.base import ImageSet
from landscape.errors import InputError

SPLITS = ("train", "test")


def load_mnist(root: Path | None, split: str, *, download: bool) -> ImageSet:
    """60,000 training or 10,000 test digits, 28x28, grey, from ROOT/MNIST/raw."""
    source = _open("mnist", "MNIST", "MNIST/raw", root, split, download)
    return _image_set("mnist", split, source.data[:, None], source.targets, "0123456789")


def _load_cifar(
    name: str, reader: str, folder: str, root: Path | None, split: str, *, download: bool
) -> ImageSet:
    source = _open(name, reader, folder, root, split, download)
    pixels = torch.from_numpy(source.data).permute(0, 3, 1, 2).contiguous()
    return _image_set(name, split, pixels, torch.tensor(source.targets), source.classes)


load_cifar10 = partial(_load_cifar, "cifar10", "CIFAR10", "cifar-10-batches-py")
load_cifar100 = partial(_load_cifar, "cifar100", "CIFAR100", "cifar-100-python")


def _open(
    name: str, reader: str, folder: str, root: Path | None, split: str, download: bool
) -> Any:
    """The data set as torchvision reads it, or one sentence that says what is missing.

    Args:
        name: what the package calls the data set.
        reader: what `torchvision.datasets` calls it.
        folder: where torchvision keeps it, below `root`.
        root: the folder that holds the data sets.
        split: a name in `SPLITS`.
        download: fetch what is missing.

    Raises:
        InputError: unknown split, no root, data missing, damaged or not to be fetched.
    """
    if split not in SPLITS:
        raise InputError(f"{name} has no split {split!r} (known: {', '.join(SPLITS)})")
    if root is None:
        raise InputError(
            f"{name} needs the folder it lies in, or is to be fetched to: give --data-root "
            "(root=...) or set the environment variable LANDSCAPE_DATA"
        )
    from torchvision import datasets  # takes seconds to import

    try:
        return getattr(datasets, reader)(root, train=split == "train", download=download)
    except Exception as error:  # a damaged file makes torchvision's readers fail in any way
        if download:
            raise InputError(f"{name} could not be fetched to {root}: {error}") from error
        raise InputError(
            f"{name} was sought in {root / folder} and is missing there, or damaged; "
            f"--download (download=True) fetches it"
        ) from error


def _image_set(
    name: str, split: str, pixels: Tensor, labels: Tensor, classes: Iterable[str]
) -> ImageSet:
    return ImageSet(name, split, pixels, labels, tuple(classes), torch.arange(len(labels)))
