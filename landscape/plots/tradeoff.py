"""Accuracy under attack over clean accuracy: a dot an epoch, a line for the mean of the seeds."""

import math

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from landscape.errors import InputError
from landscape.plots.keys import key_below
from landscape.plots.options import PlotOptions
from landscape.plots.style import NETWORK_COLOURS, heading, new_figure, page_width, style
from landscape.store import in_memory
from landscape.store.told import names_in, parsed
from landscape.text import literal

MARKS = ("o", "s", "^", "D", "v")
ACROSS = 3  # panels in a row, at most

Means = Float[np.ndarray, " epoch"]


def means(data: xr.Dataset, attack: int) -> dict[str, tuple[Means, Means, Means]]:
    """Per network, epoch by epoch, what the seeds agree on.

    Args:
        data: a trade-off.
        attack: its number on the axis `attack`.

    Returns:
        By title: the mean accuracy on images as they are, the mean under the attack, and the
        standard error of the latter over the seeds (nan of a single one). Epochs that are not done
        for every seed are left out.
    """
    found = {}
    for number, title in enumerate(titles(data)):
        one = data.isel(network=number).sortby("epoch")
        done = (one.done == 1).all("seed").values
        clean, attacked = (
            one.accuracy.isel(attack=i).transpose("seed", "epoch").values[:, done]
            for i in (0, attack)
        )
        seeds = len(clean)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = attacked.std(axis=0) * math.sqrt(seeds / (seeds - 1)) if seeds > 1 else np.nan
        error = np.broadcast_to(spread / math.sqrt(seeds), clean.shape[1:])
        found[title] = (clean.mean(axis=0), attacked.mean(axis=0), error)
    return found


def titles(data: xr.Dataset) -> list[str]:
    """Of the networks, in their order."""
    named = parsed(data.attrs.get("networks")) or {}
    every = dict(enumerate(map(str, named.values() if isinstance(named, dict) else ())))
    return [literal(every.get(int(number), f"{int(number)}")) for number in data.network]


def plot(data: xr.Dataset, *, ax: Axes, attack: int) -> Axes:
    """The trade-off under one attack; the band is the standard error of the mean over the seeds.

    Args:
        data: a trade-off.
        ax: where to draw.
        attack: its number on the axis `attack`.
    """
    for number, (title, (clean, attacked, error)) in enumerate(means(data, attack).items()):
        colour, mark = NETWORK_COLOURS[number % len(NETWORK_COLOURS)], MARKS[number % len(MARKS)]
        one = data.isel(network=number).where(data.isel(network=number).done == 1)
        ax.plot(
            100 * one.accuracy.isel(attack=0).values.ravel(),
            100 * one.accuracy.isel(attack=attack).values.ravel(),
            mark,
            color=colour,
            alpha=0.45,
            markersize=2.8,
            markeredgewidth=0,
        )
        ax.plot(100 * clean, 100 * attacked, color=colour, lw=1.2, label=title)
        _band(ax, 100 * clean, 100 * attacked, 100 * error, colour)
    names = names_in(data.attrs, "attack_names", data.sizes["attack"])
    ax.set_title(literal(names[attack]) if names else f"attack {attack}")
    ax.set_ylim(bottom=0)
    ax.grid()
    ax.set_axisbelow(True)
    return ax


def _band(ax: Axes, x: Means, y: Means, error: Means, colour: str) -> None:
    """Up and down from a line that may run back: a quadrilateral for each of its segments."""
    low, high = np.stack([x, y - error], axis=1), np.stack([x, y + error], axis=1)
    quads = np.stack([low[:-1], low[1:], high[1:], high[:-1]], axis=1)
    quads = quads[np.isfinite(quads).all(axis=(1, 2))]
    ax.add_collection(PolyCollection(list(quads), facecolor=colour, alpha=0.2, linewidth=0))


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """A panel per attack; a network keeps its colour and its mark in all of them."""
    if not bool((data.done == 1).any()):
        raise InputError("expected a trade-off with computed points, got none; continue it first")
    if data.sizes["attack"] < 2:
        raise InputError("expected an attack besides the images as they are to draw, got none")
    data = in_memory(data)
    attacks = range(1, data.sizes["attack"])
    rows = math.ceil(len(attacks) / ACROSS)
    columns = math.ceil(len(attacks) / rows)
    with style():
        fig = new_figure(page_width(), 0.45 + 1.9 * rows)
        axes = fig.subplots(rows, columns, squeeze=False, sharex=True)
        for ax in axes.flat[len(attacks) :]:
            ax.set_visible(False)
        for number, (ax, attack) in enumerate(zip(axes.flat, attacks, strict=False)):
            plot(data, ax=ax, attack=attack)
            last = number + columns >= len(attacks)
            ax.tick_params(labelbottom=last)
            if last:
                ax.set_xlabel("clean accuracy (%)")
        for row in axes:
            row[0].set_ylabel("under attack (%)")
        handles = [
            Line2D(
                [], [], color=NETWORK_COLOURS[i % 5], marker=MARKS[i % 5], markersize=3, label=title
            )
            for i, title in enumerate(titles(data))
        ]
        key_below(fig, handles, across=3)
        fig.suptitle(heading(data, width=page_width()))
    return fig
