import json
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

AXES = ("alpha", "beta", "gamma")
X, Y, Z = np.linspace(-1, 1, 9), np.linspace(-0.5, 2, 7), np.linspace(0, 1, 5)


def bowl(a, b=0.0, c=0.0):
    """Different at every point, lowest at (0.5, 0)."""
    return 1 + (a - 0.5) ** 2 + 2 * b**2 + 0.1 * a * b + c


def surface_of(
    function: Callable[..., np.ndarray] = bowl, axes: tuple[np.ndarray, ...] = (X, Y)
) -> xr.Dataset:
    """A weight surface in memory, as `load_surface` gives it."""
    dims = AXES[: len(axes)]
    loss = np.asarray(function(*np.meshgrid(*axes, indexing="ij")), dtype=np.float64)
    return xr.Dataset(
        {
            "loss": (dims, loss, {"units": "nat", "long_name": "mean cross-entropy"}),
            "accuracy": (dims, 1 / (1 + loss**2), {"units": "1", "long_name": "accuracy"}),
            "gradient_norm": (dims, np.sqrt(np.abs(loss)).astype("float32")),
            "done": (dims, np.ones(loss.shape, "int8")),
        },
        coords=dict(zip(dims, axes, strict=True)),
        attrs={
            "kind": "weights",
            "title": "plane of a <cnn> & more",
            "items": "[]",
            "complete": 1,
            "configuration": json.dumps({"seed": 0}),
            "provenance": json.dumps({"commit": "0123abc"}),
        },
    )


def with_path(data: xr.Dataset, *places: tuple[float, ...]) -> xr.Dataset:
    """With a path through these places, each a tenth further off the plane."""
    columns = {
        f"path_{axis}": ("path", np.array(column))
        for axis, column in zip(data.done.dims, zip(*places, strict=True), strict=True)
    }
    columns["path_residual"] = ("path", np.arange(len(places)) / 10)
    names = json.dumps([f"epoch {i}, last" for i in range(len(places))])
    return data.assign(columns).assign_attrs(path_names=names)


@pytest.fixture
def make() -> Callable[..., xr.Dataset]:
    return surface_of


@pytest.fixture
def walk() -> Callable[..., xr.Dataset]:
    return with_path
