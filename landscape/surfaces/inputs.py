"""From what a user hands over as data and grid to checked tensors and axes."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from landscape.errors import InputError
from landscape.store import Axis
from landscape.typing import Images, Labels


def gather(images: Any, labels: Any = None) -> tuple[Images, Labels]:
    """Images and labels as two tensors.

    Args:
        images: (N, C, H, W), a tensor or array of floats; or an iterable of batches, of
            (images, labels) pairs where `labels` is None.
        labels: (N,), a tensor or array of class indices; or an iterable of batches; or None.

    Raises:
        InputError: shapes, types or values that no classifier can use.
    """
    if labels is None:
        pairs = [(torch.as_tensor(x), torch.as_tensor(y)) for x, y in _batches(images)]
        images, labels = [x for x, _ in pairs], [y for _, y in pairs]
    return _checked(_joined(images), _joined(labels))


def _batches(data: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(data, Tensor | np.ndarray):
        raise InputError("expected labels beside the images; give one class index per image")
    return data  # type: ignore[no-any-return]


def _joined(data: Any) -> Tensor:
    if isinstance(data, Tensor):
        return data.detach()
    if isinstance(data, np.ndarray):
        return torch.tensor(data)  # a copy, since arrays from files are often read-only
    parts = [torch.as_tensor(part).detach() for part in data]
    if not parts:
        raise InputError("expected at least one image, got none")
    return torch.cat(parts) if parts[0].ndim else torch.stack(parts)


def _checked(images: Tensor, labels: Tensor) -> tuple[Images, Labels]:
    if images.ndim != 4 or len(images) == 0:
        raise InputError(
            "expected images of shape (N, channels, height, width) with N >= 1, "
            f"got {tuple(images.shape)}"
        )
    if not images.is_floating_point():
        raise InputError(
            f"expected images as floats in [0, 1], got {images.dtype}; divide 8-bit images by 255"
        )
    if labels.shape != (len(images),) or labels.is_floating_point() or labels.dtype == torch.bool:
        raise InputError(
            f"expected {len(images)} integer labels, one per image, "
            f"got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    if not torch.isfinite(images).all():
        raise InputError("expected finite pixels, got images with nan or inf")
    return images, labels.long()


def title_of(kind: str, identity: Mapping[str, Any]) -> str:
    """A title such as "weight surface of resnet32 on cifar10", from what names model and data."""
    on = f" on {identity['dataset']}" if "dataset" in identity else ""
    return f"{kind} surface of {identity.get('model', 'a model')}{on}"


def grid_axis(name: str, values: ArrayLike, units: str, long_name: str) -> Axis:
    """An axis whose values that are zero but for rounding are exactly zero.

    Raises:
        InputError: the values are not a list of distinct finite numbers.
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the axis {name} needs a list of numbers, got {values!r:.60}") from error
    if numbers.ndim != 1:
        raise InputError(f"the axis {name} needs a list of numbers, got shape {numbers.shape}")
    if numbers.size:
        numbers = np.where(np.abs(numbers) < 1e-12 * np.abs(numbers).max(), 0.0, numbers)
    return Axis(name, numbers, units, long_name)
