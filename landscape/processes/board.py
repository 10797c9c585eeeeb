"""A board on which processes leave each other notes: bytes and counters by name.

It is the store that `torchrun` keeps beside its processes, so that what one has left is there when
it has died, and nobody waits for anybody who does not ask for it.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from landscape.processes.group import Group, the_store

PIECE = 4 * 2**20  # bytes; the store refuses values of more than 8 MiB


@dataclass(frozen=True)
class Board:
    """Notes under a name of their own, which no restart of the processes has used before."""

    name: str
    store: Any

    @classmethod
    def of(cls, group: Group) -> "Board":
        """A new board; called by all processes, in the same order."""
        return cls(group.on_first(lambda: f"landscape/{uuid.uuid4()}"), the_store())

    def add(self, counter: str, amount: int) -> int:
        """Add to a counter, which begins with 0, and return what it is now."""
        return int(self.store.add(f"{self.name}/{counter}", amount))

    def put(self, note: str, data: bytes) -> None:
        """Leave a note for all."""
        pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
        for number, piece in enumerate(pieces):
            self.store.set(f"{self.name}/{note}/{number}", piece)
        self.store.set(f"{self.name}/{note}", str(len(pieces)))

    def has(self, note: str) -> bool:
        """Whether a note is there."""
        return bool(self.store.check([f"{self.name}/{note}"]))

    def get(self, note: str) -> bytes:
        """A note that is there."""
        count = int(self.store.get(f"{self.name}/{note}"))
        return b"".join(self.store.get(f"{self.name}/{note}/{n}") for n in range(count))

    def take(self, note: str) -> bytes:
        """A note that is there, which is then taken off the board."""
        data = self.get(note)
        for number in range(-(-len(data) // PIECE)):
            self.store.delete_key(f"{self.name}/{note}/{number}")
        self.store.delete_key(f"{self.name}/{note}")
        return data
