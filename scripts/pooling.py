r"""Is a ResNet-18 that takes means in its stem more or less fragile than one that takes maxima?

    python scripts/pooling.py --out results/pooling                            # smoke: a minute
    python scripts/pooling.py --budget laptop --data-root ~/data --precision bf16 \
        --out results/pooling

Every epoch of every seed is tested as it is and under PGD within several radii. Stopped and started
again, it goes on where it was. Writes the networks, tradeoff.h5, tables.md, and the figure of clean
against attacked accuracy.
"""

from pathlib import Path

import tyro
from fragility import cli, settings
from fragility.study import Work

RADIUS = 1  # in units of 1/255, of the attack that is looked at closely


def main(
    out: Path,
    budget: cli.Budget = "smoke",
    dataset: str | None = None,
    data_root: Path | None = None,
    device: str = "cpu",
    precision: cli.Precision = "fp32",
) -> None:
    """Train, test every epoch, look for masked gradients, tabulate, draw.

    Args:
        out: The folder for everything.
        budget: smoke (digits, a minute), laptop (hours on two cores) or paper (a GPU).
        dataset: digits for smoke; cifar10, the default of the others, or cifar100.
        data_root: The folder that holds the data set.
        device: Where to compute.
        precision: Of training and attacks: fp32, tf32 or bf16.
    """
    study = settings.pooling(budget, cli.dataset_of(budget, dataset))
    cli.on_pixels(Work(study, out, data_root, device, precision), budget, RADIUS)


if __name__ == "__main__":
    tyro.cli(main)
