"""`landscape report`: all that a run left, on one page."""

from pathlib import Path

import tyro

from landscape.cli.options import Unset
from landscape.cli.output import say


def report(folder: tyro.conf.Positional[Path], /, out: Unset[Path] = None) -> None:
    """Tables, figures and settings of a run on one page that opens offline.

    Everything that other commands left in the folder, and in the folders in it, is shown: trainings
    with their curves and settings, accuracy under attack, surfaces with figures, facts and checks,
    those of a kind on one scale, too.

    Args:
        folder: Of a run, e.g. what --out of landscape train was.
        out: The page (.html); report.html in the folder by default.
    """
    from landscape.report import write_report

    say(str(write_report(folder, out)))
