"""The tables of Engstrom et al. 2019: train in every mode, attack, vote, and draw why.

    python scripts/spatial_robustness.py --dataset digits --budget --out results/digits
    python scripts/spatial_robustness.py --dataset mnist --data-root ~/data --out results/mnist

Stopped and started again, it goes on where it was. Writes the models, what each attack did to each
image, table.csv, table.tex, table.json, table.md (beside the paper's numbers) and two figures.
"""

from dataclasses import replace
from pathlib import Path

import tyro
from robustness import report, why

import landscape
from landscape.attacks import Vote, make_attack
from landscape.models import Checkpoint

SEED = 0
MODELS = {"digits": "cnn", "mnist": "cnn", "imagefolder": "resnet18"}
ATTACKS = ("natural", "random", "worst-of-10", "grid", "first-order")


def trained(
    recipe: str,
    dataset: str,
    model: str,
    budget: bool,
    data_root: Path | None,
    out: Path,
    device: str,
    precision: str,
) -> Checkpoint:
    """The network of one mode, trained unless it is there."""
    splits = [landscape.load_dataset(dataset, root=data_root, split=s) for s in ("train", "test")]
    learn, test = splits
    config = landscape.recipe_config(recipe, dataset, budget=budget)
    return landscape.train(
        landscape.ModelSpec(model, classes=len(learn.classes), channels=learn.shape[0]),
        learn,
        replace(config, precision=precision),
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
    dataset: str = "digits",
    model: str | None = None,
    recipes: tuple[str, ...] = tuple(landscape.RECIPES),
    attacks: tuple[str, ...] = ATTACKS,
    budget: bool = False,
    vote: int = 10,
    samples: int = 0,
    data_root: Path | None = None,
    device: str = "cpu",
    precision: str = "fp32",
) -> None:
    """Train, evaluate, tabulate, draw.

    Args:
        out: The folder for everything.
        dataset: digits, mnist, cifar10, cifar100 or imagefolder.
        model: A network's name; by default cnn for digits and mnist, resnet20 for CIFAR, resnet18
            for imagefolder.
        recipes: The modes of training.
        attacks: As `landscape evaluate` takes them.
        budget: Train for minutes instead of as long as the paper does.
        vote: Random poses that vote on each attacked image; 0 for no votes.
        samples: Test images, drawn at random; 0 for all.
        data_root: The folder that holds the data set.
        device: Where to compute.
        precision: Of training and of the attacks: fp32, tf32 or bf16.
    """
    network = model or MODELS.get(dataset, "resnet20")
    every = landscape.load_dataset(dataset, root=data_root)
    test = every.subset(samples or None, generator=landscape.generator(SEED, "images"))
    results, models = {}, {}
    for recipe in recipes:
        folder = out / recipe
        checkpoint = trained(recipe, dataset, network, budget, data_root, folder, device, precision)
        models[recipe] = checkpoint.model
        results[recipe] = landscape.evaluate(
            checkpoint.model,
            test,
            None,
            {name: make_attack(name) for name in attacks},
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
    # The same images whatever `samples` is: their surfaces are kept.
    for file in why.draw(models, every, out, seed=SEED):
        print(file)


if __name__ == "__main__":
    tyro.cli(main)
