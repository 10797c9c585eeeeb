"""Checkpoints and other networks, drawn where they lie in a weight surface."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes

from landscape.plots.style import OUTLINE, small
from landscape.store import WEIGHT_AXES, path_places
from landscape.store.told import names_in, parsed
from landscape.text import literal

LINE: dict[str, Any] = {"color": "#ff7f0e", "linewidth": 1.1, "marker": "o", "markersize": 2.6}
NETWORK: dict[str, Any] = {"color": "#ff7f0e", "marker": "D", "markersize": 4.5, "linestyle": ""}
CENTRE = 1e-9  # steps that are not exact in binary miss 0 by less
EDGE: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.5}


@dataclass(frozen=True)
class Marked:
    """Places in a surface.

    Attributes:
        names: of the checkpoints or networks.
        coordinates: by axis.
        residual: of each, its distance from the surface relative to that from the centre.
        is_path: whether they follow each other.
    """

    names: tuple[str, ...]
    coordinates: Float[np.ndarray, "path axes"]
    residual: Float[np.ndarray, " path"]
    is_path: bool


def marked(data: xr.Dataset) -> Marked | None:
    """What is to be marked in a weight surface, if there is anything."""
    coordinates = path_places(data)
    if coordinates is None:
        return None
    count = len(coordinates)
    names = names_in(data.attrs, "path_names", count) or [str(i + 1) for i in range(count)]
    configuration = parsed(data.attrs.get("configuration")) or {}
    told = str(configuration.get("directions", "trajectory"))
    residual = data["path_residual"].values if "path_residual" in data else np.zeros(count)
    return Marked(tuple(map(literal, names)), coordinates, residual, "models" not in told)


def has_trained(plane: xr.Dataset) -> bool:
    """Whether the trained weights lie in a plane: where it holds a direction, it does so at 0."""
    held = (plane[axis] for axis in WEIGHT_AXES if axis in plane.coords and not plane[axis].ndim)
    return all(abs(float(value)) < CENTRE for value in held)


def draw(ax: Axes, places: Marked) -> None:
    """A line from checkpoint to checkpoint, or a mark with a name for each network."""
    x, y = places.coordinates.T
    if places.is_path:
        ax.plot(x, y, label="path of the training", path_effects=OUTLINE, **LINE, **EDGE)
        return
    ax.plot(x, y, label="other networks", **NETWORK, **EDGE)
    middle = sum(ax.get_xlim()) / 2
    for name, *place in zip(places.names, x.tolist(), y.tolist(), strict=True):
        left = place[0] > middle  # where there is room for the name
        ax.annotate(
            name,
            (place[0], place[1]),
            xytext=(-4 if left else 4, 4),
            ha="right" if left else "left",
            textcoords="offset points",
            fontsize=small(),
            color="white",
            path_effects=OUTLINE,
        )


def off_surface(data: xr.Dataset) -> str:
    """A remark on how much of a path lies outside the surface; empty where all of it is inside.

    The share of the squared distances from the centre that a projection leaves out.
    """
    places = marked(data)
    if places is None or "path_distance" not in data:
        return ""
    squares = data["path_distance"].values ** 2
    share = float((places.residual**2 * squares).sum() / squares.sum()) if squares.any() else 0.0
    return "" if share < 0.005 else f"path projected; {100 * share:.0f} % of it lies outside"
