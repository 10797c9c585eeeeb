"""`landscape weights`: a surface around trained weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from landscape.cli.options import (
    ComputeOptions,
    DataOptions,
    ModelOptions,
    OptionalRange,
    Several,
    Unset,
    identity_of,
    spaced,
)
from landscape.cli.output import say
from landscape.cli.together import together
from landscape.errors import InputError
from landscape.text import checkpoint_names

if TYPE_CHECKING:
    from torch import nn

POINTS = {1: 51, 2: 51, 3: 21}  # along each axis


def weights(
    checkpoint: tyro.conf.Positional[Path],
    /,
    out: Path,
    samples: int = 1000,
    dimensions: Literal[1, 2, 3] = 2,
    points: Unset[int] = None,
    alpha: OptionalRange = None,
    beta: OptionalRange = None,
    gamma: OptionalRange = None,
    directions: tuple[str, ...] = ("random",),
    checkpoints: Several[Path] = (),
    normalization: Unset[str] = None,
    ignore: Unset[str] = None,
    orthogonal: bool = False,
    fields: tuple[str, ...] = ("accuracy",),
    beside: Several[str] = (),
    tolerance: Unset[float] = None,
    budget: Unset[int] = None,
    bn: Unset[str] = None,
    attack: Unset[str] = None,
    attack_at: Literal["center", "point"] = "center",
    clean_too: bool = False,
    seed: int = 0,
    overwrite: bool = False,
    model: ModelOptions = ModelOptions(),
    data: DataOptions = DataOptions(),
    compute: ComputeOptions = ComputeOptions(),
) -> None:
    """Loss, accuracy and more on a line, plane or volume through the weights of a network.

    A file that holds a part of this surface is completed; Ctrl-C and kill lose nothing. On several
    GPUs or machines: torchrun --nproc-per-node 8 -m landscape weights ...

    Args:
        checkpoint: A checkpoint of `landscape train`, or weights from elsewhere (see --model).
        out: The HDF5 file to write.
        samples: How many images the loss is a mean over, drawn at random from the split; 0 for all.
        dimensions: 1 for a line, 2 for a plane, 3 for a volume.
        points: Along each axis that is not given; 51, or 21 for a volume.
        alpha: Steps along the first direction; by default over the range that suits it: -1 to 1,
            past both networks of a line, all of a trajectory.
        beta: Steps along the second direction.
        gamma: Steps along the third direction.
        directions: random, gradient, hessian or ggn (eigenvectors), models (towards other networks)
            or trajectory (principal components of --checkpoints); or a file: a weight surface, to
            use its directions again, or one of Li et al. One for all axes, or one for each.
        checkpoints: For models, one other network for each axis; for trajectory, all of the path
            in order, or the folder that holds them, such as runs/digits/epochs.
        normalization: filter, layer, weight or none; filter for random directions by default, none
            for others.
        ignore: biasbn keeps biases and BatchNorm parameters at rest, as by default for random
            directions; none moves all.
        orthogonal: Take from every direction its parts along the earlier ones.
        fields: What is measured beside the loss: accuracy, gradient_norm, hessian (smallest and
            largest eigenvalue; slow).
        beside: Further splits, such as train, measured as they are beside this one; BatchNorm
            statistics are then recomputed on train.
        tolerance: Measure only where interpolation errs more than this share of the loss's range
            (of log(1 + loss)), e.g. 0.01; all points of the grid by default.
        budget: Measure so many points at most, where interpolation errs most; nine along each axis
            are always measured.
        bn: BatchNorm statistics: frozen as trained, or recompute at every point, as by default
            between models and along trajectories.
        attack: Measure the loss under an attack, as landscape evaluate takes it: fgsm, pgd,
            pgd:eps=4/255, stadv-bounded, worst-of-10, ...
        attack_at: The images are attacked once, on the trained network (center), or anew at every
            point, on the network there (point).
        clean_too: Beside an attack, measure the images as they are.
        seed: Of the directions, the attack and the draw of images.
        overwrite: Replace whatever file is there, once the new one is whole.
        model: Which network.
        data: Which images.
        compute: Where and how.
    """
    from landscape.api import weight_surface
    from landscape.files import refuse_loss
    from landscape.rng import generator
    from landscape.store import WEIGHT_AXES

    with together() as group:
        refuse_loss(out, [checkpoint, *checkpoints])
        ranges = dict(zip(WEIGHT_AXES, (alpha, beta, gamma), strict=True))
        grids = _grids(ranges, dimensions, points)
        loaded = model.load(checkpoint)
        draws = generator(seed, "images")
        chosen = data.load(loaded).subset(samples or None, generator=draws)
        others = {
            split: data.load(loaded, split=split).subset(
                samples or None, generator=generator(seed, "images", split)
            )
            for split in beside
        }
        weight_surface(
            loaded.model,
            chosen.images(),
            chosen.labels,
            **grids,
            directions=directions[0] if len(directions) == 1 else directions,
            checkpoints=_read(checkpoints, model),
            seed=seed,
            normalization=normalization,
            ignore=ignore,
            orthogonal=orthogonal,
            fields=None if fields == ("accuracy",) else fields,
            others={split: (images.images(), images.labels) for split, images in others.items()},
            tolerance=tolerance,
            budget=budget,
            bn=bn,
            attack=attack,
            attack_at=attack_at,
            clean_too=clean_too,
            **compute.arguments(),
            out=out,
            overwrite=overwrite,
            progress=True,
            group=group,
            identity=identity_of(loaded, chosen),
        )
        if group.leads:
            shown = f"landscape plot {out}, landscape info {out}"
            say(f"{out}: mean over {len(chosen)} images; next: {shown}")


def _grids(
    ranges: Mapping[str, tuple[float, float, int] | None], dimensions: int, points: int | None
) -> dict[str, Any]:
    """The values along each axis, or how many where no range is given; None for no axis."""
    if points is not None and None not in list(ranges.values())[:dimensions]:
        raise InputError("--points is of axes without a range, and all have one; leave it out")
    count = POINTS[dimensions] if points is None else points
    grids: dict[str, Any] = dict.fromkeys(ranges)
    for number, (axis, ends) in enumerate(ranges.items(), 1):
        if number <= dimensions:
            grids[axis] = count if ends is None else spaced(*ends)
        elif ends is not None:
            raise InputError(f"--{axis} goes with at least {number} dimensions, got {dimensions}")
    return grids


def _read(paths: Sequence[Path], model: ModelOptions) -> "dict[str, nn.Module]":
    """Checkpoints by name: of the file, or of its folder where all files are called alike."""
    files = [file for path in paths for file in _files(path)]
    names = checkpoint_names(files)
    if len(set(names)) < len(names):
        names = [f"{file.parent.name}/{file.stem}" for file in files]
    if len(set(names)) < len(names):
        raise InputError("expected different checkpoints, got files of the same name and folder")
    return {name: model.load(file).model for name, file in zip(names, files, strict=True)}


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(
        file for file in path.iterdir() if file.suffix in (".pt", ".pth", ".safetensors")
    )
    if not found:
        raise InputError(f"expected checkpoints in {path}, got none; give files, or another folder")
    return found
