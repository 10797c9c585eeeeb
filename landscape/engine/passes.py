"""A batch in passes that fit into the memory."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from landscape.engine.memory import ran_out, release_cached
from landscape.errors import InputError

T = TypeVar("T")


class Passes:
    """Passes of one size, halved whenever the memory does not suffice.

    Attributes:
        size: examples in one pass.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.size, self._device = size, device

    def over(self, count: int, run: Callable[[slice], T]) -> Iterator[T]:
        """What `run` gives for consecutive parts of a batch.

        Raises:
            InputError: not even a single example fits into the memory.
        """
        start = 0
        while start < count:
            end = min(count, start + self.size)
            try:
                result = run(slice(start, end))
            except (RuntimeError, MemoryError) as error:
                if not ran_out(error):
                    raise
                if end - start == 1:
                    raise InputError(
                        f"a single image needs more memory than there is on {self._device}; close "
                        "other programs or use another device"
                    ) from error
                self.size = max(1, (end - start) // 2)
            else:
                yield result
                start = end
                continue
            release_cached(self._device)  # out here, where the failed pass's frames are gone
