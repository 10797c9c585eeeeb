"""Writing values straight to their places in a file whose datasets are laid out already.

While a file is being filled, every dataset is contiguous and allocated, so that a point is a place
in the file. Point by point this is far faster than through HDF5, which then never holds the file
open for writing: nothing of it is in memory when the process is killed.
"""

import os
from collections.abc import Iterator
from itertools import pairwise

import h5py
import numpy as np
from jaxtyping import Int, Shaped

from landscape.store.checksums import SUM_FIELD
from landscape.store.schema import DONE_FIELD, Layout


class Places:
    """Where the values of points stand, by field."""

    def __init__(self, descriptor: int, file: h5py.File, layout: Layout) -> None:
        """Look up the places.

        Args:
            descriptor: of the file, open for writing.
            file: the same, being filled.
            layout: of it.
        """
        self._descriptor, points = descriptor, int(np.prod(layout.grid_shape))
        self._fields = {}
        for name in (*(field.name for field in layout.fields), SUM_FIELD.name, DONE_FIELD.name):
            data = file[name]
            size = data.size * data.dtype.itemsize // points
            self._fields[name] = (data.id.get_offset() or 0, data.dtype, size)

    def write(
        self, name: str, points: Int[np.ndarray, " n"], values: Shaped[np.ndarray, "n ..."]
    ) -> None:
        """Write one field of points given by flat indices.

        Raises:
            OSError: the file cannot be written.
        """
        offset, dtype, size = self._fields[name]
        if not size or not len(points):
            return
        data = np.ascontiguousarray(values, dtype).data.cast("B")
        for start, stop in _runs(points):
            self._write_at(offset + int(points[start]) * size, data[start * size : stop * size])

    def _write_at(self, place: int, data: memoryview) -> None:
        while len(data):
            written = os.pwrite(self._descriptor, data, place)
            place, data = place + written, data[written:]


def _runs(points: Int[np.ndarray, " n"]) -> Iterator[tuple[int, int]]:
    """Where consecutive points begin and end."""
    breaks = np.flatnonzero(np.diff(points) != 1) + 1
    ends = [0, *breaks.tolist(), len(points)]
    yield from pairwise(ends)
