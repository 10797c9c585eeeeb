"""Image files in one folder per class, as ImageNet is kept."""

import hashlib
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from landscape.data.base import ImageSet
from landscape.data.pixels import Bytes, Indices, Light
from landscape.errors import InputError

RESIZE = 256
"""Pixels of the shorter side before the crop."""
CROP = 224
"""Pixels of both sides after it."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})
WNID = re.compile(r"n\d{8}")
"""What ImageNet calls a class."""
IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class ImageFiles:
    """`LazyPixels` and `Photographs` of image files, which are read when they are asked for.

    As they are, images are resized (bilinear, antialiased) and cropped in the middle.

    Attributes:
        folder: what `paths` are relative to.
        paths: one file per image; grey, palette and CMYK images become RGB, and of 16 bits the
            higher 8 count.
    """

    folder: Path
    paths: tuple[Path, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(images, 3, 224, 224)."""
        return len(self.paths), 3, CROP, CROP

    @cached_property
    def sha256(self) -> str:
        """Digest of the relative names and the sizes of the files, in order."""
        digest = hashlib.sha256()
        for path in self.paths:
            size = (self.folder / path).stat().st_size
            digest.update(f"{path.as_posix()} {size}\n".encode())
        return digest.hexdigest()

    def __getitem__(self, indices: Indices, /) -> Bytes:
        chosen = [self.folder / self.paths[index] for index in indices.tolist()]
        with ThreadPoolExecutor() as pool:  # Pillow decodes without holding Python's lock
            images = list(pool.map(_read, chosen))
        return torch.stack(images) if images else torch.empty((0, 3, CROP, CROP), dtype=torch.uint8)

    def random_view(self, index: int, seed: int) -> tuple[UInt8[Tensor, "3 height width"], Light]:
        """A random view, as `random_view` takes it from the whole picture."""
        from landscape.data import views  # torchvision takes seconds to import

        return views.random_view(_open(self.folder / self.paths[index]), seed)

    def take(self, indices: Indices) -> "ImageFiles":
        """The files at `indices`, in that order."""
        return ImageFiles(self.folder, tuple(self.paths[index] for index in indices.tolist()))


def load(root: Path | None, split: str, *, download: bool) -> ImageSet:
    """The images of ROOT/<split>/<class>/*.jpg (or .png, ...), 224x224 in colour, read lazily.

    Each image is resized to 256 pixels on its shorter side, then cropped to 224x224 in the middle.
    Classes are the sorted names of the class folders, which is the label order of ImageNet's public
    weights if all 1,000 folders are there; empty folders count. Where `test` is asked for and there
    is no such folder, `val` is taken, since ImageNet's test images have no public labels.

    Args:
        root: the folder that holds the splits.
        split: the name of a folder in `root`.
        download: refused; ImageNet asks for an account.

    Raises:
        InputError: a folder is missing or holds no image; later, an image that cannot be read.

    Warns:
        UserWarning: these are some of ImageNet's classes, and the others' folders are missing.
    """
    layout = "expected ROOT/<split>/<class>/*.jpg with ROOT given by --data-root (root=...)"
    if root is None:
        raise InputError(f"imagefolder needs a folder: {layout} or LANDSCAPE_DATA")
    if download:
        raise InputError("imagefolder reads your own files and has nothing to fetch; no --download")
    splits = [split, "val"] if split == "test" else [split]
    present = [name for name in splits if (root / name).is_dir()]
    if not present:
        lacking = " and no ".join(str(root / name) for name in splits)
        known = ", ".join(_folders(root)) if root.is_dir() else "no such folder"
        raise InputError(f"imagefolder found no {lacking} (in {root}: {known}); {layout}")
    split = present[0]
    folder = root / split
    classes = _folders(folder)
    found = [(p, label) for label, name in enumerate(classes) for p in _images(folder, name)]
    if not found:
        raise InputError(f"imagefolder found no image below {folder}; {layout}")
    _warn_of_missing_classes(classes)
    return ImageSet(
        name="imagefolder",
        split=split,
        pixels=ImageFiles(folder, tuple(path for path, _ in found)),
        labels=torch.tensor([label for _, label in found]),
        classes=tuple(classes),
        indices=torch.arange(len(found)),
    )


def _folders(folder: Path) -> list[str]:
    names = (entry.name for entry in folder.iterdir() if entry.is_dir())
    return sorted(name for name in names if not name.startswith("."))


def _images(folder: Path, name: str) -> list[Path]:
    files = (folder / name).rglob("*")
    return sorted(p.relative_to(folder) for p in files if p.suffix.lower() in SUFFIXES)


def _warn_of_missing_classes(classes: list[str]) -> None:
    if len(classes) != IMAGENET_CLASSES and all(map(WNID.fullmatch, classes)):
        warnings.warn(
            f"imagefolder found {len(classes)} of ImageNet's {IMAGENET_CLASSES:,} class folders: "
            f"labels are numbered 0 to {len(classes) - 1} and do not match networks trained on all "
            f"of ImageNet's {IMAGENET_CLASSES:,} classes; to mend it, make an empty folder for "
            "each of the others",
            stacklevel=4,  # the caller of `load_dataset`
        )


def _open(path: Path) -> Any:
    """A picture of Pillow's in RGB."""
    from PIL import Image  # not needed by who has other images

    try:
        with Image.open(path) as image:
            return _in_8_bits(image).convert("RGB")
    except Exception as error:  # each of Pillow's decoders fails in its own way
        raise InputError(f"{path} cannot be read as an image: {error}") from error


def _in_8_bits(image: Any) -> Any:
    """A picture whose grey has 16 bits by the higher 8 of them, as Pillow reads colour."""
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):  # what is black and white is not said
        raise InputError("expected values of 8 or 16 bits, got 32; save it with 8")
    return image


def _read(path: Path) -> UInt8[Tensor, "3 height width"]:
    """The middle of a picture, as torchvision's evaluation transform of ImageNet takes it."""
    from PIL.Image import Resampling

    colour = _open(path)
    shorter = min(colour.size)
    width, height = (RESIZE * side // shorter for side in colour.size)
    left, top = round((width - CROP) / 2), round((height - CROP) / 2)
    resized = colour.resize((width, height), Resampling.BILINEAR)
    cropped = np.array(resized.crop((left, top, left + CROP, top + CROP)))
    return torch.from_numpy(cropped).permute(2, 0, 1).contiguous()
