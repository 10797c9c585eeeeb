"""How convex a plane of a stored loss is."""

import numpy as np
import xarray as xr
from jaxtyping import Float

from landscape.errors import InputError

FLAT = 1e-3  # of the largest curvature: less below zero is rounding


def plane_curvatures(loss: xr.DataArray) -> xr.Dataset:
    """The eigenvalues of the Hessian of a plane's loss, by second differences.

    They bound those of the whole Hessian from within: where the plane bends down, so does the loss
    in weight space; that it bends up in a plane proves nothing.

    Args:
        loss: over two evenly spaced axes of at least three values each.

    Returns:
        `smallest` and `largest`, nats per squared unit, at the inner points of the plane.

    Raises:
        InputError: there are not two such axes.
    """
    if loss.ndim != 2 or min(loss.shape) < 3:
        raise InputError(
            f"expected a loss over two axes of at least three values, got {dict(loss.sizes)}"
        )
    x, y = (loss[dim].values for dim in loss.dims)
    for values in (x, y):
        if not np.allclose(np.diff(values), values[1] - values[0]):
            raise InputError("second differences need evenly spaced axes; sweep a regular grid")
    h, k = x[1] - x[0], y[1] - y[0]
    z = loss.values.astype(np.float64)
    with np.errstate(invalid="ignore"):  # inf and nan are data
        middle = 2 * z[1:-1, 1:-1]
        xx = (z[2:, 1:-1] + z[:-2, 1:-1] - middle) / h**2
        yy = (z[1:-1, 2:] + z[1:-1, :-2] - middle) / k**2
        xy = (z[2:, 2:] + z[:-2, :-2] - z[2:, :-2] - z[:-2, 2:]) / (4 * h * k)
        mean, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        smallest, largest = mean - apart, mean + apart
    inner = loss.isel({dim: slice(1, -1) for dim in loss.dims})
    return xr.Dataset(
        {
            "smallest": inner.copy(data=smallest),
            "largest": inner.copy(data=largest),
        }
    )


def share_bent_down(loss: xr.DataArray) -> float:
    """The share of a plane's inner points where its Hessian has a negative eigenvalue.

    Points whose curvature is not a number count as not bent down.

    Args:
        loss: see `plane_curvatures`.
    """
    curvatures = plane_curvatures(loss)
    smallest = np.asarray(curvatures.smallest.values, dtype=np.float64)
    largest: Float[np.ndarray, "x y"] = np.abs(curvatures.largest.values)
    return float((smallest < -FLAT * np.maximum(largest, np.abs(smallest))).mean())


def eigenvalue_ratio(data: xr.Dataset) -> xr.DataArray:
    """|smallest / largest| eigenvalue of the Hessian at every point (Li et al. 2018).

    Where it is near zero, negative curvature is small beside positive; 1 or more: the loss bends
    down as much as up.

    Args:
        data: with the fields `hessian_min` and `hessian_max`.

    Raises:
        InputError: they were not measured.
    """
    if "hessian_min" not in data or "hessian_max" not in data:
        raise InputError(
            "expected a surface with the smallest and largest eigenvalue of the Hessian, got "
            f"{', '.join(map(str, data.data_vars))}; measure it with fields=['hessian']"
        )
    with np.errstate(divide="ignore", invalid="ignore"):  # a flat point has no ratio
        ratio: xr.DataArray = abs(data["hessian_min"] / data["hessian_max"])
    return ratio.assign_attrs(units="1", long_name="|smallest / largest| eigenvalue")
