"""What the arrays in a surface file of Li et al. 2018 mean, and the same values in our terms.

Their arrays are allocated as (x, y) but filled in the order of a mesh whose rows are y and whose
columns are x, so they are read by their order in memory. A missing value is -1; in `min_eig`, which
may be negative, it is 1, where `max_eig` is -1.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Shaped

MISSING = -1.0
PERCENT = 100.0
SPLITS = ("train", "test")
WORDS = {
    "loss": ("nat", "mean loss"),
    "accuracy": ("1", "share of images classified correctly"),
    **{f"{split}_loss": ("nat", f"mean loss on the {split} images") for split in SPLITS},
    **{f"{split}_accuracy": ("1", f"accuracy on the {split} images") for split in SPLITS},
    "hessian_min": ("nat", "smallest eigenvalue of the Hessian"),
    "hessian_max": ("nat", "largest eigenvalue of the Hessian"),
}
"""Units and a few words for our fields."""

Arrays = Mapping[str, Shaped[np.ndarray, "..."]]
"""In their names and layout."""
Fields = Mapping[str, Float[np.ndarray, "..."]]
"""In our names, over (alpha) or (alpha, beta)."""


def names_of(split: str) -> dict[str, str]:
    """Our names of their arrays; `loss` is that of the "train" or of the "test" images."""
    other = "test" if split == "train" else "train"
    return {
        f"{split}_loss": "loss",
        f"{split}_acc": "accuracy",
        f"{other}_loss": f"{other}_loss",
        f"{other}_acc": f"{other}_accuracy",
        "min_eig": "hessian_min",
        "max_eig": "hessian_max",
    }


def to_fields(arrays: Arrays, split: str, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Their values in our terms: accuracies as shares, nan where a value is missing.

    Args:
        arrays: theirs, each of as many values as the grid has points.
        split: see `names_of`.
        shape: of the grid, (alpha) or (alpha, beta).
    """
    grids = {name: _upright(arrays[name], shape) for name in names_of(split) if name in arrays}
    fields = {}
    for name, grid in grids.items():
        gone = grids.get("max_eig", np.zeros(1)) if name == "min_eig" else grid
        factor = PERCENT if name.endswith("_acc") else 1.0
        fields[names_of(split)[name]] = np.where(gone == MISSING, np.nan, grid / factor)
    return fields


def to_arrays(fields: Fields, split: str, done: Bool[np.ndarray, "..."]) -> dict[str, np.ndarray]:
    """Our values in their terms, those that have a name there; the inverse of `to_fields`."""
    arrays = {}
    for name, ours in names_of(split).items():
        if ours not in fields:
            continue
        factor = PERCENT if name.endswith("_acc") else 1.0
        gone = -MISSING if name == "min_eig" else MISSING
        grid = np.where(done, fields[ours] * factor, np.asarray(gone, fields[ours].dtype))
        arrays[name] = grid.T.ravel().reshape(done.shape)
    return arrays


def computed(arrays: Arrays, split: str, shape: tuple[int, ...]) -> Bool[np.ndarray, "..."]:
    """The points of the grid whose loss is there."""
    return np.asarray(_upright(arrays[f"{split}_loss"], shape) != MISSING)


def lost(before: Arrays, after: Arrays) -> tuple[str, ...]:
    """The names of the arrays that are not the same, bit for bit, after a way there and back."""
    return tuple(
        name
        for name, array in before.items()
        if name not in after
        or array.dtype != after[name].dtype
        or not np.array_equal(array, after[name], equal_nan=True)
    )


def _upright(array: Shaped[np.ndarray, "..."], shape: tuple[int, ...]) -> np.ndarray:
    """Their array over our axes, as floating-point numbers."""
    array = array if array.dtype.kind == "f" else array.astype(np.float64)
    return array.ravel().reshape(shape[::-1]).T
