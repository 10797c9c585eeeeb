"""What the processes of `torchrun` have in common on the command line: one voice."""

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from landscape.errors import InputError

if TYPE_CHECKING:  # torch takes seconds to import, and help must not wait for it
    from landscape.processes import Group

BAD_INPUT, INTERRUPTED, PIPE_CLOSED, TERMINATED = 2, 130, 141, 143


@contextmanager
def together() -> "Iterator[Group]":
    """The processes that `torchrun` has started, or this one alone.

    What several have to say is said once, by the first where all have found it.
    """
    from landscape.processes import is_loss_of_another, joined

    group = joined()
    if group.size > 1:  # who waits for another must end at once when torchrun says so
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not group.leads:
        logging.getLogger("landscape").setLevel(logging.ERROR)
        warnings.simplefilter("ignore")
    try:
        yield group
    except (InputError, OSError) as error:
        if not group.tells():
            raise SystemExit(BAD_INPUT) from error
        raise
    except KeyboardInterrupt as interrupt:
        if not group.tells():
            raise SystemExit(INTERRUPTED) from interrupt
        raise
    except RuntimeError as error:
        if group.has_told():
            raise SystemExit(BAD_INPUT) from error
        if not is_loss_of_another(error):
            raise
        raise InputError(
            "another process of torchrun has died, perhaps for want of memory; the same command "
            "goes on from what was saved"
        ) from error
