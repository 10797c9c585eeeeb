"""Datasets of an HDF5 file as xarray's, whose values are read when they are asked for."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.core import indexing

from landscape.store.members import Held
from landscape.store.watch import reading


def lazy_dataset(held: dict[str, Held], facts: dict[str, Any], path: Path) -> xr.Dataset:
    """A dataset that reads from an open file; coordinates are read at once.

    Args:
        held: the datasets, by name; dimensions without coordinates are dimensions alone.
        facts: attributes.
        path: of the file.
    """
    variables = {
        name: xr.Variable(
            (name,) if one.scale else one.dims,
            indexing.LazilyIndexedArray(_Values(one.data, path)),
            dict(one.attributes),
        )
        for name, one in held.items()
        if not one.blank
    }
    axes = {name for name, one in held.items() if one.scale}
    with reading(path):
        data = xr.Dataset(
            {name: variable for name, variable in variables.items() if name not in axes},
            {name: variable for name, variable in variables.items() if name in axes},
            facts,
        )
    data.encoding["source"] = str(path)
    return data


class _Values(xr.backends.BackendArray):
    """The values of a dataset; what cannot be read is said in one sentence.

    The dataset is opened anew each time: while it is open, HDF5 does not look whether another
    process has changed it.
    """

    def __init__(self, data: h5py.Dataset, path: Path) -> None:
        self._file, self._name, self._path = data.file, data.name, path
        self.shape, self.dtype = data.shape, data.dtype

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Values":
        """A copy reads from the same file."""
        return self

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER_1VECTOR
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        with reading(self._path):
            return np.asarray(self._file[self._name][key])
