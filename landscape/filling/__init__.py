"""Filling a file with points, by one process or by all that `torchrun` has started.

Together they draw chunks of points from one counter, so that a slow process holds up nobody, and
leave what they found for the first, which alone writes. It computes, too, while nothing arrives.
Whoever dies takes with it the chunks it had in hand; what the others have is written.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from landscape.filling.shared import (
    FLUSH_SECONDS,
    Agreed,
    Batch,
    Missing,
    Parcels,
    Points,
    Undelivered,
    Values,
    interval,
)
from landscape.interrupt import Asked, deferred_stop
from landscape.processes import Board, Group, heard_signals
from landscape.progress import Progress
from landscape.store import SurfaceWriter

LATE = 10.0  # seconds without news after which what is missing is computed by the first process
GRACE = 5.0  # seconds for the chunks that others have in hand when all stop
LOOKS = (0.002, 0.2)  # seconds between two looks at the board while there is nothing to do

Evaluate = Callable[[Points], Values]


@contextmanager
def opened(open_file: Callable[[], SurfaceWriter], group: Group) -> Iterator[SurfaceWriter | None]:
    """The file in the first process, None in the others, which learn if it cannot be opened.

    Raises:
        InputError: in all of them, if the first one cannot open it.
    """
    writers: list[SurfaceWriter] = []
    group.on_first(lambda: writers.append(open_file()))
    try:
        yield writers[0] if writers else None
    finally:
        for writer in writers:
            writer.close()


def fill(
    writer: SurfaceWriter,
    batches: Iterator[Points],
    per_call: int,
    evaluate: Evaluate,
    *,
    group: Group,
    bar: Progress,
    flush_seconds: float = FLUSH_SECONDS,
) -> None:
    """Evaluate points chunk by chunk; whatever ends the loop, what was computed is written.

    Called by the first process, or the only one. A first Ctrl-C or SIGTERM is heeded between two
    chunks, by all processes.

    Args:
        writer: of the file.
        batches: points to compute; the next ones are asked for when these are in the file.
        per_call: how many of them make a chunk.
        evaluate: gives the values of a chunk.
        group: the processes that share the work; the others call `help_fill`.
        bar: told of points that were computed.
        flush_seconds: how long values may wait before they are written.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    found = Undelivered(writer.write, flush_seconds)
    if group.size > 1:
        _fill_together(batches, per_call, evaluate, found, group, bar)
        return
    with deferred_stop() as asked:
        try:
            for batch in batches:
                for start in range(0, len(batch), per_call):
                    if stop := asked():
                        raise stop
                    chunk = batch[start : start + per_call]
                    found.add(chunk, evaluate(chunk))
                    bar.advance(len(chunk))
                found.hand_over()  # the next batch follows from the values of this one
        finally:
            found.hand_over()


def _fill_together(
    batches: Iterator[Points],
    per_call: int,
    evaluate: Evaluate,
    found: Undelivered,
    group: Group,
    bar: Progress,
) -> None:
    board = Board.of(group)
    parcels, number = Parcels(board), 0
    with heard_signals() as heard:
        asked = Agreed(board, heard)
        try:
            for number, points in enumerate(batches):
                batch = Batch(number, points, per_call)
                board.put(f"batch/{number}", batch.packed())
                _complete(batch, board, group, asked, evaluate, parcels, found, bar)
                if stop := asked():
                    _await_others(board, group, parcels, found)
                    raise stop
                found.hand_over()
                number += 1
            board.put(f"batch/{number}", b"")
        except Exception:
            with suppress(RuntimeError):  # the board may be what failed
                parcels.collect(found)
            raise
        finally:
            found.hand_over()


def _complete(
    batch: Batch,
    board: Board,
    group: Group,
    asked: Asked,
    evaluate: Evaluate,
    parcels: Parcels,
    found: Undelivered,
    bar: Progress,
) -> None:
    """Collect a batch, and compute what nobody has drawn; what does not come is computed again."""
    mine, missing = batch.draw(board, group, asked, seconds=0.0), Missing(batch)
    idle, last = 0, time.monotonic()
    while missing.count and not asked():
        arrived = parcels.collect(found)
        if not arrived:
            late = time.monotonic() - last > LATE
            chunk = next(mine, None)
            if chunk is None and late:
                chunk = missing.chunk()
            if chunk is not None:
                found.add(chunk, evaluate(chunk))
                arrived = [chunk]
        if arrived:
            idle, last = 0, time.monotonic()
            bar.advance(sum(map(missing.strike, arrived)))
        else:
            idle = _rest(idle, found)


def help_fill(evaluate: Evaluate, *, group: Group, flush_seconds: float = FLUSH_SECONDS) -> None:
    """Evaluate chunks until the first process has all it wants; called by all others.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    board, seconds = Board.of(group), interval(flush_seconds, group.size)
    found = Undelivered(Parcels(board).send, seconds)
    with heard_signals() as heard:
        asked = Agreed(board, heard)
        try:
            for batch in _batches(board, asked):
                for chunk in batch.draw(board, group, asked, seconds=seconds):
                    found.add(chunk, evaluate(chunk))
                found.hand_over()
            if stop := asked():
                raise stop
        finally:
            found.hand_over()
            board.add("left", 1)


def _batches(board: Board, asked: Asked) -> Iterator[Batch]:
    """What the first process publishes, until it says that there is no more."""
    number = idle = 0
    while not asked():
        if not board.has(f"batch/{number}"):
            idle = _rest(idle)
            continue
        packed = board.get(f"batch/{number}")
        if not packed:
            return
        yield Batch.unpacked(number, packed)
        number, idle = number + 1, 0


def _await_others(board: Board, group: Group, parcels: Parcels, found: Undelivered) -> None:
    """Take what the others have computed until now; who was killed sends nothing."""
    end, idle = time.monotonic() + GRACE, 0
    while time.monotonic() < end:
        others_left = board.add("left", 0) >= group.size - 1
        if not parcels.collect(found):
            if others_left:
                return
            idle = _rest(idle)


def _rest(idle: int, found: Undelivered | None = None) -> int:
    """Sleep, a little longer each time; what waits to be written does so no longer."""
    if found is not None:
        found.hand_over()
    time.sleep(min(LOOKS[1], LOOKS[0] * 2**idle))
    return min(idle + 1, 10)


__all__ = ["FLUSH_SECONDS", "Evaluate", "Points", "Values", "fill", "help_fill", "opened"]
