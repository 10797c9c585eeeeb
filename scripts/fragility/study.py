"""Networks that differ in one thing, trained alike over several seeds, every epoch kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import landscape
from landscape.attacks import Attack
from landscape.data import ImageSet
from landscape.training import TrainConfig, TrainResult

SEED = 0


@dataclass(frozen=True)
class Variant:
    """One of the networks that are compared.

    Attributes:
        title: what it is called in tables and figures.
        model: a key of `MODELS`.
        training: how it learns.
        options: of the model.
        normalizes: pixels, by the default statistics; otherwise it takes them as they are.
    """

    title: str
    model: str
    training: TrainConfig
    options: Mapping[str, Any] = field(default_factory=dict)
    normalizes: bool = True


@dataclass(frozen=True)
class Study:
    """What is compared, how often, and on how many images.

    Attributes:
        dataset: a key of `DATASETS`.
        variants: the networks, by the names of their folders.
        attacks: that every epoch is tested with, by name.
        seeds: trainings of each network.
        learn: training images; 0: all.
        test: images that every epoch is tested on; 0: all.
    """

    dataset: str
    variants: Mapping[str, Variant]
    attacks: Mapping[str, Attack]
    seeds: int = 3
    learn: int = 0
    test: int = 0


@dataclass(frozen=True)
class Work:
    """A study, where it is kept, and how it is computed.

    Attributes:
        study: what.
        out: the folder for everything.
        data_root: the folder that holds the data set.
        device: where to compute.
        precision: of training and of the tests of every epoch.
    """

    study: Study
    out: Path
    data_root: Path | None
    device: str
    precision: str

    def images(self, split: str, count: int | None = None) -> ImageSet:
        """The images that are learned from, or tested on; always the same ones for a count."""
        wanted = {"train": self.study.learn, "test": self.study.test}[split]
        every = landscape.load_dataset(self.study.dataset, root=self.data_root, split=split)
        chosen = wanted if count is None else count
        return every.subset(chosen or None, generator=landscape.generator(SEED, split))


def trained(work: Work) -> dict[tuple[str, int], TrainResult]:
    """Every network with every seed, trained unless it is there."""
    learn, test = work.images("train"), work.images("test")
    channels, found = learn.shape[0], {}
    for seed in range(work.study.seeds):
        for name, variant in work.study.variants.items():
            spec = landscape.ModelSpec(
                variant.model,
                classes=len(learn.classes),
                channels=channels,
                mean=None if variant.normalizes else (0.0,) * channels,
                std=None if variant.normalizes else (1.0,) * channels,
                options=variant.options,
            )
            found[name, seed] = landscape.train(
                spec,
                learn,
                replace(variant.training, precision=work.precision),
                out=work.out / name / str(seed),
                validation=test,
                seed=seed,
                device=work.device,
                checkpoint_every=1,
                progress=True,
                overwrite=False,
                compile="never",
                keep_every=1,
            )
    return found
