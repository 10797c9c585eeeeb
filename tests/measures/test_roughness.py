"""Roughness against closed forms and a plain Fourier transform."""

import numpy as np
import pytest
import xarray as xr

from landscape.errors import InputError
from landscape.measures.roughness import spectrum, total_variation

SHIFTS = np.arange(-32, 32) / 8  # whole periods of every multiple of 1/8 cycle per pixel


def surface(of, axis=SHIFTS):
    """A loss over two images and a shift, the second image's twice that of the first."""
    values = np.asarray(of(axis), dtype=np.float64)
    return xr.DataArray(
        np.stack([values, 2 * values]), dims=("image", "shift_x"), coords={"shift_x": axis}
    )


@pytest.mark.parametrize(
    ("of", "variation", "times"),
    [
        (lambda x: 3 * x, 3.0, 1.0),
        (np.abs, 1.0, 2.0),
        (lambda x: 0.5 * np.cos(2 * np.pi * x), 2.0, 16.0),  # 4 half ranges a period, 8 periods
    ],
)
def test_total_variation_of_a_slope_a_valley_and_a_wave(of, variation, times):
    fine = np.linspace(-4, 4, 161)
    losses = surface(of, fine)
    np.testing.assert_allclose(total_variation(losses, "shift_x"), [variation, 2 * variation])
    relative = total_variation(losses, "shift_x", relative=True)
    np.testing.assert_allclose(relative, [times, times])
    assert relative.dims == ("image",)


def test_total_variation_does_not_depend_on_the_order_of_the_values():
    losses = surface(np.sin)
    shuffled = losses.isel(shift_x=np.random.default_rng(0).permutation(64))
    np.testing.assert_allclose(
        total_variation(shuffled, "shift_x"), total_variation(losses, "shift_x")
    )


def test_an_infinite_loss_is_infinitely_rough_and_nan_stays_nan():
    losses = surface(np.abs)
    losses[0, 5], losses[1, 7] = np.inf, np.nan
    varied = total_variation(losses, "shift_x").values
    assert np.isposinf(varied[0])
    assert np.isnan(varied[1])


@pytest.mark.parametrize("frequency", [0.25, 0.5, 1.0, 2.5])
def test_a_wave_has_its_power_at_its_frequency(frequency):
    power = spectrum(surface(lambda x: 3 + x + np.cos(2 * np.pi * frequency * x)), "shift_x")
    assert power.dims == ("image", "frequency")
    peak = power.isel(image=0).idxmax("frequency")
    assert float(peak) == pytest.approx(frequency)
    # The mean square of the wave, 1/2, lies under the curve; the Hann window spreads it a little.
    under = power.isel(image=0).sum() * float(power.frequency[1])
    assert float(under) == pytest.approx(0.5, rel=0.05)
    np.testing.assert_allclose(power[1], 4 * power[0], rtol=1e-9, atol=1e-20)


def test_the_spectrum_is_that_of_a_plain_fourier_transform():
    values = np.random.default_rng(0).normal(size=64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    line = np.polyfit(SHIFTS, values, 1)
    seen = window * (values - np.polyval(line, SHIFTS))
    waves = np.exp(-2j * np.pi * np.outer(np.arange(33), np.arange(64)) / 64)
    density = np.abs(waves @ seen) ** 2 / (8 * (window**2).sum())
    density[1:-1] *= 2  # the negative frequencies
    found = spectrum(surface(lambda x: values), "shift_x").isel(image=0)
    np.testing.assert_allclose(found.values, density, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.frequency, np.arange(33) / 8)


def test_what_has_no_spectrum_or_variation_is_refused():
    with pytest.raises(InputError, match=r"2 or more values along shift_y, got .*shift_x \(64\)"):
        total_variation(surface(np.abs), "shift_y")
    with pytest.raises(InputError, match="4 or more values along shift_x"):
        spectrum(surface(np.abs, SHIFTS[:3]), "shift_x")
    with pytest.raises(InputError, match=r"evenly spaced values, shift_x has steps from 0\.1"):
        spectrum(surface(np.abs, SHIFTS[[0, 1, 2, 3, 5, 9]]), "shift_x")
