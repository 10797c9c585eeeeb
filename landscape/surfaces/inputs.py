"""From what a user hands over as data and grid to checked tensors and axes."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from landscape.errors import InputError
from landscape.store import Axis
from landscape.typing import Images, Inputs, Labels, Targets


def gather(images: Any, labels: Any = None) -> tuple[Images, Labels]:
    """Images and labels as two tensors.

    Args:
        images: (N, C, H, W), a tensor or array of floats; or an iterable of batches, of
            (images, labels) pairs where `labels` is None.
        labels: (N,), a tensor or array of class indices; or an iterable of batches; or None.

    Raises:
        InputError: shapes, types or values that no classifier can use.
    """
    return _checked(*_tensors(images, labels))


def gather_any(inputs: Any, targets: Any = None) -> tuple[Inputs, Targets]:
    """Inputs and targets of any kind as two tensors, a row per example.

    Args:
        inputs: (N, ...), a tensor or array; or an iterable of batches, of (inputs, targets) pairs
            where `targets` is None.
        targets: (N, ...), a tensor or array; or an iterable of batches; or None.

    Raises:
        InputError: there is none, or not as many of the one as of the other, or inputs that are not
            finite.
    """
    inputs, targets = _tensors(inputs, targets)
    if inputs.ndim == 0 or targets.ndim == 0 or not 0 < len(inputs) == len(targets):
        raise InputError(
            "expected inputs and targets with one row per example, at least one, "
            f"got shapes {tuple(inputs.shape)} and {tuple(targets.shape)}"
        )
    if inputs.is_floating_point() and not torch.isfinite(inputs).all():
        raise InputError("expected finite inputs, got nan or inf among them")
    return inputs, targets


def _tensors(inputs: Any, targets: Any) -> tuple[Tensor, Tensor]:
    if targets is None:
        pairs = [_pair(batch) for batch in _batches(inputs)]
        inputs, targets = [x for x, _ in pairs], [y for _, y in pairs]
    return _joined(inputs), _joined(targets)


def _batches(data: Any) -> Iterable[Any]:
    if isinstance(data, Tensor | np.ndarray):
        raise InputError(
            "expected labels beside the images, or targets beside the inputs; give one per example"
        )
    try:
        return iter(data)  # type: ignore[no-any-return]
    except TypeError as error:
        raise InputError(
            f"expected tensors, arrays or an iterable of batches, got {type(data).__name__}"
        ) from error


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise InputError(
            f"expected batches of two, inputs and targets, got {type(batch).__name__}; "
            "give inputs and targets apart, or a DataLoader of pairs"
        )
    return _tensor(batch[0]), _tensor(batch[1])


def _tensor(data: Any) -> Tensor:
    try:
        return torch.tensor(data) if isinstance(data, np.ndarray) else torch.as_tensor(data)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"expected tensors or arrays of numbers, got {type(data).__name__}: {error}"
        ) from error


def _joined(data: Any) -> Tensor:
    if isinstance(data, Tensor):
        return data.detach()
    if isinstance(data, np.ndarray):
        return _tensor(data)  # a copy, since arrays from files are often read-only
    parts = [_tensor(part).detach() for part in _batches(data)]
    if not parts:
        raise InputError("expected at least one example, got none")
    if len({part.shape[1:] for part in parts}) > 1:
        shapes = ", ".join(sorted({str(tuple(part.shape[1:])) for part in parts}))
        raise InputError(f"expected examples of one shape, got {shapes}; pad or resize them")
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


def title_of(what: str, identity: Mapping[str, Any], *, nameless: str = "a model") -> str:
    """A title such as "weight surface of resnet32 on cifar10", from what names model and data."""
    on = f" on {identity['dataset']}" if "dataset" in identity else ""
    return f"{what} of {identity.get('model', nameless)}{on}"


def point_count(name: str, grid: Any) -> int | None:
    """How many points a user wants along an axis; none where coordinates are given instead.

    Raises:
        InputError: it is less than one.
    """
    if not isinstance(grid, int | np.integer) or isinstance(grid, bool):
        return None
    if grid < 1:
        raise InputError(f"expected at least one point along {name}, got {grid}")
    return int(grid)


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
