"""The base network, its fine-tuned descendants, and how all of them fare under every attack."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

import landscape
from geometry.settings import Budget
from landscape.attacks import make_attack
from landscape.data import ImageSet
from landscape.evaluation import Evaluation, with_attacked
from landscape.models import Checkpoint

SEED = 0
BASE = "none"  # the network that was augmented with nothing


@dataclass(frozen=True)
class Work:
    """What is computed, where it is kept, and how.

    Attributes:
        budget: how much.
        out: the folder for everything.
        data_root: the folder that holds the data set.
        device: where to compute.
        precision: of training and attacks.
    """

    budget: Budget
    out: Path
    data_root: Path | None
    device: str
    precision: str

    def images(self, split: str) -> ImageSet:
        """The images that are learned from, or tested on."""
        wanted = self.budget.learn if split == "train" else self.budget.test
        every = landscape.load_dataset(self.budget.dataset, root=self.data_root, split=split)
        return every.subset(wanted or None, generator=landscape.generator(SEED, split))

    def identity(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """What names network and data in a file."""
        return {
            "model": self.budget.model,
            "weights_sha256": checkpoint.sha256,
            "dataset": self.budget.dataset,
        }


def base_network(work: Work, weights: Path | None) -> Checkpoint:
    """The network that is fine-tuned: given, or trained by the recipe of its data set."""
    budget = work.budget
    if weights is not None:
        spec = landscape.ModelSpec(budget.model)
        return landscape.load_checkpoint(weights, spec=spec)
    learn = landscape.load_dataset(budget.dataset, root=work.data_root, split="train")
    config = landscape.recipe_config("standard", budget.dataset, budget=True)
    spec = landscape.ModelSpec(budget.model, classes=len(learn.classes), channels=learn.shape[0])
    config = replace(config, epochs=budget.base_epochs or config.epochs)
    return _trained(work, BASE, spec, learn, config)


def fine_tuned(work: Work, base: Checkpoint, name: str) -> Checkpoint:
    """The base network after learning from the training images and attacked versions of them."""
    learn = work.images("train")
    landscape.evaluate(
        base.model,
        learn,
        None,
        {name: make_attack(work.budget.attacks[name])},
        seed=SEED,
        device=work.device,
        precision=work.precision,
        keep_images=True,
        out=work.out / "attacked",
        identity=work.identity(base),
        show_progress=True,
    )
    both = with_attacked(learn, [work.out / "attacked" / f"{name}.h5"])
    return _trained(work, name, base.spec, both, work.budget.tuning, start=base.model)


def _trained(
    work: Work,
    name: str,
    spec: landscape.ModelSpec,
    learn: ImageSet,
    config: landscape.TrainConfig,
    start: nn.Module | None = None,
) -> Checkpoint:
    return landscape.train(
        spec,
        learn,
        replace(config, precision=work.precision),
        out=work.out / name,
        validation=work.images("test"),
        seed=SEED,
        device=work.device,
        checkpoint_every=1,
        progress=True,
        overwrite=False,
        start=start,
    ).checkpoint


def under_attack(work: Work, networks: Mapping[str, Checkpoint]) -> dict[str, list[Evaluation]]:
    """Accuracy of every network on the test images, as they are and under every attack.

    Images made against the base network are shown to all others, and their likeness is measured.
    """
    named = {"natural": "natural", **work.budget.attacks, **work.budget.stated}
    attacks = {name: make_attack(text) for name, text in named.items()}
    test, results = work.images("test"), {}
    for name, checkpoint in networks.items():
        others = {other: c.model for other, c in networks.items() if other != name}
        results[name] = landscape.evaluate(
            checkpoint.model,
            test,
            None,
            attacks,
            seed=SEED,
            shown_to=others if name == BASE else None,
            similarity=True,
            device=work.device,
            precision=work.precision,
            out=work.out / "tested" / name,
            identity=work.identity(checkpoint),
            show_progress=True,
        )
    return results
