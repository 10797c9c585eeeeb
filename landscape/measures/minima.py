"""Minima of a stored loss, how deep each is, and which it joins: its merge tree."""

import importlib

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from scipy import ndimage

from landscape.errors import InputError

NONE = -1  # the parent of a minimum that joins no other


def minima(loss: xr.DataArray, *, persistence: float = 0.0) -> xr.Dataset:
    """The minima of a loss on a grid with their persistence, the most persistent one first.

    As the loss rises, every minimum opens a component of the part of the grid that lies below; at
    a saddle two components meet, and the one with the higher minimum ends (the elder rule). The
    persistence of a minimum is how far the loss must rise from it to the saddle where it ends.
    Measured points are the vertices of a cubical complex, so neighbours are those along the axes:
    2 on a line, 4 in a plane, 6 in a volume. A loss that is inf or nan is a wall: it counts as
    +inf. A flat bottom is one minimum, at one of its points.

    Args:
        loss: over swept axes alone, one, two or three of them.
        persistence: leave out minima that are not more persistent than this, in nats.

    Returns:
        Variables over the dimension `minimum`: the coordinates of each minimum by the names of the
        axes and its `loss`; those of its saddle as `saddle_<axis>` (nan for one that never ends)
        and `saddle_loss` (+inf); `persistence`; `parent`, the number of the minimum whose
        component it joins, -1 for none. Its parent is always in the table.

    Raises:
        InputError: no loss is finite, or gudhi is not installed.

    Source: Edelsbrunner, Letscher, Zomorodian 2002, "Topological persistence and simplification";
        Wagner, Chen, Vuçini 2011, "Efficient computation of persistent homology for cubical data".
    """
    values = loss.values.astype(np.float64)
    values = np.where(np.isfinite(values), values, np.inf)
    if loss.ndim == 0 or np.isinf(values).all():
        raise InputError(
            f"expected a loss over one or more axes with finite values, got "
            f"{int(np.isfinite(values).sum())} finite values over {dict(loss.sizes)}"
        )
    pairs = _pairs(values)
    flat = np.append(values.ravel(), np.inf)  # NONE as a saddle is +inf
    born, died = flat[pairs[:, 0]], flat[pairs[:, 1]]
    chosen = died - born > persistence
    order = np.lexsort((born[chosen], -(died - born)[chosen]))
    pairs = pairs[chosen][order]
    return _table(loss, pairs, flat, _parents(values, pairs))


def _pairs(values: Float[np.ndarray, "..."]) -> Int[np.ndarray, "minima 2"]:
    """Flat, row-major indices of every minimum and its saddle; `NONE` where it never ends."""
    try:
        gudhi = importlib.import_module("gudhi")
    except ImportError as error:
        raise InputError(
            "finding minima needs gudhi, which is not installed; "
            "pip install 'landscape[topology]', or leave minima out"
        ) from error
    cubes = gudhi.CubicalComplex(vertices=values)
    cubes.compute_persistence()
    regular, essential = cubes.vertices_of_persistence_pairs()
    ended = regular[0] if regular else np.empty((0, 2))
    endless = np.stack([essential[0], np.full(len(essential[0]), NONE)], axis=1)
    pairs = np.concatenate([ended, endless]).astype(np.int64)
    inside = pairs != NONE
    where = np.unravel_index(pairs[inside], values.shape, order="F")  # gudhi counts column-major
    pairs[inside] = np.ravel_multi_index(where, values.shape)
    flat = np.append(values.ravel(), np.inf)
    pairs[np.isinf(flat[pairs[:, 1]]), 1] = NONE  # a wall is no saddle
    found: Int[np.ndarray, "minima 2"] = pairs[np.isfinite(flat[pairs[:, 0]])]
    return found


def _parents(
    values: Float[np.ndarray, "..."], pairs: Int[np.ndarray, "minima 2"]
) -> Int[np.ndarray, " minima"]:
    """The one minimum that outlives the saddle in the component below it."""
    flat = np.append(values.ravel(), np.inf)
    died = flat[pairs[:, 1]]
    parents = np.full(len(pairs), NONE)
    for i in np.flatnonzero(pairs[:, 1] != NONE):
        component = ndimage.label(values <= died[i])[0].ravel()
        beside = component[pairs[:, 0]] == component[pairs[i, 1]]
        (parents[i],) = np.flatnonzero(beside & (died > died[i]))
    return parents


def _table(
    loss: xr.DataArray,
    pairs: Int[np.ndarray, "minima 2"],
    flat: Float[np.ndarray, " points"],
    parents: Int[np.ndarray, " minima"],
) -> xr.Dataset:
    low, high = flat[pairs[:, 0]], flat[pairs[:, 1]]
    places = _coordinates(loss, pairs[:, 0])
    saddles = _coordinates(loss, pairs[:, 1])
    nat = {"units": loss.attrs.get("units", "nat")}
    table = {
        **places,
        "loss": (low, {**nat, "long_name": "loss at the minimum"}),
        **{f"saddle_{axis}": column for axis, column in saddles.items()},
        "saddle_loss": (high, {**nat, "long_name": "loss at the saddle where it ends"}),
        "persistence": (high - low, {**nat, "long_name": "rise from the minimum to its saddle"}),
        "parent": (parents, {"units": "1", "long_name": "minimum that it joins, -1 for none"}),
    }
    columns = {name: ("minimum", *column) for name, column in table.items()}
    return xr.Dataset(columns, coords={"minimum": np.arange(len(pairs))})


def _coordinates(
    loss: xr.DataArray, points: Int[np.ndarray, " minima"]
) -> dict[str, tuple[Float[np.ndarray, " minima"], dict[str, str]]]:
    """The coordinates of points by axis, with their attributes; nan for `NONE`."""
    there = points != NONE
    columns = {}
    where = np.unravel_index(np.where(there, points, 0), loss.shape)
    for axis, index in zip(loss.dims, where, strict=True):
        values = loss[axis].values.astype(np.float64)[index]
        columns[str(axis)] = (np.where(there, values, np.nan), dict(loss[axis].attrs))
    return columns
