r"""Do filters against aliases smooth what a network makes of moved images?

    python scripts/antialiasing.py --out results/antialiasing                  # smoke: two minutes
    python scripts/antialiasing.py --budget laptop --data-root ~/data --precision bf16 \
        --out results/antialiasing

Trains ResNets with and without filters before subsampling (Zhang 2019), on images as they are and
on the worst of ten poses. Tests every epoch under the worst of ten poses within several limits, and
finished networks under a grid of poses; measures shift consistency and how rough the loss is over
rotations and shifts by fractions of a pixel. Stopped and started again, it goes on where it was.
Writes the networks, tradeoff.h5, the surfaces of every network, tables.md and figures.
"""

from pathlib import Path

import tyro
from fragility import cli, curves, poses, report, settings
from fragility.study import Work, trained

from landscape.plots import write_plots


def main(
    out: Path,
    budget: cli.Budget = "smoke",
    dataset: str | None = None,
    data_root: Path | None = None,
    device: str = "cpu",
    precision: cli.Precision = "fp32",
) -> None:
    """Train, test every epoch, attack, sweep, measure, tabulate, draw.

    Args:
        out: The folder for everything.
        budget: smoke (digits, two minutes), laptop (hours on two cores) or paper (a GPU).
        dataset: digits for smoke; cifar10, the default of the others, or cifar100.
        data_root: The folder that holds the data set.
        device: Where to compute.
        precision: Of training and attacks: fp32, tf32 or bf16. Surfaces are computed in fp32.
    """
    study = settings.antialiasing(budget, cli.dataset_of(budget, dataset))
    work = Work(study, out, data_root, device, precision)
    networks = trained(work)
    data = curves.tradeoff(work, networks)
    found = poses.looked_at(work, networks, budget)
    page = "\n".join([report.last_epoch(data), poses.page(work, found)])
    figures = write_plots(data, stem=out / "figure", formats=("png", "pdf"))
    cli.finish(out, page, [*figures, *poses.draw(work, found)])


if __name__ == "__main__":
    tyro.cli(main)
