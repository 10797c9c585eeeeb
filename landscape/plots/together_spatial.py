"""Spatial surfaces of several networks, of the same images: side by side, and as spectra."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.measures.roughness import LEAST, spectrum
from landscape.plots.keys import colour_bar, key_below, not_finite_handles
from landscape.plots.options import PlotOptions
from landscape.plots.panels import heat_map
from landscape.plots.prepare import POSE_AXES, displayed_pixels, select_images
from landscape.plots.scales import Scale, scale_of
from landscape.plots.style import (
    CLEAN,
    NETWORK_COLOURS,
    axis_label,
    long_name,
    new_figure,
    page_width,
    small,
    style,
    titled,
    unit_symbol,
)
from landscape.store import complete_part, in_memory
from landscape.text import literal

IMAGES = 4
ROW_HEIGHT = 1.45  # inches
DASHES = ("-", "--", "-.", ":", (0, (5, 1)))


def slices(surfaces: Mapping[str, xr.Dataset], options: PlotOptions) -> Figure:
    """A row per network, a column per image: the loss over the two longest axes, on one scale.

    The third axis is held where it is nearest to 0. Above each column stands its image.

    Args:
        surfaces: spatial surfaces of the same images, by the titles of their rows.
        options: which images; the first ones by default.

    Raises:
        InputError: the surfaces are not of the same images and axes, or lack an image.
    """
    shown = _shown(surfaces, options.images, at_most=IMAGES)
    x, y = _longest(next(iter(shown.values())))
    cuts = {name: _cut(data, x, y) for name, data in shown.items()}
    losses = np.concatenate([cut["loss"].values.ravel() for cut in cuts.values()])
    scale = scale_of(losses)
    first = next(iter(cuts.values()))
    count, pictures = first.sizes["image"], "pixels" in first
    title = titled("", width=page_width())
    with style():
        height = ROW_HEIGHT * len(cuts) + 0.8 * pictures + 0.4 + 0.16 * len(title.splitlines())
        fig = new_figure(page_width(), height)
        ratios = [0.5] * pictures + [1.0] * len(cuts)
        axes = fig.subplots(len(ratios), count, squeeze=False, height_ratios=ratios)
        for column in range(count) if pictures else ():
            _picture(axes[0, column], first.isel(image=column))
        panels = axes[int(pictures) :]
        for number, (name, cut) in enumerate(cuts.items()):
            row = panels[number]
            for column, ax in enumerate(row):
                plot(cut.isel(image=column), ax=ax, x=x, y=y, scale=scale)
                ax.tick_params(labelbottom=number == len(cuts) - 1, labelleft=column == 0)
            row[0].set_ylabel(f"{literal(name)}\n{axis_label(cut[y])}")
        for ax in panels[-1]:
            ax.set_xlabel(axis_label(first[x]))
        if title:
            fig.suptitle(title)
        colour_bar(fig, panels.ravel().tolist(), scale, axis_label(first["loss"]))
        key_below(fig, not_finite_handles(losses))
    return fig


def plot(image: xr.Dataset, *, ax: Axes, x: str, y: str, scale: Scale) -> Axes:
    """The loss of one image over two axes; the plus is the clean pose."""
    heat_map(ax, image[x].values, image[y].values, image["loss"].values, scale)
    ax.plot(0, 0, linestyle="", **CLEAN)
    if y == "shift_y":
        ax.invert_yaxis()  # down is down
    return ax


def spectra(surfaces: Mapping[str, xr.Dataset], options: PlotOptions) -> Figure:
    """How strongly the loss of each network goes up and down at each frequency of a shift.

    The mean over images of the power spectral density along the shift with the most values, the
    other axes held where they are nearest to 0; the band is its standard error over images.

    Args:
        surfaces: spatial surfaces of the same images, by the names of their lines.
        options: which images; all by default.

    Raises:
        InputError: the surfaces are not of the same images and axes, lack an image, or no shift
            is evenly spaced and long enough.
    """
    shown = _shown(surfaces, options.images)
    first = next(iter(shown.values()))
    dim = max(("shift_x", "shift_y"), key=lambda axis: first.sizes[axis])
    if first.sizes[dim] < LEAST:
        raise InputError(
            f"a spectrum needs {LEAST} or more values of a shift, the surfaces have "
            f"{first.sizes[dim]}; take finer ones"
        )
    title = titled("", width=page_width() / 2 + 0.6)
    with style():
        fig = new_figure(page_width() / 2 + 0.6, 2.4 + 0.16 * len(title.splitlines()))
        ax = fig.subplots()
        for number, (name, data) in enumerate(shown.items()):
            colour, dash = NETWORK_COLOURS[number % 5], DASHES[number % 5]
            plot_spectrum(data, ax=ax, dim=dim, label=literal(name), colour=colour, dash=dash)
        unit = unit_symbol(first[dim])
        ax.set(
            yscale="log",
            xlabel=f"frequency along the {long_name(first[dim])} (cycles/{unit})",
            ylabel=f"power of the loss (nat²·{unit}/cycle)",
        )
        ax.grid()
        if title:
            fig.suptitle(title)
        key_below(fig)
    return fig


def plot_spectrum(
    data: xr.Dataset, *, ax: Axes, dim: str, label: str, colour: str, dash: Any
) -> Axes:
    """The mean spectrum of images along one axis, through the clean pose.

    Images whose loss is inf or nan there have none; the label says how many are left.
    """
    loss = _through_clean(data, dim)["loss"]
    usable = np.isfinite(loss.transpose("image", dim).values).all(axis=1)
    count = int(usable.sum())
    if count < len(usable):
        label += f" ({count} of {len(usable)} images are finite)"
    if not count:
        ax.plot([], [], color=colour, linestyle=dash, lw=1.2, label=label)
        return ax
    power = spectrum(loss.isel(image=np.flatnonzero(usable)), dim)
    mean = power.mean("image")
    error = power.std("image", ddof=1) / np.sqrt(count) if count > 1 else 0 * mean
    keep = power.frequency.values > 0  # the mean was taken away
    frequency, middle, reach = power.frequency[keep], mean[keep], error[keep]
    ax.plot(frequency, middle, color=colour, linestyle=dash, lw=1.2, label=label)
    low = np.maximum(middle - reach, middle / 10)  # the axis is logarithmic
    ax.fill_between(frequency, low, middle + reach, color=colour, alpha=0.15, lw=0)
    return ax


def _shown(
    surfaces: Mapping[str, xr.Dataset],
    images: tuple[int, ...] | None,
    *,
    at_most: int | None = None,
) -> dict[str, xr.Dataset]:
    """What is complete of each surface, on the axes that the first one has."""
    parts = {name: complete_part(data) for name, data in surfaces.items()}
    first_name, first = next(iter(parts.items()))
    for name, part in parts.items():
        for axis in (*POSE_AXES, "image"):
            if not np.array_equal(part[axis].values, first[axis].values):
                raise InputError(
                    f"spatial surfaces are compared point by point, {name} has other values of "
                    f"{axis} than {first_name}; compute both over the same images and axes"
                )
    return {name: select_images(part, images, at_most=at_most) for name, part in parts.items()}


def _longest(data: xr.Dataset) -> tuple[str, str]:
    """The two axes with the most values, in the order (rotation, shift_x, shift_y)."""
    chosen = sorted(POSE_AXES, key=lambda axis: -data.sizes[axis])[:2]
    x, y = sorted(chosen, key=POSE_AXES.index)
    return x, y


def _cut(data: xr.Dataset, x: str, y: str) -> xr.Dataset:
    (fixed,) = set(POSE_AXES) - {x, y}
    return in_memory(data.sel({fixed: 0.0}, method="nearest")).transpose("image", y, x, ...)


def _through_clean(data: xr.Dataset, dim: str) -> xr.Dataset:
    others = {axis: 0.0 for axis in POSE_AXES if axis != dim}
    return in_memory(data[["loss"]].sel(others, method="nearest"))


def _picture(ax: Axes, image: xr.Dataset) -> None:
    ax.imshow(displayed_pixels(image).squeeze(), cmap="gray", vmin=0, vmax=255)
    ax.set(xticks=[], yticks=[])
    ax.set_title(f"image {int(image['image'])}", fontsize=small())
