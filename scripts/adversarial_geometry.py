"""Prabhu et al. 2019: fine-tune on adversarial data, attack, and compare the landscapes.

    python scripts/adversarial_geometry.py --out results/geometry                  # smoke: a minute
    python scripts/adversarial_geometry.py --budget laptop --weights resnet32.th \
        --data-root ~/data --precision bf16 --out results/geometry

Stopped and started again, it goes on where it was.
"""

from pathlib import Path
from typing import Literal

import tyro
from geometry import models
from geometry.settings import BUDGETS

from landscape.evaluation import write_table


def main(
    out: Path,
    budget: Literal["smoke", "laptop", "paper"] = "smoke",
    weights: Path | None = None,
    data_root: Path | None = None,
    device: str = "cpu",
    precision: Literal["fp32", "tf32", "bf16"] = "fp32",
) -> None:
    """Train, attack, sweep, tabulate, draw.

    Args:
        out: The folder for everything.
        budget: smoke (digits, a minute), laptop (CIFAR-10, hours) or paper (a GPU).
        weights: The network to fine-tune, of the architecture of the budget; trained by default.
        data_root: The folder that holds the data set.
        device: Where to compute.
        precision: Of training, attacks and surfaces: fp32, tf32 or bf16.
    """
    work = models.Work(BUDGETS[budget], out, data_root, device, precision)
    base = models.base_network(work, weights)
    networks = {models.BASE: base}
    for name in work.budget.attacks:
        networks[name] = models.fine_tuned(work, base, name)
    results = models.under_attack(work, networks)
    for ending in ("csv", "json", "tex"):
        write_table(out / f"accuracy.{ending}", results)


if __name__ == "__main__":
    tyro.cli(main)
