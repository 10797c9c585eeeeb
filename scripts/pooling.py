r"""Is a ResNet-18 that takes means in its stem more or less fragile than one that takes maxima?

    python scripts/pooling.py --out results/pooling                            # smoke: a minute
    python scripts/pooling.py --budget laptop --data-root ~/data --precision bf16 \
        --out results/pooling

Every epoch of every seed is tested as it is and under PGD within several radii. Stopped and started
again, it goes on where it was. Writes the networks, tradeoff.h5, tables.md, and the figure of clean
against attacked accuracy.
"""

import sys

from fragility import cli, settings

from landscape.cli.parsing import parse
from landscape.cli.status import exit_status

RADIUS = 1  # in units of 1/255, of the attack that is looked at closely


def main(options: cli.Options) -> None:
    """Train, test every epoch, look for masked gradients, tabulate, draw."""
    cli.on_pixels(options.work(settings.pooling), options.budget, RADIUS)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(parse(cli.Options, about=__doc__))))
