r"""Does rounding of pixels make a vision transformer less fragile, and is it the rounding?

    python scripts/rounding.py --out results/rounding                          # smoke: a minute
    python scripts/rounding.py --budget laptop --data-root ~/data --precision bf16 \
        --out results/rounding
    python scripts/rounding.py --budget paper --dataset cifar100 --device cuda --out results/c100

The blog's Round rounds pixels and does not normalize them, its Baseline normalizes: two changes at
once. Here networks are trained with each of the two as well. Every epoch of every seed is tested as
it is and under PGD within several radii, made without and with the rounding. Stopped and started
again, it goes on where it was. Writes the networks, tradeoff.h5, tables.md, and the figure.
"""

import sys

from fragility import cli, settings

from landscape.cli.parsing import parse
from landscape.cli.status import exit_status

RADIUS = 2  # in units of 1/255, of the attack that is looked at closely


def main(options: cli.Options) -> None:
    """Train, test every epoch, look for masked gradients, tabulate, draw."""
    cli.on_pixels(options.work(settings.rounding), options.budget, RADIUS)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(parse(cli.Options, about=__doc__))))
