"""One training seen from every side of weight space, as surfaces and figures.

    landscape train --dataset digits --model cnn --keep-every 1 --out runs/a
    landscape train --dataset digits --model cnn --seed 1 --out runs/b
    python scripts/weight_space.py runs/a --other runs/b --out results/weight-space

Writes, and stopped and started again goes on with,
trajectory.h5  the plane of the training's first two principal components, with its path,
convexity.h5   a random plane with the ends of the Hessian's spectrum at every point,
sharpest.h5    the plane of the Hessian's two top eigenvectors,
volume.h5      the loss along three random directions,
between.h5     the line to the other network, train and test data side by side,
and their figures. Edit the grids below.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tyro
import xarray as xr

import landscape
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.data import ImageSet
from landscape.models import Checkpoint

PLANE, MAP, VOLUME, LINE = 25, 15, 9, 31  # points along each direction
NEAR = np.linspace(-0.5, 0.5, MAP)  # where the Hessian is looked at


def surfaces(run: Path, other: Path | None) -> dict[str, dict[str, Any]]:
    """What is measured, by file name, as options of `landscape.weight_surface`."""
    epochs = sorted((run / "epochs").glob("*.pt"))
    found: dict[str, dict[str, Any]] = {
        "convexity": {"alpha": NEAR, "beta": NEAR, "fields": ["accuracy", "hessian"]},
        "sharpest": {"alpha": PLANE, "beta": PLANE, "directions": "hessian"},
        "volume": {"alpha": VOLUME, "beta": VOLUME, "gamma": VOLUME},
    }
    if len(epochs) > 2:
        found["trajectory"] = {"alpha": PLANE, "beta": PLANE, "directions": "trajectory"}
        found["trajectory"]["checkpoints"] = epochs
    if other is not None:
        found["between"] = {"alpha": LINE, "beta": None, "directions": "models"}
        found["between"]["checkpoints"] = {other.name: other / "model.pt"}
    return found


def sample(loaded: Checkpoint, split: str, count: int, root: Path | None, seed: int) -> ImageSet:
    """The images of a split that the loss is a mean over."""
    data = landscape.load_dataset(loaded.trained_on, root=root, split=split)
    return data.subset(min(count, len(data)), generator=landscape.generator(seed, "images", split))


def measure(
    loaded: Checkpoint, test: ImageSet, train: ImageSet, options: Mapping[str, Any], out: Path
) -> xr.Dataset:
    """One surface."""
    few = slice(0, 100 if "fields" in options else None)  # a Hessian is dear
    return landscape.weight_surface(
        loaded.model,
        test.images(few),
        test.labels[few],
        **options,
        others={"train": (train.images(), train.labels)} if out.stem == "between" else None,
        out=out,
        progress=True,
        identity={"model": loaded.spec.name, "dataset": test.name, "split": test.split},
    )


def main(
    run: tyro.conf.Positional[Path],
    /,
    other: Path | None = None,
    out: Path = Path("results/weight-space"),
    samples: int = 500,
    data_root: Path | None = None,
    seed: int = 0,
    formats: tuple[str, ...] = ("png", "pdf", "html"),
) -> None:
    """Measure and draw all surfaces of one training.

    Args:
        run: The folder of a training, with its epochs if it kept them.
        other: That of another training of the same network.
        out: The folder for surfaces and figures.
        samples: How many images the loss is a mean over.
        data_root: The folder that holds the data set.
        seed: Of the draw of images.
        formats: Of the figures.
    """
    loaded = landscape.load_checkpoint(run / "model.pt")
    test = sample(loaded, "test", samples, data_root, seed)
    train = sample(loaded, "train", samples, data_root, seed)
    for name, options in surfaces(run, other).items():
        data = measure(loaded, test, train, options, out / f"{name}.h5")
        for path in landscape.write_plots(data, stem=out / name, formats=formats):
            print(path)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
