from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from landscape.store import Axis, Constant, Field, Layout, SurfaceWriter

REACH = (30.0, 3.0, 2.0)
CLASSES = ("cat", "dog <b>x</b>", "%{x} $a$")
POSE = ("rotation", "shift_x", "shift_y")
NAMES = ("rotation", "shift right", "shift down")


def margins(poses: np.ndarray, images: int, seed: int = 0) -> np.ndarray:
    """Paraboloids, one per image: their tops and widths are drawn."""
    draws = np.random.default_rng(seed)
    centres, steep = draws.uniform(-0.3, 0.3, (images, 3)), draws.uniform(1, 9, images)
    return 4 - steep * (((poses / REACH)[:, None] - centres) ** 2).sum(axis=-1)


def in_parts(points: np.ndarray) -> list[np.ndarray]:
    return [part for part in np.array_split(points, 4) if len(part)]


def write_spatial(
    path: Path,
    images: int = 3,
    shape: Sequence[int] = (9, 5, 3),
    *,
    points: int | None = None,
    seed: int = 0,
    facts: dict[str, object] | None = None,
) -> Path:
    """A file of made-up spatial surfaces; unfinished if only so many points are to be written."""
    axes = [np.linspace(-r, r, n) if n > 1 else np.zeros(1) for r, n in zip(REACH, shape)]  # noqa: B905
    draws = np.random.default_rng(1)
    label = draws.integers(0, len(CLASSES), images)
    pixels = draws.integers(0, 256, (images, 1, 8, 8), dtype="uint8")
    layout = Layout(
        kind="spatial",
        points=tuple(
            Axis(name, values, unit, long)
            for name, values, unit, long in zip(
                POSE, axes, ("degree", "pixel", "pixel"), NAMES, strict=True
            )
        ),
        items=(Axis("image", 10 * np.arange(images) + 7, "1", "position"),),
        fields=(
            Field("loss", "float32", "nat", "cross-entropy"),
            Field("margin", "float32", "logit", "margin"),
            Field("prediction", "int32", "1", "predicted class"),
        ),
        constants=(
            Constant("label", ("image",), label, "true class"),
            Constant("pixels", ("image", "channel", "row", "column"), pixels, "the images"),
        ),
        configuration={"model": "m", "weights_sha256": "ab" * 32, "data_sha256": "cd" * 32}
        | {"convention": "landscape", "padding": "zeros"}
        | (facts or {}),
        about={"title": "a spatial <i>surface</i>", "classes": list(CLASSES), "provenance": {}},
    )
    with SurfaceWriter(path, layout) as writer:
        for part in in_parts(writer.pending()[:points]):
            margin = margins(layout.coordinates(part), images, seed)
            wrong = (label + 1) % len(CLASSES)
            values = {"loss": np.logaddexp(0, -margin), "margin": margin}
            writer.write(part, values | {"prediction": np.where(margin < 0, wrong, label)})
        if points is None:
            writer.finish({})
    return path


def write_weights(
    path: Path,
    function: Callable[..., np.ndarray],
    shape: Sequence[int] = (9, 7),
    *,
    path_of: np.ndarray | None = None,
    points: int | None = None,
    reach: float = 1.0,
    long: str = "{} <b>way</b>",
) -> Path:
    """A file of a made-up weight surface: a function of alpha, beta and gamma within a reach."""
    names = ("alpha", "beta", "gamma")[: len(shape)]
    axes = tuple(
        Axis(name, np.linspace(-reach, reach, n), "1", long.format(name))
        for name, n in zip(names, shape, strict=True)
    )
    constants = []
    if path_of is not None:
        columns = zip(names, path_of.T, strict=True)
        constants = [Constant(f"path_{n}", ("path",), c, f"path along {n}") for n, c in columns]
    layout = Layout(
        kind="weights",
        points=axes,
        fields=(
            Field("loss", "float64", "nat", "mean cross-entropy"),
            Field("loss_stderr", "float64", "nat", "its standard error"),
            Field("accuracy", "float64", "1", "share classified correctly"),
            Field("train_loss", "float64", "nat", "mean cross-entropy, train"),
        ),
        constants=tuple(constants),
        configuration={"model": "m", "directions": "trajectory"},
        about={"title": "a weight surface", "provenance": {}},
    )
    with SurfaceWriter(path, layout) as writer:
        for part in in_parts(writer.pending()[:points]):
            loss = np.asarray(function(*layout.coordinates(part).T), dtype=np.float64)
            values = {"loss": loss, "loss_stderr": 0.1 + 0 * loss, "train_loss": loss / 2}
            writer.write(part, values | {"accuracy": np.exp(-np.abs(loss))})
        if points is None:
            writer.finish({})
    return path


def bowl(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return 1 + a**2 + 2 * b**2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two spatial surfaces of the same images, s.h5 and t.h5, and weight surfaces by dimension."""
    folder = tmp_path_factory.mktemp("explored")
    write_spatial(folder / "s.h5")
    write_spatial(folder / "t.h5", seed=5)
    write_weights(folder / "plane.h5", bowl)
    write_weights(folder / "steep.h5", lambda a, b: 10 * bowl(a, b))
    write_weights(folder / "line.h5", lambda a: 1 + a**2, (9,))
    write_weights(folder / "volume.h5", lambda a, b, c: 1 + a + 3 * b + 9 * c**2, (5, 4, 3))
    return folder


@pytest.fixture
def make_spatial() -> Callable[..., Path]:
    return write_spatial


@pytest.fixture
def make_weights() -> Callable[..., Path]:
    return write_weights
