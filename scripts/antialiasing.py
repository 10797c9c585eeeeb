r"""Do filters against aliases smooth what a network makes of moved images?

    python scripts/antialiasing.py --out results/antialiasing                  # smoke: a minute
    python scripts/antialiasing.py --budget laptop --data-root ~/data --precision bf16 \
        --out results/antialiasing

Trains ResNets with and without filters before subsampling (Zhang 2019), on images as they are and
on the worst of ten poses. Tests every epoch under the worst of ten poses within several limits, and
finished networks under a grid of poses; measures shift consistency and how rough the loss is over
rotations and shifts by fractions of a pixel. Stopped and started again, it goes on where it was.
Writes the networks, tradeoff.h5, the surfaces of every network, tables.md and figures.
"""

import sys

from fragility import cli, curves, poses, report, settings
from fragility.study import trained

from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.plots import write_plots


def main(options: cli.Options) -> None:
    """Train, test every epoch, attack, sweep, measure, tabulate, draw."""
    work = options.work(settings.antialiasing)
    networks = trained(work)
    data = curves.tradeoff(work, networks)
    found = poses.looked_at(work, networks, options.budget)
    page = "\n".join([report.last_epoch(data), poses.page(work, found)])
    figures = write_plots(data, stem=work.out / "figure", formats=("png", "pdf"))
    cli.finish(work.out, page, [*figures, *poses.draw(work, found)])


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(parse(cli.Options, about=__doc__))))
