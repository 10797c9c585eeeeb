"""The main road once, on real data that comes with the package: about two minutes on two cores.

Trains a small network on 4,000 MNIST digits, measures how it fares when digits are rotated and
shifted, computes a surface of each kind, and draws both. Everything goes to figures/demo/; run it
again and it starts anew.
"""

import sys
import time
from pathlib import Path

from torch import nn

import landscape
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.data import ImageSet

SEED = 0
ATTACKS = ("natural", "random", "worst-of-10", "grid")


def main(out: Path = Path("figures/demo")) -> None:
    """Train, evaluate, compute both surfaces, draw.

    Args:
        out: The folder for the model, the surfaces and the figures.
    """
    began = time.monotonic()
    digits = {split: landscape.load_dataset("digits", split=split) for split in ("train", "test")}
    trained = landscape.train(
        landscape.ModelSpec("cnn", classes=10, channels=1),
        digits["train"],
        landscape.recipe_config("standard", "digits"),
        out=out / "model",
        validation=digits["test"],
        seed=SEED,
        device="cpu",
        checkpoint_every=5,
        progress=True,
        overwrite=True,
    ).checkpoint

    test = digits["test"]
    rows = landscape.evaluate(
        trained.model,
        test.images(),
        test.labels,
        {name: landscape.make_attack(name) for name in ATTACKS},
        seed=SEED,
        show_progress=True,
    )
    figures = surfaces(trained.model, test, out)

    print(f"\naccuracy on {len(test)} test digits")
    for row in rows:
        low, high = (100 * end for end in row.interval)
        tried = f"{row.evaluations:.0f} {'pose' if row.evaluations == 1 else 'poses'} tried"
        print(f"  {row.attack:<12} {100 * row.accuracy:5.1f} %  ({low:.1f} to {high:.1f}), {tried}")
    print("\nfigures")
    for figure in figures:
        print(f"  {figure}")
    print(f"\ndone in {time.monotonic() - began:.0f} s; open the .html files in a browser, or try")
    print(f"  landscape info {out}/plane.h5")
    print(f"  landscape plot {out}/poses.h5 --plots spatial-3d --formats svg")
    print(f"  landscape weights {out}/model/model.pt --dimensions 1 --out {out}/line.h5")


def surfaces(model: nn.Module, test: ImageSet, out: Path) -> list[Path]:
    """Losses over poses and around the weights, and their figures."""
    about = {"model": "cnn", "dataset": "digits", "split": "test"}
    few = test.subset(8, generator=landscape.generator(SEED, "images"))
    poses = landscape.spatial_surface(
        model,
        few.images(),
        few.labels,
        out=out / "poses.h5",
        overwrite=True,
        progress=True,
        identity=about,
        image_ids=few.indices.tolist(),
        classes=few.classes,
    )
    some = test.subset(300, generator=landscape.generator(SEED, "images"))
    plane = landscape.weight_surface(
        model,
        some.images(),
        some.labels,
        seed=SEED,
        out=out / "plane.h5",
        overwrite=True,
        progress=True,
        identity=about,
    )
    return [
        *landscape.write_plots(poses, stem=out / "poses"),
        *landscape.write_plots(plane, stem=out / "plane"),
    ]


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
