"""How high the loss rises on the way from one network to another."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from landscape.errors import InputError

NEAR = 1e-9  # how far from 0 or 1 a coordinate may be by rounding
NAMED = 5  # coordinates that a message lists


@dataclass(frozen=True)
class Barrier:
    """What lies between two networks, in the units of the loss it was measured with.

    Attributes:
        value: the largest excess over the straight line between the losses of the two ends, 0 or
            more (Entezari et al. 2022, "The role of permutation invariance in linear mode
            connectivity of neural networks").
        at: the coordinate where it is; the first of several, and 0 where nothing exceeds the line.
        over_mean: the largest excess over the mean of the two ends, which counts half of their own
            difference too (Frankle et al. 2020, "Linear mode connectivity and the lottery ticket
            hypothesis").
        highest: the largest loss on the way, ends included; of a path of least energy, the saddle
            (Draxler et al. 2018, "Essentially no barriers in neural network energy landscape").
        first: the loss at coordinate 0.
        second: the loss at coordinate 1.
    """

    value: float
    at: float
    over_mean: float
    highest: float
    first: float
    second: float


def barrier(loss: xr.DataArray) -> Barrier:
    """The barrier along a line or curve between two networks.

    It can only grow when points are added. The barrier of the error is that of `1 - accuracy`.

    Args:
        loss: over one axis, whose coordinate is 0 at one network and 1 at the other, in any order;
            points outside of [0, 1] do not count. A loss on the way that is not a number counts as
            infinite. Where an end has no finite loss, nothing can be said and all but `highest`,
            `first` and `second` is nan.

    Raises:
        InputError: there is no such axis.
    """
    where, values = _between(loss)
    first, second = float(values[0]), float(values[-1])
    height = np.where(np.isnan(values), np.inf, values)
    highest = float(height.max())
    if not math.isfinite(first) or not math.isfinite(second):
        return Barrier(math.nan, math.nan, math.nan, highest, first, second)
    excess = height - ((1 - where) * first + where * second)
    excess[[0, -1]] = 0.0
    top = int(excess.argmax())
    over_mean = highest - (first + second) / 2
    return Barrier(float(excess[top]), float(where[top]), over_mean, highest, first, second)


def _between(loss: xr.DataArray) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Coordinates from 0 to 1 and the losses there, both ends included."""
    if loss.ndim != 1 or loss.dims[0] not in loss.coords:
        raise InputError(
            "expected a loss over one axis that runs from one network at 0 to another at 1, got "
            f"{dict(loss.sizes)}; choose the other coordinates with .sel()"
        )
    line = loss.astype(np.float64).sortby(loss.dims[0])
    where = np.asarray(line[loss.dims[0]].values, dtype=np.float64)
    for end, network in ((0.0, "one"), (1.0, "the other")):
        if not (np.abs(where - end) <= NEAR).any():
            shown = ", ".join(f"{value:g}" for value in where[:NAMED])
            more = f" and {len(where) - NAMED} more" if len(where) > NAMED else ""
            raise InputError(
                f"expected {loss.dims[0]} to hold {end:g}, where {network} network is, "
                f"got {shown}{more}; sweep a grid that has 0 and 1"
            )
    inside = (where >= -NEAR) & (where <= 1 + NEAR)
    return np.clip(where[inside], 0.0, 1.0), np.asarray(line.values[inside])
