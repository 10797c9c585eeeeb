"""How a program of the package ends: with a status, and where something is wrong one sentence."""

import atexit
import gc
import logging
import os
import select
import sys
import warnings
from collections.abc import Callable

from landscape.cli.output import MOST
from landscape.cli.together import BAD_INPUT, INTERRUPTED, PIPE_CLOSED, TERMINATED
from landscape.errors import InputError
from landscape.interrupt import Terminated, unwinding
from landscape.text import printable


def exit_status(run: Callable[[], int | None]) -> int:
    """Run a program, and tell on standard error what it logs, warns of and cannot use.

    Args:
        run: the program; gives its own status, or None for 0.

    Returns:
        Its status; 2 after bad input, 130 after Ctrl-C, 141 where nobody reads what it prints any
        more, 143 after SIGTERM.
    """
    warnings.formatwarning = _one_line
    _tell_what_is_logged()
    atexit.register(_leave_quickly)
    try:
        with unwinding():
            status = run() or 0
            sys.stdout.flush()
            return status
    except InputError as error:
        return _complain(str(error), BAD_INPUT)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return PIPE_CLOSED
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}", BAD_INPUT)
    except MemoryError as error:
        return _too_little_memory(str(error) or "none is left")
    except RuntimeError as error:
        from landscape.engine.memory import ran_out  # it imports torch, which has raised this

        if not ran_out(error):
            raise
        return _too_little_memory(str(error).splitlines()[0])
    except KeyboardInterrupt as interrupt:
        advice = "what was computed is kept where --out points; the same command goes on from there"
        ended = isinstance(interrupt, Terminated)
        how = "ended by SIGTERM" if ended else "interrupted"
        return _complain(str(interrupt) or f"{how}; {advice}", TERMINATED if ended else INTERRUPTED)


def _nobody_reads() -> bool:
    """Whether who read what is printed has seen enough, as `head` has; the rest then goes nowhere.

    Pipes between processes break as well.
    """
    asked = select.poll()
    asked.register(sys.stdout.fileno(), 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in asked.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _leave_quickly() -> None:
    """End without Python's last search for garbage: half a second where torch was imported."""
    if "triton" not in sys.modules:  # it reports as leaked whatever is not searched for
        gc.freeze()


def _too_little_memory(said: str) -> int:
    return _complain(f"there is not enough memory for this ({said})", BAD_INPUT)


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
