r"""The tables of Engstrom et al. 2019: train in every mode, attack, vote, and draw why.

    python scripts/spatial_robustness.py --out results/digits                   # smoke: a minute
    python scripts/spatial_robustness.py --budget laptop --dataset mnist --data-root ~/data \
        --out results/mnist

Stopped and started again, it goes on where it was. Writes the models, what each attack did to each
image, table.csv, table.tex, table.json, table.md (beside the paper's numbers) and two figures.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from robustness import report, why

import landscape
from landscape.attacks import Vote, make_attack
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.models import Checkpoint

SEED = 0
MODELS = {"digits": "cnn", "mnist": "cnn", "imagefolder": "resnet18"}


@dataclass(frozen=True)
class Budget:
    """How much is done.

    Attributes:
        brief: train for minutes instead of as long as the paper does.
        epochs: of every training; None: as its recipe has it.
        recipes: the modes of training.
        attacks: as `landscape evaluate` takes them.
        learn: training images, drawn at random; 0: all.
        samples: test images, likewise.
    """

    brief: bool
    epochs: int | None = None
    recipes: tuple[str, ...] = tuple(landscape.RECIPES)
    attacks: tuple[str, ...] = ("natural", "random", "worst-of-10", "grid", "first-order")
    learn: int = 0
    samples: int = 0


FEW = ("natural", "worst-of-10", "grid:rotations=5,shifts=3", "first-order:steps=5")
BUDGETS = {
    "smoke": Budget(True, 1, ("standard", "worst10-30"), FEW, learn=200, samples=10),
    "laptop": Budget(brief=True),
    "paper": Budget(brief=False),
}


def trained(
    recipe: str,
    dataset: str,
    model: str,
    budget: Budget,
    data_root: Path | None,
    out: Path,
    device: str,
    precision: str,
) -> Checkpoint:
    """The network of one mode, trained unless it is there."""
    splits = [landscape.load_dataset(dataset, root=data_root, split=s) for s in ("train", "test")]
    learn, test = splits
    learn = learn.subset(budget.learn or None, generator=landscape.generator(SEED, "learn"))
    config = landscape.recipe_config(recipe, dataset, budget=budget.brief)
    return landscape.train(
        landscape.ModelSpec(model, classes=len(learn.classes), channels=learn.shape[0]),
        learn,
        replace(config, epochs=budget.epochs or config.epochs, precision=precision),
        out=out,
        validation=test,
        seed=SEED,
        device=device,
        checkpoint_every=1,
        progress=True,
        overwrite=False,
    ).checkpoint


def main(
    out: Path,
    budget: Literal["smoke", "laptop", "paper"] = "smoke",
    dataset: str = "digits",
    model: str | None = None,
    recipes: tuple[str, ...] | None = None,
    attacks: tuple[str, ...] | None = None,
    vote: int = 10,
    samples: int | None = None,
    data_root: Path | None = None,
    device: str = "cpu",
    precision: str = "fp32",
) -> None:
    """Train, evaluate, tabulate, draw.

    Args:
        out: The folder for everything.
        budget: smoke (two modes, an epoch of 200 images), laptop (all modes, minutes each) or
            paper (as long as the paper trains).
        dataset: digits, mnist, cifar10, cifar100 or imagefolder.
        model: A network's name; by default cnn for digits and mnist, resnet20 for CIFAR, resnet18
            for imagefolder.
        recipes: The modes of training; by default those of the budget.
        attacks: As `landscape evaluate` takes them; by default those of the budget.
        vote: Random poses that vote on each attacked image; 0 for no votes.
        samples: Test images, drawn at random; 0 for all; by default as the budget has it.
        data_root: The folder that holds the data set.
        device: Where to compute.
        precision: Of training and of the attacks: fp32, tf32 or bf16.
    """
    work = BUDGETS[budget]
    count = work.samples if samples is None else samples
    network = model or MODELS.get(dataset, "resnet20")
    every = landscape.load_dataset(dataset, root=data_root)
    test = every.subset(count or None, generator=landscape.generator(SEED, "images"))
    results, models = {}, {}
    for recipe in recipes or work.recipes:
        folder = out / recipe
        checkpoint = trained(recipe, dataset, network, work, data_root, folder, device, precision)
        models[recipe] = checkpoint.model
        results[recipe] = landscape.evaluate(
            checkpoint.model,
            test,
            None,
            {name: make_attack(name) for name in attacks or work.attacks},
            seed=SEED,
            vote=Vote(vote) if vote else None,
            device=device,
            precision=precision,
            out=folder / "attacks",
            identity={"model": network, "weights_sha256": checkpoint.sha256, "dataset": dataset},
            show_progress=True,
        )
        report.write(results, dataset, out)
    print(report.markdown(results, dataset))
    report.draw(results, out / "accuracy")
    # The same images however many are tested: their surfaces are kept.
    for file in why.draw(models, every, out, seed=SEED):
        print(file)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
