import json
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt

from landscape.store.refine import Lattice, wanted

POSE = ("rotation", "shift_x", "shift_y")
CLASSES = ["zero", "one", "two", "three"]
ABOUT = {
    "complete": 1,
    "model": "cnn",
    "configuration": json.dumps({"samples": 100}),
    "provenance": json.dumps({"commit": "0123abc", "created": "2026-01-01T00:00:00+00:00"}),
    "checks": "[]",
    "seed": np.int64(0),
}


@pytest.fixture(autouse=True)
def _nothing_global_is_touched():
    """No figure is left in pyplot, and neither backend nor settings of the user are changed."""
    before = dict(mpl.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def spatial_surface(
    images: int = 2,
    shape: tuple[int, int, int] = (9, 5, 3),
    *,
    size: tuple[int, int] = (8, 8),
    channels: int = 1,
    factor: float = 1.0,
    pixels: bool = True,
) -> xr.Dataset:
    """Per image a logistic loss whose margin falls off quadratically from a pose of its own."""
    rng = np.random.default_rng(0)
    reach = (30.0, 3.0, 2.0)
    axes = [
        np.linspace(-r, r, n) if n > 1 else np.zeros(1) for r, n in zip(reach, shape, strict=True)
    ]
    grids = np.meshgrid(*axes, indexing="ij")
    centres = rng.uniform(-0.3, 0.3, (images, 3)) * reach
    margin = np.stack(
        [
            4 - sum(6 * ((g - c) / r) ** 2 for g, c, r in zip(grids, row, reach, strict=True))
            for row in centres
        ]
    )
    label = rng.integers(0, len(CLASSES), images)
    wrong = ((label + 1) % len(CLASSES))[:, None, None, None]
    right = label[:, None, None, None]
    dims = ("image", *POSE)
    units = dict(zip(POSE, ("degree", "pixel", "pixel"), strict=True))
    names = dict(zip(POSE, ("rotation", "shift right", "shift down"), strict=True))
    data = xr.Dataset(
        {
            "loss": (dims, (factor * np.logaddexp(0, -margin)).astype("float32")),
            "margin": (dims, margin.astype("float32")),
            "prediction": (dims, np.where(margin < 0, wrong, right).astype("int32")),
            "done": (POSE, np.ones(shape, "int8")),
            "label": ("image", label),
        },
        coords={"image": 10 * np.arange(images) + 7}
        | {
            a: (a, v, {"units": units[a], "long_name": names[a]})
            for a, v in zip(POSE, axes, strict=True)
        },
        attrs={"kind": "spatial", "title": "cnn on digits", "classes": json.dumps(CLASSES)}
        | {"convention": "landscape", "padding": "zeros"}
        | ABOUT,
    )
    data["loss"].attrs.update(units="nat", long_name="cross-entropy loss")
    if pixels:
        values = rng.integers(0, 256, (images, channels, *size), dtype="uint8")
        data["pixels"] = (("image", "channel", "row", "column"), values)
    return data


def weight_surface(
    function: Callable[..., np.ndarray], shape: tuple[int, ...] = (41, 41)
) -> xr.Dataset:
    """A function of alpha (and beta and gamma) on [-1, 1]."""
    axes = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape]
    loss = np.asarray(function(*np.meshgrid(*axes, indexing="ij")), dtype=np.float64)
    dims = ("alpha", "beta", "gamma")[: len(shape)]
    data = xr.Dataset(
        {
            "loss": (dims, loss, {"units": "nat", "long_name": "cross-entropy loss"}),
            "accuracy": (dims, np.full(shape, 0.75), {"units": "1", "long_name": "accuracy"}),
            "loss_stderr": (dims, np.full(shape, 0.1)),
            "accuracy_stderr": (dims, np.full(shape, 0.02)),
            "done": (dims, np.ones(shape, "int8")),
        },
        coords={
            name: (name, values, {"units": "1"}) for name, values in zip(dims, axes, strict=True)
        },
        attrs={"kind": "weights", "title": "plane of a cnn"} | ABOUT,
    )
    return data


def with_done(data: xr.Dataset, done: np.ndarray) -> xr.Dataset:
    """The file of a sweep that got no further than `done`."""
    data = data.copy(deep=True)
    data["done"] = (data["done"].dims, done.astype("int8"))
    for name in ("loss", "margin", "accuracy", "loss_stderr", "accuracy_stderr"):
        if name in data:
            data[name] = data[name].where(data["done"] == 1)
    data.attrs["complete"] = 0
    return data


@pytest.fixture
def make_spatial() -> Callable[..., xr.Dataset]:
    return spatial_surface


@pytest.fixture
def make_weights() -> Callable[..., xr.Dataset]:
    return weight_surface


@pytest.fixture
def make_adaptive() -> Callable[..., xr.Dataset]:
    return adaptive_surface


@pytest.fixture
def stop_at() -> Callable[..., xr.Dataset]:
    return with_done


def _bowl(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return 1 + a**2 + b**2


def _patches(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    loss = _bowl(a, b)
    loss[a + b > 1.5] = np.inf
    loss[a + b < -1.5] = np.nan
    return loss


def _unfinished(data: xr.Dataset, stride: int) -> xr.Dataset:
    done = np.zeros(data["done"].shape)
    done[np.ix_(*(np.arange(n // 2 % stride, n, stride) for n in done.shape))] = 1
    return with_done(data, done)


def adaptive_surface(data: xr.Dataset, tolerance: float = 0.02) -> xr.Dataset:
    """What a sweep by tolerance would have left of a surface."""
    lattice = Lattice(tuple(data[axis].values for axis in data["done"].dims))
    known = np.zeros(lattice.shape, dtype=bool)
    while len(batch := wanted(lattice, data["loss"].values, known, tolerance)):
        known.flat[batch] = True
    data = with_done(data, known)
    chosen = {"tolerance": tolerance, "budget": None, "points": int(known.sum()), "error": 0.01}
    return data.assign_attrs(complete=1, adaptive=json.dumps(chosen))


SURFACES: dict[str, Callable[[], xr.Dataset]] = {
    "bowl": lambda: weight_surface(_bowl),
    "ragged plane": lambda: weight_surface(_bowl, (7, 12)),
    "saddle": lambda: weight_surface(lambda a, b: a**2 - b**2),
    "six decades": lambda: weight_surface(lambda a, b: 10 ** (3 * (a**2 + b**2) - 2)),
    "zeros": lambda: weight_surface(lambda a, b: np.clip(_bowl(a, b) - 1.5, 0, None)),
    "constant": lambda: weight_surface(lambda a, b: 0 * a + 2.3),
    "spike": lambda: weight_surface(lambda a, b: _bowl(a, b) + 99 * ((a == 0) & (b == 0))),
    "patches": lambda: weight_surface(_patches),
    "all nan": lambda: weight_surface(lambda a, b: 0 * a + np.nan),
    "all inf": lambda: weight_surface(lambda a, b: 0 * a + np.inf),
    "unfinished plane": lambda: _unfinished(weight_surface(_bowl), 4),
    "one row": lambda: weight_surface(_bowl, (9, 1)),
    "one point": lambda: weight_surface(_bowl, (1, 1)),
    "line": lambda: weight_surface(lambda a: 1 + a**2, (21,)),
    "line of decades": lambda: weight_surface(lambda a: np.exp(9 * np.abs(a)), (21,)),
    "broken line": lambda: weight_surface(lambda a: np.where(a > 0.5, np.inf, 1 + a), (21,)),
    "unfinished line": lambda: _unfinished(weight_surface(lambda a: 1 + a**2, (21,)), 2),
    "adaptive plane": lambda: adaptive_surface(weight_surface(_bowl)),
    "adaptive patches": lambda: adaptive_surface(weight_surface(_patches, (41, 30))),
    "adaptive line": lambda: adaptive_surface(weight_surface(lambda a: np.exp(4 * a), (51,))),
    "images": spatial_surface,
    "one image": lambda: spatial_surface(1),
    "many images": lambda: spatial_surface(10, (3, 3, 2)),
    "wide colour images": lambda: spatial_surface(2, size=(6, 11), channels=3),
    "no pixels": lambda: spatial_surface(1, pixels=False),
    "foreign poses": lambda: spatial_surface(1).assign_attrs(convention="engstrom-tf"),
    "rotations only": lambda: spatial_surface(1, (9, 1, 1)),
    "one pose": lambda: spatial_surface(1, (1, 1, 1)),
    "huge losses": lambda: spatial_surface(1, factor=1e4),
    "unfinished images": lambda: _unfinished(spatial_surface(1), 2),
    "only the centre": lambda: _unfinished(spatial_surface(1), 16),
}


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> xr.Dataset:
    """Every kind of surface a plot may meet, one after the other."""
    return SURFACES[request.param]()
