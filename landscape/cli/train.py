"""`landscape train`: the models whose landscapes are looked at."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from landscape.cli.output import say


def train(
    out: Path,
    dataset: str = "digits",
    model: str = "cnn",
    recipe: str = "standard",
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    precision: Literal["fp32", "bf16"] | None = None,
    seed: int = 0,
    device: str = "auto",
    checkpoint_every: int = 5,
    data_root: Path | None = None,
    download: bool = False,
    model_options: str | None = None,
    overwrite: bool = False,
) -> None:
    """Train a network; the same command goes on with a run that was interrupted.

    Writes model.pt, metrics.jsonl, config.json and the state to resume from into --out.

    Args:
        out: The folder of the run.
        dataset: digits (needs no files), mnist, cifar10, cifar100 or imagefolder.
        model: cnn, resnet20, resnet32, resnet44, resnet56, resnet18, resnet50, resnet18-cifar,
            resnet50-cifar, or your own package.module:factory.
        recipe: Settings to start from: standard (small shifts), nocrop (no augmentation), or cifar
            (He et al. 2016: flips and crops, 182 epochs).
        epochs: Instead of the recipe's.
        batch_size: Instead of the recipe's.
        learning_rate: Instead of the recipe's.
        weight_decay: Instead of the recipe's.
        precision: fp32 or bf16, instead of the recipe's.
        seed: Of weights, order and augmentation.
        device: cpu, cuda, cuda:1, mps, ...; auto takes a GPU if there is one.
        checkpoint_every: Epochs between two saves of the state.
        data_root: The folder that holds the data set; LANDSCAPE_DATA by default.
        download: Fetch the data set into --data-root if it is not there.
        model_options: Keyword arguments of your factory, as JSON.
        overwrite: Start anew even if --out holds a run.
    """
    from landscape.cli.options import ComputeOptions, DataOptions, ModelOptions
    from landscape.models import ModelSpec
    from landscape.registry import lookup
    from landscape.training import RECIPES
    from landscape.training import train as run

    overrides: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "precision": precision,
    }
    given = {name: value for name, value in overrides.items() if value is not None}
    config = replace(lookup(RECIPES, recipe, kind="recipe"), **given)
    splits = {
        split: DataOptions(dataset, data_root, split=split, download=download).load()
        for split in ("train", "test")
    }
    spec = ModelSpec(
        model,
        classes=len(splits["train"].classes),
        channels=splits["train"].shape[0],
        options=ModelOptions(model, model_options).factory_options(),
    )
    result = run(
        spec,
        splits["train"],
        config,
        out=out,
        validation=splits["test"],
        seed=seed,
        device=ComputeOptions(device).resolve_device(),
        checkpoint_every=checkpoint_every,
        progress=True,
        overwrite=overwrite,
    )
    last = result.history[-1]
    say(
        f"{result.path}: test accuracy {100 * (last.validation_accuracy or 0):.2f} %; "
        f"next: landscape evaluate {result.path}"
    )
