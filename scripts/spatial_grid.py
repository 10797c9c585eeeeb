"""Spatial surfaces of several checkpoints on the same images, one HDF5 file each.

    python scripts/spatial_grid.py runs/standard/model.pt runs/worst10/model.pt --out surfaces

Stopped and started again, it goes on where it was. Edit the grid below, or import `compute`.
"""

import sys
from pathlib import Path

import numpy as np

import landscape
from landscape.cli.options import Files, refuse_none
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status

ROTATION = np.linspace(-30, 30, 31)  # degrees, counter-clockwise
SHIFT = np.linspace(-0.1, 0.1, 5)  # of the side; right and down


def compute(checkpoint: Path, images: int, out: Path, data_root: Path | None, seed: int) -> Path:
    """The surface of one checkpoint on images of the data set it was trained on."""
    loaded = landscape.load_checkpoint(checkpoint)
    data = landscape.load_dataset(loaded.trained_on, root=data_root)
    chosen = data.subset(images, generator=landscape.generator(seed, "images"))
    _, height, width = chosen.shape
    path = out / f"{checkpoint.resolve().parent.name}-spatial.h5"
    landscape.spatial_surface(
        loaded.model,
        chosen.images(),
        chosen.labels,
        rotation=ROTATION,
        shift_x=SHIFT * width,
        shift_y=SHIFT * height,
        out=path,
        progress=True,
        identity={"model": loaded.spec.name, "dataset": data.name, "split": data.split},
        image_ids=chosen.indices.tolist(),
        classes=chosen.classes,
    )
    return path


def main(
    checkpoints: Files,
    /,
    out: Path = Path("surfaces"),
    images: int = 8,
    data_root: Path | None = None,
    seed: int = 0,
) -> None:
    """Compute one spatial surface per checkpoint.

    Args:
        checkpoints: Checkpoints of `landscape train`.
        out: The folder for the surfaces, each named after its run's folder.
        images: How many images, drawn at random from the test split.
        data_root: The folder that holds the data set.
        seed: Of the draw of images; the same for all checkpoints.
    """
    refuse_none(checkpoints, "checkpoint")
    for checkpoint in checkpoints:
        print(compute(checkpoint, images, out, data_root, seed))


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
