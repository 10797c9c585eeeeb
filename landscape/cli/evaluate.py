"""`landscape evaluate`: accuracy under attacks."""

from pathlib import Path

import tyro

from landscape.cli.options import ComputeOptions, DataOptions, ModelOptions
from landscape.cli.output import console, say


def evaluate(
    checkpoints: tyro.conf.Positional[tuple[Path, ...]],
    /,
    attacks: tuple[str, ...] = ("natural", "random", "worst-of-10", "grid"),
    samples: int = 0,
    seed: int = 0,
    model: ModelOptions = ModelOptions(),
    data: DataOptions = DataOptions(),
    compute: ComputeOptions = ComputeOptions(),
) -> None:
    """Accuracy of models as they are, under random poses, and under the grid attack.

    Args:
        checkpoints: Checkpoints of `landscape train`, or weights from elsewhere (see --model).
        attacks: natural (no attack), random (one random pose), worst-of-10 (the worst of ten),
            grid (the worst of 775). Poses lie within 30 degrees and 10 % of the side.
        samples: How many images, drawn at random from the split; 0 for all.
        seed: Of the random poses and of the draw of images.
        model: Which network.
        data: Which images.
        compute: Where and how.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from landscape.attacks import ATTACKS
    from landscape.errors import InputError
    from landscape.evaluation import evaluate as evaluate_model
    from landscape.registry import lookup
    from landscape.rng import generator

    if not checkpoints:
        raise InputError("expected at least one checkpoint to evaluate, got none")
    chosen = {name: lookup(ATTACKS, name, kind="attack")() for name in attacks}
    table = Table(box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    for column in ("images", *chosen):
        table.add_column(column, justify="right")
    for path in checkpoints:
        loaded = model.load(path)
        images = data.load(loaded).subset(samples or None, generator=generator(seed, "images"))
        rows = evaluate_model(
            loaded.model,
            images.images(),
            images.labels,
            chosen,
            seed=seed,
            **compute.arguments(),
            show_progress=True,
        )
        cells = [f"{100 * r.accuracy:.2f}\n{_percent(r.interval)}" for r in rows]
        table.add_row(str(path), str(len(images)), *cells)
    say("accuracy in %, with its 95 % interval")
    console().print(table)


def _percent(interval: tuple[float, float]) -> str:
    return "-".join(f"{100 * end:.1f}" for end in interval)
