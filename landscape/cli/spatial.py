"""`landscape spatial`: a surface over rotations and shifts."""

from pathlib import Path

import tyro

from landscape.cli.options import (
    ComputeOptions,
    DataOptions,
    ModelOptions,
    OptionalRange,
    identity_of,
    spaced,
)
from landscape.cli.output import say
from landscape.cli.together import together


def spatial(
    checkpoint: tyro.conf.Positional[Path],
    /,
    out: Path,
    images: int = 8,
    rotation: OptionalRange = None,
    shift_x: OptionalRange = None,
    shift_y: OptionalRange = None,
    convention: str = "landscape",
    padding: str = "zeros",
    seed: int = 0,
    overwrite: bool = False,
    model: ModelOptions = ModelOptions(),
    data: DataOptions = DataOptions(),
    compute: ComputeOptions = ComputeOptions(),
) -> None:
    """Loss, margin and prediction of images over a grid of rotations and shifts.

    A file that holds a part of this surface is completed; Ctrl-C and kill lose nothing. On several
    GPUs or machines: torchrun --nproc-per-node 8 -m landscape spatial ...

    Args:
        checkpoint: A checkpoint of `landscape train`, or weights from elsewhere (see --model).
        out: The HDF5 file to write.
        images: How many images, drawn at random from the split.
        rotation: Degrees counter-clockwise as displayed; by default -30 30 31.
        shift_x: Pixels to the right; by default 5 values within 10 % of the width.
        shift_y: Pixels down; by default 5 values within 10 % of the height.
        convention: How a pose is applied: landscape (rotate about the centre, then shift, one
            bilinear pass), engstrom-tf or spatial-pytorch (as the papers' codes do it).
        padding: What lies outside the image: zeros, border or reflect.
        seed: Of the draw of images.
        overwrite: Replace whatever file is there, once the new one is whole.
        model: Which network.
        data: Which images.
        compute: Where and how.
    """
    from landscape.api import spatial_surface
    from landscape.files import refuse_loss
    from landscape.rng import generator

    with together() as group:
        refuse_loss(out, [checkpoint])
        loaded = model.load(checkpoint)
        chosen = data.load(loaded).subset(images, generator=generator(seed, "images"))
        spatial_surface(
            loaded.model,
            chosen.images(),
            chosen.labels,
            rotation=rotation and spaced(*rotation),
            shift_x=shift_x and spaced(*shift_x),
            shift_y=shift_y and spaced(*shift_y),
            convention=convention,
            padding=padding,
            **compute.arguments(),
            out=out,
            overwrite=overwrite,
            progress=True,
            group=group,
            identity={**identity_of(loaded, chosen), "seed": seed},
            image_ids=chosen.indices.tolist(),
            classes=chosen.classes,
        )
        if group.leads:
            say(f"{out}: {len(chosen)} images; next: landscape plot {out}, landscape info {out}")
