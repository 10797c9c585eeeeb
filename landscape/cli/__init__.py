"""The command line: one file per command; each reads arguments and calls one function.

Nothing here imports torch before a command needs it, so that help is instant.
"""

import atexit
import gc
import logging
import sys
import warnings
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
from landscape.cli.output import MOST
from landscape.cli.plot import plot
from landscape.cli.report import report
from landscape.cli.spatial import spatial
from landscape.cli.together import BAD_INPUT, INTERRUPTED, TERMINATED
from landscape.cli.train import train
from landscape.cli.weights import weights
from landscape.errors import InputError
from landscape.interrupt import Terminated, unwinding
from landscape.text import printable

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
        The exit status: 0, 2 after bad input (one sentence on standard error), 130 after Ctrl-C,
        143 after SIGTERM.
    """
    warnings.formatwarning = _one_line
    _tell_what_is_logged()
    atexit.register(_leave_quickly)
    try:
        with unwinding():
            _run(arguments)
    except InputError as error:
        return _complain(str(error), BAD_INPUT)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}", BAD_INPUT)
    except MemoryError as error:
        return _complain(
            f"there is not enough memory for this ({error or 'none is left'})", BAD_INPUT
        )
    except KeyboardInterrupt as interrupt:
        advice = "what was computed is kept where --out points; the same command goes on from there"
        ended = isinstance(interrupt, Terminated)
        how = "ended by SIGTERM" if ended else "interrupted"
        return _complain(str(interrupt) or f"{how}; {advice}", TERMINATED if ended else INTERRUPTED)
    return 0


def _run(arguments: Sequence[str] | None) -> None:
    tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog="landscape",
        description="Loss landscapes of image classifiers: over rotations and shifts of the "
        "input, and around trained weights.",
        args=arguments,
        config=(
            tyro.conf.DisallowNone,
            tyro.conf.FlagCreatePairsOff,
            tyro.conf.OmitArgPrefixes,
        ),
    )


def _leave_quickly() -> None:
    """End without Python's last search for garbage: half a second where torch was imported."""
    if "triton" not in sys.modules:  # it reports as leaked whatever is not searched for
        gc.freeze()


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"landscape: {printable(message, MOST)}\n")
    return status


class _StandardError(logging.Handler):
    """Writes to what standard error is at the time: a progress bar stands in for it."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        sys.stderr.write(f"landscape: {printable(record.getMessage(), MOST)}\n")


def _tell_what_is_logged() -> None:
    log = logging.getLogger("landscape")
    log.setLevel(logging.INFO)
    if not any(isinstance(handler, _StandardError) for handler in log.handlers):
        log.addHandler(_StandardError())


def _one_line(message: Warning | str, *where: object, **rest: object) -> str:
    return f"landscape: warning: {printable(str(message), MOST)}\n"
