"""Prabhu et al. 2019: fine-tune on adversarial data, attack, and compare the landscapes.

    python scripts/adversarial_geometry.py --out results/geometry                  # smoke: a minute
    python scripts/adversarial_geometry.py --budget laptop --weights resnet32.th \
        --data-root ~/data --precision bf16 --out results/geometry

Stopped and started again, it goes on where it was. Writes the networks, the attacked images, tables
(tables.md, accuracy.csv, .json, .tex), planes around every network and figures of them.
"""

import sys
from pathlib import Path
from typing import Literal

import xarray as xr
from geometry import models, report, shapes
from geometry.settings import BUDGETS

import landscape
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status


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
    found = shapes.compare(work, networks)
    print(report.write(results, found, out, beside=work.budget.dataset == "cifar10"))
    first: dict[str, dict[str, xr.Dataset]] = {}
    for name, data in shapes.cases(work):
        plane = landscape.load_surface(shapes.plane_file(work, name, data, 0))
        first.setdefault(data, {})[name] = plane
    for file in report.draw(first, out):
        print(file)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
