"""The words of `style` and `prepare` for interactive pages, which would act on `<b>` or a link."""

import xarray as xr

from landscape.plots import prepare, style
from landscape.text import page_text


def axis_label(coordinate: xr.DataArray) -> str:
    """As `style.axis_label`."""
    return page_text(style.axis_label(coordinate))


def long_name(coordinate: xr.DataArray) -> str:
    """As `style.long_name`."""
    return page_text(style.long_name(coordinate))


def unit_symbol(coordinate: xr.DataArray) -> str:
    """As `style.unit_symbol`."""
    return page_text(style.unit_symbol(coordinate))


def setting(coordinate: xr.DataArray, value: float) -> str:
    """As `style.setting`."""
    return page_text(style.setting(coordinate, value))


def spelled(name: str) -> str:
    """As `style.spelled`."""
    return page_text(style.spelled(name))


def class_name(data: xr.Dataset, index: int) -> str:
    """As `prepare.class_name`."""
    return page_text(prepare.class_name(data, index))
