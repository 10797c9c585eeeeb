"""How rough a surface is: how much it goes up and down, and at which frequencies.

With `landscape.measures.maxima`, which counts its hills.
"""

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy import signal

from landscape.errors import InputError

LEAST = 4  # points of a line that has a spectrum
EVEN = 1e-6  # of a step: by how much steps may differ


def total_variation(losses: xr.DataArray, dim: str, *, relative: bool = False) -> xr.DataArray:
    """How far a loss goes up and down along an axis, per unit of it.

    The sum of the absolute differences between neighbours on the grid, over the length of the axis
    (Rudin, Osher, Fatemi 1992, in one dimension). It can only grow when a grid is made finer.

    Args:
        losses: over `dim` and any other axes.
        dim: a swept axis, e.g. "shift_x".
        relative: over the range of the loss along the axis instead: how often it goes all the way
            up or down. 1 for a slope, 2 for a valley; what makes losses larger changes nothing.

    Returns:
        Nats per pixel, or per degree, or a pure number, over the other axes.

    Raises:
        InputError: the axis is missing or has a single value.
    """
    line = _line(losses, dim, least=2)
    length = float(line[dim][-1] - line[dim][0])
    span = line.max(dim, skipna=False) - line.min(dim, skipna=False) if relative else length
    varied: xr.DataArray = abs(line.diff(dim)).sum(dim, skipna=False) / span
    return varied.rename("total_variation")


def spectrum(losses: xr.DataArray, dim: str) -> xr.DataArray:
    """At which frequencies a loss goes up and down along an axis: its power spectral density.

    A periodogram with a Hann window, of what is left when a straight line is taken away
    (scipy.signal.periodogram). Subsampling by 2 and by 4 without a filter shows at 1/2 and 1/4 of a
    cycle per pixel and their multiples; bilinear interpolation of the shifted image, which blurs it
    between whole pixels, at 1.

    Args:
        losses: over `dim` and any other axes.
        dim: a swept axis of evenly spaced values, e.g. "shift_x".

    Returns:
        Squared nats per cycle per pixel (or degree), over the other axes and `frequency`, in cycles
        per pixel (or degree).

    Raises:
        InputError: the axis is missing, too short, or its values are not evenly spaced.
    """
    line = _line(losses, dim, least=LEAST)
    steps = np.diff(line[dim].values.astype(np.float64))
    if np.ptp(steps) > EVEN * steps.mean():
        raise InputError(
            f"a spectrum needs evenly spaced values, {dim} has steps from {steps.min():g} to "
            f"{steps.max():g}; take a surface over a regular axis"
        )
    frequency, _ = _periodogram(np.zeros(line.sizes[dim]), 1 / steps.mean())
    power: xr.DataArray = xr.apply_ufunc(
        lambda values: _periodogram(values, 1 / steps.mean())[1],
        line,
        input_core_dims=[[dim]],
        output_core_dims=[["frequency"]],
    )
    return power.assign_coords(frequency=frequency).rename("power")


def _periodogram(
    values: Float[np.ndarray, "... n"], rate: float
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "... f"]]:
    return signal.periodogram(values, rate, window="hann", detrend="linear")  # type: ignore[no-any-return]


def _line(losses: xr.DataArray, dim: str, *, least: int) -> xr.DataArray:
    """The losses in float64, ascending along the axis."""
    if dim not in losses.dims or losses.sizes[dim] < least:
        known = ", ".join(f"{name} ({size})" for name, size in losses.sizes.items())
        raise InputError(f"expected {least} or more values along {dim}, got a surface over {known}")
    return losses.astype(np.float64).sortby(dim)
