r"""How high is the loss between two trained networks: along the line, and along a trained curve?

    python scripts/mode_connectivity.py runs/a/model.pt runs/b/model.pt --out results/curve
    python scripts/mode_connectivity.py runs/a/model.pt runs/b/model.pt --out results/curve \
        --budget laptop --data-root ~/data --precision bf16

After Garipov et al. 2018, "Loss surfaces, mode connectivity, and fast ensembling of DNNs". The two
checkpoints are of one architecture and data set. Stopped and started again, it goes on where it
was. Writes curve.pt, a surface along the line and one along the curve, the same with the BatchNorm
statistics of the first network, the plane through both networks and the control point, tables.md,
and the figure of the plane.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
import xarray as xr

import landscape
from landscape.api.curve import curve_surface
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.data import ImageSet
from landscape.directions.curve import Curve, load_curve, straight
from landscape.engine import Compute, has_batchnorm
from landscape.files import atomic_write
from landscape.measures.barrier import barrier
from landscape.models import Checkpoint
from landscape.spatial import SpatialLimits
from landscape.training import Augment
from landscape.training.batches import ImageBatches
from landscape.training.curve import connect

SEED = 0


@dataclass(frozen=True)
class Depth:
    """How much is done.

    Attributes:
        epochs: of the curve.
        learn: training images; 0: all.
        statistics: the first of them, from which BatchNorm statistics and the training loss are
            taken; 0: all.
        test: test images; 0: all.
        points: along line and curve.
        side: points of the plane in each direction.
    """

    epochs: int
    learn: int
    statistics: int
    test: int
    points: int
    side: int


DEPTHS = {
    "smoke": Depth(epochs=3, learn=500, statistics=100, test=100, points=5, side=5),
    "laptop": Depth(epochs=5, learn=25_000, statistics=2000, test=1000, points=21, side=15),
    "paper": Depth(epochs=200, learn=0, statistics=0, test=0, points=61, side=21),
}


@dataclass(frozen=True)
class Options:
    """What is done, and where.

    Attributes:
        first: Checkpoint of `landscape train` where line and curve start.
        second: Checkpoint where they end.
        out: The folder for everything.
        budget: smoke (minutes), laptop (an hour on two cores) or paper (a GPU).
        learning_rate: Of the curve, at its highest.
        data_root: The folder that holds the data set.
        device: Where to compute.
        precision: Of the training of the curve; surfaces are computed in fp32.
    """

    first: tyro.conf.Positional[Path]
    second: tyro.conf.Positional[Path]
    out: Path
    budget: Literal["smoke", "laptop", "paper"] = "smoke"
    learning_rate: float = 0.03
    data_root: Path | None = None
    device: str = "cpu"
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"


@dataclass(frozen=True)
class Pair:
    """Two networks and the images that they are looked at with."""

    first: Checkpoint
    second: Checkpoint
    learn: ImageSet
    statistics: ImageSet
    test: ImageSet

    def measured(self) -> dict[str, Any]:
        """What all surfaces are given alike."""
        images = self.statistics.images(), self.statistics.labels
        identity = {"model": self.first.spec.name, "dataset": self.test.name}
        return {"others": {"train": images}, "progress": True, "identity": identity}


def loaded(options: Options, depth: Depth) -> Pair:
    """Both networks and their data, always the same images for a number of them."""
    first, second = (landscape.load_checkpoint(p) for p in (options.first, options.second))
    drawn = {
        split: landscape.load_dataset(first.trained_on, root=options.data_root, split=split).subset(
            count or None, generator=landscape.generator(SEED, split)
        )
        for split, count in (("train", depth.learn), ("test", depth.test))
    }
    few = landscape.generator(SEED, "statistics")
    statistics = drawn["train"].subset(depth.statistics or None, generator=few)
    return Pair(first, second, drawn["train"], statistics, drawn["test"])


def trained(pair: Pair, options: Options, depth: Depth) -> Curve:
    """The curve, learned from images as the first network was, unless it is there."""
    file, ends = options.out / "curve.pt", straight(pair.first.model, pair.second.model)
    if file.exists():
        found = load_curve(file)
        if straight_of(found).sha256 != ends.sha256:
            raise landscape.InputError(
                f"{file} joins two other networks; give another --out, or remove the file"
            )
        return found
    told = pair.first.configuration["training"]
    flip, crop, pose = (told["augment"][name] for name in ("flip", "crop", "pose"))
    curve = connect(
        pair.first.model,
        pair.second.model,
        ImageBatches(
            pair.learn,
            told["batch_size"],
            augment=Augment(flip, crop, None if pose is None else SpatialLimits(**pose)),
            seed=SEED,
        ),
        epochs=depth.epochs,
        learning_rate=options.learning_rate,
        weight_decay=told["weight_decay"],
        generator=landscape.generator(SEED, "curve"),
        compute=Compute(options.device, options.precision),
        progress=True,
    )
    curve.save(file)
    return curve


def straight_of(curve: Curve) -> Curve:
    """The line between the ends of a curve."""
    return Curve((curve.points[0], curve.points[-1]), curve.buffers)


def along(pair: Pair, curve: Curve, options: Options, depth: Depth) -> dict[str, xr.Dataset]:
    """Loss and accuracy along line and curve, by what a table calls them."""
    modes = ["recompute", "frozen"] if has_batchnorm(pair.first.model) else ["frozen"]
    words = {"recompute": "", "frozen": ", first network's statistics" if len(modes) > 1 else ""}
    return {
        f"{name}{words[bn]}": curve_surface(
            pair.first.model,
            way,
            pair.test.images(),
            pair.test.labels,
            t=depth.points,
            bn=bn,
            device=options.device,
            out=options.out / f"{name}-{bn}.h5",
            **pair.measured(),
        )
        for bn in modes
        for name, way in (("line", straight_of(curve)), ("curve", curve))
    }


def plane(pair: Pair, curve: Curve, options: Options, depth: Depth) -> xr.Dataset:
    """The plane through both networks and the control point, where the curve lies."""
    return landscape.weight_surface(
        pair.first.model,
        pair.test.images(),
        pair.test.labels,
        alpha=depth.side,
        beta=depth.side,
        directions="models",
        checkpoints={"other network": pair.second.model, "control point": dict(curve.points[1])},
        orthogonal=True,
        device=options.device,
        out=options.out / "plane.h5",
        **pair.measured(),
    )


def table(surfaces: dict[str, xr.Dataset]) -> str:
    """Ends and barriers of all ways, on training and test images."""
    head = (
        "| way | images | loss at the ends | barrier | at t | error at the ends, % | barrier, % |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    rows = []
    for way, data in surfaces.items():
        for images, prefix in (("train", "train_"), ("test", "")):
            loss, error = barrier(data[f"{prefix}loss"]), barrier(1 - data[f"{prefix}accuracy"])
            rows.append(
                f"| {way} | {images} | {loss.first:.3f}, {loss.second:.3f} | {loss.value:.3f} "
                f"| {loss.at:.2f} | {100 * error.first:.1f}, {100 * error.second:.1f} "
                f"| {100 * error.value:.1f} |\n"
            )
    return head + "".join(rows)


def main(options: Options) -> None:
    """Train the curve, measure line, curve and plane, tabulate, draw."""
    depth = DEPTHS[options.budget]
    pair = loaded(options, depth)
    curve = trained(pair, options, depth)
    page = table(along(pair, curve, options, depth))
    page += f"\nMean loss of each epoch of the curve: {json.dumps([*curve.history])}\n"
    with atomic_write(options.out / "tables.md") as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(page)
    shown = plane(pair, curve, options, depth)
    figures = landscape.write_plots(
        shown, stem=options.out / "plane", names=("weight-contour",), formats=("png", "pdf")
    )
    for file in (options.out / "tables.md", *figures):
        print(file)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(parse(Options, about=__doc__))))
