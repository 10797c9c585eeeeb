"""The command line: one file per command; each reads arguments and calls one function.

Nothing here imports torch before a command needs it, so that help is instant.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from landscape.cli.evaluate import evaluate
from landscape.cli.explore import explore
from landscape.cli.export import export
from landscape.cli.figure import figure
from landscape.cli.import_ import import_
from landscape.cli.info import info
from landscape.cli.measure import measure
from landscape.cli.parsing import CONFIG, paragraphs, parse
from landscape.cli.plot import plot
from landscape.cli.report import report
from landscape.cli.spatial import spatial
from landscape.cli.status import exit_status
from landscape.cli.train import train
from landscape.cli.weights import weights

COMMANDS: dict[str, Callable[..., Any]] = {
    "train": train,
    "evaluate": evaluate,
    "spatial": spatial,
    "weights": weights,
    "measure": measure,
    "plot": plot,
    "figure": figure,
    "report": report,
    "explore": explore,
    "export": export,
    "import": import_,
    "info": info,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `landscape`; those of the process by default.

    Returns:
        The exit status, as `exit_status` has it.
    """
    return exit_status(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    words = sys.argv[1:] if arguments is None else arguments
    name = words[0] if words else ""
    if name in COMMANDS:  # so that what cannot be parsed is told with the help of this command
        parse(COMMANDS[name], words[1:], program=f"landscape {name}")
        return
    tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog="landscape",
        description=paragraphs(
            "Loss landscapes of image classifiers: over rotations and shifts of the input, and "
            "around trained weights."
        ),
        args=words,
        config=CONFIG,
    )
