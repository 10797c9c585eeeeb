"""`landscape weights`: a surface around trained weights."""

from pathlib import Path
from typing import Literal

import tyro

from landscape.cli.options import (
    ComputeOptions,
    DataOptions,
    ModelOptions,
    Range,
    Unset,
    identity_of,
    spaced,
)
from landscape.cli.output import say

DEFAULT = (-1.0, 1.0, 51)


def weights(
    checkpoint: tyro.conf.Positional[Path],
    /,
    out: Path,
    samples: int = 1000,
    dimensions: Literal[1, 2] = 2,
    alpha: Range = DEFAULT,
    beta: Range = DEFAULT,
    directions: str = "random",
    normalization: str = "filter",
    ignore: str = "biasbn",
    bn: str = "frozen",
    attack: Unset[str] = None,
    attack_at: Literal["center", "point"] = "center",
    seed: int = 0,
    overwrite: bool = False,
    model: ModelOptions = ModelOptions(),
    data: DataOptions = DataOptions(),
    compute: ComputeOptions = ComputeOptions(),
) -> None:
    """Loss and accuracy on a line or plane of filter-normalized directions through the weights.

    A file that holds a part of this surface is completed; Ctrl-C and kill lose nothing.

    Args:
        checkpoint: A checkpoint of `landscape train`, or weights from elsewhere (see --model).
        out: The HDF5 file to write.
        samples: How many images the loss is a mean over, drawn at random from the split; 0 for all.
        dimensions: 1 for a line, 2 for a plane.
        alpha: Steps along the first direction.
        beta: Steps along the second direction.
        directions: random, or the file of a weight surface to use its directions again, e.g. on a
            finer or wider grid.
        normalization: Of random directions: filter, layer, weight or none.
        ignore: biasbn keeps biases and BatchNorm parameters at rest; none moves all.
        bn: BatchNorm statistics: frozen as trained, or recompute at every point.
        attack: Measure the loss under an attack, as landscape evaluate takes it: fgsm, pgd,
            pgd:eps=4/255, stadv-bounded, worst-of-10, ...
        attack_at: The images are attacked once, on the trained network (center), or anew at every
            point, on the network there (point).
        seed: Of the directions, the attack and the draw of images.
        overwrite: Replace whatever file is there.
        model: Which network.
        data: Which images.
        compute: Where and how.
    """
    from landscape.api import weight_surface
    from landscape.rng import generator

    loaded = model.load(checkpoint)
    chosen = data.load(loaded).subset(samples or None, generator=generator(seed, "images"))
    weight_surface(
        loaded.model,
        chosen.images(),
        chosen.labels,
        alpha=spaced(*alpha),
        beta=spaced(*beta) if dimensions == 2 else None,
        directions=directions,
        seed=seed,
        normalization=normalization,
        ignore=ignore,
        bn=bn,
        attack=attack,
        attack_at=attack_at,
        **compute.arguments(),
        out=out,
        overwrite=overwrite,
        progress=True,
        identity=identity_of(loaded, chosen),
    )
    say(f"{out}: mean over {len(chosen)} images; next: landscape plot {out}, landscape info {out}")
