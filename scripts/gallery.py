"""The surfaces behind the figures in figures/, from nothing: networks on the digits.

    python scripts/gallery.py                # about half an hour on two cores
    python scripts/figures.py                # draws them

Trains one network as usual, on the worst of ten poses and on PGD, from two seeds each, every epoch
kept, and measures losses around the weights and over poses. Stopped and started again, it goes on
where it was. figures/surfaces gets light copies, without directions; the rest stays in --out.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import landscape
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.data import ImageSet
from landscape.export import ExportOptions, write_exports
from landscape.files import atomic_write
from landscape.models import load_checkpoint
from landscape.store import open_surface
from landscape.training import TrainResult

SEEDS, EPOCHS = 2, 10
NETWORKS = {
    "standard": "trained as usual",
    "worst10-30": "on the worst of ten poses",
    "linf": "on PGD",
}
PGD = "pgd:eps=0.1,step=0.02,steps=10"
ATTACKS = {"worst of 10 poses": "worst-of-10", "PGD 0.05": "pgd:eps=0.05,step=0.01", "PGD 0.1": PGD}
FINE, COARSE, MAP, VOLUME, LINE = 51, 25, 13, 11, 41  # points along each direction
ROTATION, SHIFT = np.linspace(-45, 45, 61), np.linspace(-6, 6, 49)  # degrees, pixels
IMAGES = 4  # of spatial surfaces


@dataclass(frozen=True)
class Work:
    """Networks, and what they are measured on.

    Attributes:
        networks: by recipe and seed.
        test: the digits to draw images from.
        samples: how many images losses are means over.
        out: the folder for whole surfaces.
    """

    networks: Mapping[tuple[str, int], TrainResult]
    test: ImageSet
    samples: int
    out: Path

    def images(self, count: int) -> ImageSet:
        """Always the same ones."""
        return self.test.subset(count, generator=landscape.generator(0, "images"))

    def identity(self, network: str) -> dict[str, Any]:
        """What names model and data in files."""
        return {"model": f"cnn, {NETWORKS[network]}", "dataset": "digits", "split": "test"}


def trained(out: Path, epochs: int) -> dict[tuple[str, int], TrainResult]:
    """Every network from every seed, unless it is there."""
    learn, test = (landscape.load_dataset("digits", split=split) for split in ("train", "test"))
    found = {}
    for recipe in NETWORKS:
        config = replace(landscape.recipe_config(recipe, "digits", budget=True), epochs=epochs)
        if recipe == "linf":
            config = replace(config, adversary=landscape.make_attack(PGD))
        for seed in range(SEEDS):
            found[recipe, seed] = landscape.train(
                landscape.ModelSpec("cnn", classes=10, channels=1),
                learn,
                config,
                out=out / recipe / str(seed),
                validation=test,
                seed=seed,
                device="cpu",
                checkpoint_every=1,
                progress=True,
                overwrite=False,
                keep_every=1,
            )
    return found


def planes(work: Work) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Surfaces around weights: names, networks, and how they are measured."""
    epochs = list(work.networks["standard", 0].kept.values())
    other = {"the other seed": work.networks["standard", 1].checkpoint.model}
    fine, coarse = ({"alpha": side, "beta": side} for side in (FINE, COARSE))
    near = np.linspace(-0.5, 0.5, MAP)
    yield "plane", "standard", fine
    yield "adaptive", "standard", {**fine, "tolerance": 0.01}
    convexity = {"alpha": near, "beta": near, "fields": ["accuracy", "hessian"]}
    yield "convexity", "standard", convexity
    yield "trajectory", "standard", {**coarse, "directions": "trajectory", "checkpoints": epochs}
    yield "volume", "standard", dict.fromkeys(("alpha", "beta", "gamma"), VOLUME)
    between = {"alpha": LINE, "beta": None, "directions": "models", "checkpoints": other}
    yield "between", "standard", between
    for network in ("standard", "linf"):
        yield f"{network}-clean", network, coarse
        yield f"{network}-pgd", network, {**coarse, "attack": PGD}


def plane(work: Work, name: str, network: str, how: Mapping[str, Any]) -> Path:
    """The file of a surface around weights."""
    some = work.images(min(100, work.samples) if "fields" in how else work.samples)
    file = work.out / f"{name}.h5"
    landscape.weight_surface(
        work.networks[network, 0].checkpoint.model,
        some.images(),
        some.labels,
        **how,
        out=file,
        progress=True,
        identity=work.identity(network),
    )
    return file


def poses(work: Work, name: str, network: str, **axes: Any) -> Path:
    """The file of a surface over poses."""
    few, file = work.images(IMAGES), work.out / f"{name}.h5"
    landscape.spatial_surface(
        work.networks[network, 0].checkpoint.model,
        few.images(),
        few.labels,
        **axes,
        out=file,
        progress=True,
        identity=work.identity(network),
        image_ids=few.indices.tolist(),
        classes=few.classes,
    )
    return file


def tradeoff(work: Work) -> Path:
    """The file of accuracies, as they are and under attack, of every network, epoch by epoch."""
    some, networks, file = work.images(work.samples), work.networks, work.out / "tradeoff.h5"
    landscape.tradeoff(
        lambda recipe, seed, epoch: load_checkpoint(networks[recipe, seed].kept[epoch]).model,
        some.images(),
        some.labels,
        networks=NETWORKS,
        seeds=range(SEEDS),
        epochs=[epoch for epoch in networks["standard", 0].kept if epoch],
        attacks=ATTACKS,
        out=file,
        progress=True,
        identity={"model": f"{len(NETWORKS)} networks", "dataset": "digits", "split": "test"},
    )
    return file


def surfaces_of(work: Work) -> Iterator[Path]:
    """The files of all surfaces, one after the other."""
    for name, network, how in planes(work):
        yield plane(work, name, network, how)
    for network in ("standard", "worst10-30"):
        turned = {"rotation": ROTATION, "shift_x": SHIFT[::2], "shift_y": [0.0]}
        yield poses(work, f"{network}-turned", network, **turned)
        shifted = {"rotation": [0.0], "shift_x": SHIFT, "shift_y": SHIFT[::2]}
        yield poses(work, f"{network}-shifted", network, **shifted)
    yield tradeoff(work)


def keep(file: Path, folder: Path) -> Path:
    """A light copy of a surface, or the surface itself where it has no directions."""
    kept, source = folder / f"digits-{file.name}", file
    with open_surface(file) as data:
        if data.attrs["kind"] == "weights":
            stem, options = file.with_suffix(""), ExportOptions(source=file)
            (source,) = write_exports(data, stem=stem, names=["light"], options=options)
    with atomic_write(kept) as temporary:
        temporary.write_bytes(source.read_bytes())
    return kept


def main(
    out: Path = Path("results/gallery"),
    surfaces: Path = Path("figures/surfaces"),
    samples: int = 300,
    epochs: int = EPOCHS,
) -> None:
    """Train, measure, and store.

    Args:
        out: The folder for networks and whole surfaces.
        surfaces: The folder for what figures are drawn from.
        samples: How many images losses are means over.
        epochs: Of every training.
    """
    test = landscape.load_dataset("digits", split="test")
    for file in surfaces_of(Work(trained(out, epochs), test, samples, out)):
        print(keep(file, surfaces))


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
