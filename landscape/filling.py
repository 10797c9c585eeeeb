"""Filling a file with points, by one process or by all that `torchrun` has started.

Together they draw chunks of points from one counter, so that a slow process holds up nobody, and
leave what they found for the first, which alone writes. It computes, too, while nothing arrives.
Whoever dies takes with it the chunks it had in hand; what the others have is written.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import safetensors.numpy
from jaxtyping import Int, Shaped

from landscape.interrupt import Asked, Terminated, deferred_stop
from landscape.processes import Board, Group, heard_signals
from landscape.progress import Progress
from landscape.store import SurfaceWriter

FLUSH_SECONDS = 0.5  # values wait this long at most before they are on the disk, or on their way
FLUSH_BYTES = 16 * 2**20  # or until they are so many
GRACE = 5.0  # seconds for the chunks that others have in hand when all stop
LOOKS = (0.002, 0.2)  # seconds between two looks at the board while there is nothing to do
POINTS = ".points"  # beside the names of fields

Points = Int[np.ndarray, " n"]
"""Flat indices of points."""

Values = Mapping[str, Shaped[np.ndarray, "n ..."]]
"""Values of points by field."""

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
    found = _Found(writer.write, flush_seconds)
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
    found: "_Found",
    group: Group,
    bar: Progress,
) -> None:
    board = Board.of(group)
    parcels, number = _Parcels(board), 0
    with heard_signals() as heard:
        asked = _Agreed(board, heard)
        try:
            for number, points in enumerate(batches):
                batch = _Batch(number, points, per_call)
                board.put(f"batch/{number}", batch.packed())
                mine, missing, idle = batch.draw(board, group, asked, seconds=0.0), len(points), 0
                while missing and not asked():
                    arrived = parcels.collect(found)
                    if not arrived and (chunk := next(mine, None)) is not None:
                        found.add(chunk, evaluate(chunk))
                        arrived = len(chunk)
                    idle = 0 if arrived else _rest(idle, found)
                    missing -= arrived
                    bar.advance(arrived)
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


def help_fill(evaluate: Evaluate, *, group: Group, flush_seconds: float = FLUSH_SECONDS) -> None:
    """Evaluate chunks until the first process has all it wants; called by all others.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    board = Board.of(group)
    found = _Found(_Parcels(board).send, flush_seconds)
    with heard_signals() as heard:
        asked = _Agreed(board, heard)
        try:
            for batch in _batches(board, asked):
                for chunk in batch.draw(board, group, asked, seconds=flush_seconds):
                    found.add(chunk, evaluate(chunk))
                found.hand_over()
            if stop := asked():
                raise stop
        finally:
            found.hand_over()
            board.add("left", 1)


def _batches(board: Board, asked: Asked) -> Iterator["_Batch"]:
    """What the first process publishes, until it says that there is no more."""
    number = idle = 0
    while not asked():
        if not board.has(f"batch/{number}"):
            idle = _rest(idle)
            continue
        packed = board.get(f"batch/{number}")
        if not packed:
            return
        yield _Batch.unpacked(number, packed)
        number, idle = number + 1, 0


def _await_others(board: Board, group: Group, parcels: "_Parcels", found: "_Found") -> None:
    """Take what the others have computed until now; who was killed sends nothing."""
    end, idle = time.monotonic() + GRACE, 0
    while time.monotonic() < end:
        others_left = board.add("left", 0) >= group.size - 1
        if not parcels.collect(found):
            if others_left:
                return
            idle = _rest(idle)


def _rest(idle: int, found: "_Found | None" = None) -> int:
    """Sleep, a little longer each time; what waits to be written does so no longer."""
    if found is not None:
        found.hand_over()
    time.sleep(min(LOOKS[1], LOOKS[0] * 2**idle))
    return min(idle + 1, 10)


class _Agreed:
    """Whether to stop: what this process has heard it tells all, and what another has told."""

    def __init__(self, board: Board, heard: Asked) -> None:
        self._board, self._heard = board, heard
        self._last, self._stop = 0.0, heard()

    def __call__(self) -> type[KeyboardInterrupt] | None:
        if self._stop is None and (own := self._heard()):
            self._board.put("stop", own.__name__.encode())
            self._stop = own
        now = time.monotonic()
        if self._stop is None and now - self._last >= FLUSH_SECONDS:
            self._last = now
            if self._board.has("stop"):
                told = self._board.get("stop").decode()
                self._stop = Terminated if told == Terminated.__name__ else KeyboardInterrupt
        return self._stop


@dataclass(frozen=True)
class _Batch:
    """Points that all processes draw chunks of."""

    number: int
    points: Points
    per_call: int

    def packed(self) -> bytes:
        return safetensors.numpy.save(
            {POINTS: self.points.astype(np.int64), "per_call": np.array([self.per_call])}
        )

    @classmethod
    def unpacked(cls, number: int, data: bytes) -> "_Batch":
        held = safetensors.numpy.load(data)
        return cls(number, held[POINTS], int(held["per_call"][0]))

    def draw(self, board: Board, group: Group, asked: Asked, *, seconds: float) -> Iterator[Points]:
        """Chunks that nobody else has, until none is left.

        Several are drawn at once, as many as are computed in so many seconds, so that a thousand
        processes do not queue at the counter; fewer towards the end, so that nobody runs dry.
        """
        count, many = -(-len(self.points) // self.per_call), 1
        while not asked():
            until = board.add(f"drawn/{self.number}", many)
            started = time.monotonic()
            for i in range(until - many, min(until, count)):
                if asked():
                    return
                yield self.points[i * self.per_call : (i + 1) * self.per_call]
            if until >= count:
                return
            affordable = int(seconds * many / max(1e-6, time.monotonic() - started))
            many = max(1, min(affordable, (count - until) // (2 * group.size)))


class _Parcels:
    """What processes leave on the board for the first one."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._seen, self._awaited = 0, list[int]()

    def send(self, points: Points, values: Values) -> None:
        """Leave points and values for the first process."""
        held = {name: np.ascontiguousarray(column) for name, column in values.items()}
        packed = safetensors.numpy.save({POINTS: points.astype(np.int64), **held})
        self._board.put(f"parcel/{self._board.add('parcels', 1)}", packed)

    def collect(self, found: "_Found") -> int:
        """Take what is there, and say how many points that were."""
        sent = self._board.add("parcels", 0)
        self._awaited += range(self._seen + 1, sent + 1)
        self._seen, points = sent, 0
        for number in list(self._awaited):
            if not self._board.has(f"parcel/{number}"):  # on its way
                continue
            held = safetensors.numpy.load(self._board.take(f"parcel/{number}"))
            self._awaited.remove(number)
            indices = held.pop(POINTS)
            found.add(indices, held)
            points += len(indices)
        return points


class _Found:
    """Points that were computed and not yet handed over."""

    def __init__(self, deliver: Callable[[Points, Values], None], seconds: float) -> None:
        self._deliver, self._seconds = deliver, seconds
        self._waiting: list[tuple[Points, Values]] = []
        self._bytes, self._last = 0, time.monotonic()

    def add(self, points: Points, values: Values) -> None:
        """Keep them until enough time has passed, or enough have come together."""
        self._waiting.append((points, values))
        self._bytes += sum(column.nbytes for column in values.values())
        if time.monotonic() - self._last >= self._seconds or self._bytes >= FLUSH_BYTES:
            self.hand_over()

    def hand_over(self) -> None:
        """Deliver all that wait."""
        if self._waiting:
            points = np.concatenate([points for points, _ in self._waiting])
            columns = {
                name: np.concatenate([values[name] for _, values in self._waiting])
                for name in self._waiting[0][1]
            }
            self._waiting, self._bytes = [], 0
            self._deliver(points, columns)
        self._last = time.monotonic()
