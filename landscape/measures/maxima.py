"""Local maxima of a surface: where gradient ascent can come to rest."""

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from scipy import ndimage


def local_maxima(losses: xr.DataArray, *, dims: tuple[str, ...] | None = None) -> xr.DataArray:
    """Where a loss is higher than at all neighbours on the grid, diagonal ones included.

    A plateau that is higher than all around it counts once, at one of its points; a surface that is
    flat everywhere has no maximum. The edges of the grid are maxima like any other point: an attack
    that is held within limits can come to rest there.

    Args:
        losses: over the swept axes, and over any others, e.g. `image`.
        dims: the swept axes; rotation, shift_x and shift_y, as far as they are there, unless given.

    Returns:
        Booleans of the shape of `losses`; `.sum(dims)` counts them.
    """
    swept = dims or tuple(d for d in ("rotation", "shift_x", "shift_y") if d in losses.dims)
    found: xr.DataArray = xr.apply_ufunc(
        _maxima,
        losses,
        input_core_dims=[swept],
        output_core_dims=[swept],
        vectorize=True,
        output_dtypes=[bool],
    )
    return found.transpose(*losses.dims).rename("local_maximum")


def _maxima(values: Float[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    """Of one surface; a loss that is not a number counts as the highest of all."""
    ranked = np.nan_to_num(values.astype(np.float64), nan=np.inf, posinf=np.inf)
    around = ndimage.generate_binary_structure(values.ndim, values.ndim)

    def highest(of: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        return np.asarray(
            ndimage.maximum_filter(of, footprint=around, mode="constant", cval=-np.inf)
        )

    top = ranked == highest(ranked)
    plateaus, _ = ndimage.label(top, structure=around)
    # A plateau from which one can go up somewhere holds points that are no tops, beside some.
    open_ended = top & (highest(np.where(top, -np.inf, ranked)) == ranked)
    names, first = np.unique(plateaus, return_index=True)
    closed = (names > 0) & ~np.isin(names, plateaus[open_ended])
    once = np.zeros(values.size, dtype=bool)
    if not top.all():
        once[first[closed]] = True
    return once.reshape(values.shape)
