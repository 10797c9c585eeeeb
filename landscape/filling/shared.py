"""What processes that fill a file together leave on their board."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import safetensors.numpy
from jaxtyping import Int, Shaped

from landscape.interrupt import Asked, Terminated
from landscape.processes import Board, Group

FLUSH_SECONDS = 0.5  # values wait this long at most before they are on the disk, or on their way
FLUSH_BYTES = 16 * 2**20  # or until they are so many
SPACE = 0.002  # seconds between two parcels that arrive, so that the first process keeps up
POINTS = ".points"  # beside the names of fields

Points = Int[np.ndarray, " n"]
"""Flat indices of points."""

Values = Mapping[str, Shaped[np.ndarray, "n ..."]]
"""Values of points by field."""


def interval(flush_seconds: float, processes: int) -> float:
    """Seconds between two parcels of one of so many processes."""
    return max(flush_seconds, SPACE * processes)


class Agreed:
    """Whether to stop: what this process has heard it tells all, and what another has told."""

    def __init__(self, board: Board, heard: Asked) -> None:
        self._board, self._heard = board, heard
        self._last = 0.0
        self._stop: type[KeyboardInterrupt] | None = None

    def __call__(self) -> type[KeyboardInterrupt] | None:
        """What is to be raised, if anything; the board is asked now and then."""
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
class Batch:
    """Points that all processes draw chunks of."""

    number: int
    points: Points
    per_call: int

    def packed(self) -> bytes:
        """For the board."""
        return safetensors.numpy.save(
            {POINTS: self.points.astype(np.int64), "per_call": np.array([self.per_call])}
        )

    @classmethod
    def unpacked(cls, number: int, data: bytes) -> "Batch":
        """What was packed."""
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


class Missing:
    """Points of a batch that have not arrived.

    Attributes:
        count: how many.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch, self._next, self.count = batch, 0, len(batch.points)
        self._waiting = np.zeros(int(batch.points.max(initial=-1)) + 1, dtype=bool)
        self._waiting[batch.points] = True

    def strike(self, points: Points) -> int:
        """Take note that points have arrived; how many of them for the first time."""
        new = int(self._waiting[points].sum())
        self._waiting[points] = False
        self.count -= new
        return new

    def chunk(self) -> Points | None:
        """A chunk of which some has not arrived, each once."""
        points, size = self._batch.points, self._batch.per_call
        while self._next < len(points):
            chunk = points[self._next : self._next + size]
            self._next += size
            if self._waiting[chunk].any():
                return chunk
        return None


class Parcels:
    """What processes leave on the board for the first one."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._seen, self._awaited = 0, list[int]()

    def send(self, points: Points, values: Values) -> None:
        """Leave points and values for the first process."""
        held = {name: np.ascontiguousarray(column) for name, column in values.items()}
        packed = safetensors.numpy.save({POINTS: points.astype(np.int64), **held})
        self._board.put(f"parcel/{self._board.add('parcels', 1)}", packed)

    def collect(self, found: "Undelivered") -> list[Points]:
        """Take what is there, and say which points that were."""
        sent = self._board.add("parcels", 0)
        self._awaited += range(self._seen + 1, sent + 1)
        self._seen, points = sent, []
        for number in list(self._awaited):
            if not self._board.has(f"parcel/{number}"):  # on its way
                continue
            held = safetensors.numpy.load(self._board.take(f"parcel/{number}"))
            self._awaited.remove(number)
            indices = held.pop(POINTS)
            found.add(indices, held)
            points.append(indices)
        return points


class Undelivered:
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
