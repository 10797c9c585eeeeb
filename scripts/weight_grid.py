"""Weight surfaces of several checkpoints with the same seed and data, one HDF5 file each.

    python scripts/weight_grid.py runs/standard/model.pt runs/worst10/model.pt --out surfaces

With the same seed the random directions of two networks of one architecture are the same before
each is normalized to its own filters. Stopped and started again, it goes on where it was. Edit the
grid below, or import `compute`.
"""

import sys
from pathlib import Path

import numpy as np

import landscape
from landscape.cli.options import Files, refuse_none
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status

STEPS = np.linspace(-1, 1, 51)  # along each direction, in multiples of it


def compute(checkpoint: Path, samples: int, out: Path, data_root: Path | None, seed: int) -> Path:
    """The plane around one checkpoint, on the data set it was trained on."""
    loaded = landscape.load_checkpoint(checkpoint)
    data = landscape.load_dataset(loaded.trained_on, root=data_root)
    chosen = data.subset(samples, generator=landscape.generator(seed, "images"))
    path = out / f"{checkpoint.resolve().parent.name}-weights.h5"
    landscape.weight_surface(
        loaded.model,
        chosen.images(),
        chosen.labels,
        alpha=STEPS,
        beta=STEPS,
        seed=seed,
        out=path,
        progress=True,
        identity={"model": loaded.spec.name, "dataset": data.name, "split": data.split},
    )
    return path


def main(
    checkpoints: Files,
    /,
    out: Path = Path("surfaces"),
    samples: int = 1000,
    data_root: Path | None = None,
    seed: int = 0,
) -> None:
    """Compute one weight surface per checkpoint.

    Args:
        checkpoints: Checkpoints of `landscape train`.
        out: The folder for the surfaces, each named after its run's folder.
        samples: How many images the loss is a mean over, drawn from the test split.
        data_root: The folder that holds the data set.
        seed: Of the directions and of the draw of images.
    """
    refuse_none(checkpoints, "checkpoint")
    for checkpoint in checkpoints:
        print(compute(checkpoint, samples, out, data_root, seed))


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
