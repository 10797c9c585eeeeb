"""Ctrl-C and SIGTERM that wait for a safe moment."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, as a scheduler or `kill` sends it, was heeded."""


Asked = Callable[[], type[KeyboardInterrupt] | None]
"""Whether to stop: None, or what is to be raised."""


def terminate(number: int, frame: FrameType | None) -> None:
    """A handler of SIGTERM that unwinds instead of ending at once, so that files are tidied up."""
    raise Terminated


USUAL = {
    signal.SIGINT: (signal.default_int_handler,),
    signal.SIGTERM: (signal.SIG_DFL, terminate),
}
"""Handlers that stop the program, by signal."""
ERRORS: dict[int, type[KeyboardInterrupt]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}


@contextmanager
def deferred_stop() -> Iterator[Asked]:
    """Within the block a first Ctrl-C or SIGTERM only makes the yielded function say so.

    A second one stops the program at once. A signal that is ignored (Ctrl-C for a job in the
    background of a shell), or handled by another program around this one, is left alone; so are
    both in a thread other than the main one.
    """
    came: list[type[KeyboardInterrupt]] = []
    before = {number: signal.getsignal(number) for number in USUAL}
    ours = {number: handler for number, handler in before.items() if handler in USUAL[number]}
    if threading.current_thread() is not threading.main_thread():
        ours = {}

    def handle(number: int, frame: FrameType | None) -> None:
        for other, handler in ours.items():
            signal.signal(other, handler)
        came.append(ERRORS[number])

    for number in ours:
        signal.signal(number, handle)
    try:
        yield lambda: came[0] if came else None
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


@contextmanager
def stopped_after() -> Iterator[None]:
    """Within the block a first Ctrl-C or SIGTERM waits, and stops the program at its end."""
    with deferred_stop() as asked:
        yield
    if (stop := asked()) is not None:
        raise stop


@contextmanager
def unwinding() -> Iterator[None]:
    """Within the block SIGTERM is an exception, unless it means something already."""
    usual = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is terminate:  # else somebody wants it otherwise
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
