"""A plane's loss as a relief: heights over the plane, and a path that lies on it."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from landscape.errors import InputError
from landscape.export.options import ExportOptions
from landscape.numerics import lowest_logarithmic
from landscape.store import complete_part, in_memory, path_places, swept_axes

PROPORTION = 0.5  # of the wider side of the plane: the height, unless a scale is given
LARGEST = float(np.finfo(np.float32).max)  # what programs for meshes compute with
MOST_PIECES = 200  # of a step of a path between two checkpoints


@dataclass(frozen=True)
class Relief:
    """Heights over a plane, in units of the plane.

    Attributes:
        part: the surface whose points these are.
        x: values of the first axis, ascending.
        y: values of the second axis, ascending.
        height: 0 at the lowest loss; as high as the highest finite one where a loss is inf or nan.
        finite: where the loss is a number.
        scale: units of the plane per nat, or per decade.
        offset: the loss, or its logarithm, at height 0.
    """

    part: xr.Dataset
    x: Float[np.ndarray, " x"]
    y: Float[np.ndarray, " y"]
    height: Float[np.ndarray, "x y"]
    finite: Bool[np.ndarray, "x y"]
    scale: float
    offset: float

    @property
    def points(self) -> Float[np.ndarray, "points 3"]:
        """The grid in space, the second axis running fastest."""
        x, y = np.meshgrid(self.x, self.y, indexing="ij")
        return np.stack([x.ravel(), y.ravel(), self.height.ravel()], axis=1)

    @property
    def not_finite(self) -> int:
        """How many points have a loss that is inf or nan."""
        return int((~self.finite).sum())

    @property
    def side(self) -> float:
        """The length of the wider side."""
        return float(max(self.x[-1] - self.x[0], self.y[-1] - self.y[0]))

    def triangles(self, *, whole: bool = False) -> Int[np.ndarray, "triangles 3"]:
        """Two for each cell, counter-clockwise from above; cells without a finite corner left out.

        Args:
            whole: keep all cells.
        """
        at = np.arange(self.height.size).reshape(self.height.shape)
        corners = [at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]]
        a, b, c, d = (corner.ravel() for corner in corners)
        kept = np.logical_and.reduce([self.finite.ravel()[corner] for corner in (a, b, c, d)])
        kept |= whole
        cells = np.stack([a, b, c, a, c, d], axis=1)[kept]
        return cells.reshape(-1, 3)

    def at(self, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Heights between points of the grid, bilinear; outside it, that of the nearest edge."""
        i, u = _between(self.x, x)
        j, v = _between(self.y, y)
        h = self.height
        low = h[i, j] * (1 - v) + h[i, j + 1] * v
        high = h[i + 1, j] * (1 - v) + h[i + 1, j + 1] * v
        found: Float[np.ndarray, " n"] = low * (1 - u) + high * u
        return found


def _between(
    axis: Float[np.ndarray, " m"], values: Float[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The index of the grid value before each value, and how far it is on the way to the next."""
    inside = np.clip(values, axis[0], axis[-1])
    before = np.clip(np.searchsorted(axis, inside, side="right") - 1, 0, len(axis) - 2)
    return before, (inside - axis[before]) / (axis[before + 1] - axis[before])


def relief_of(data: xr.Dataset, options: ExportOptions) -> Relief:
    """The relief of a weight surface over two axes.

    Args:
        data: a stored surface; of an unfinished one the part that is whole.
        options: which height, and on which scale.

    Raises:
        InputError: an axis has a single value, no loss is finite, or the relief is too high.
    """
    part = in_memory(complete_part(data))
    axes = swept_axes(part)
    x, y = (part[axis].values for axis in axes)
    loss = part["loss"].transpose(*axes).values.astype(np.float64)
    finite = np.isfinite(loss)
    if min(loss.shape) < 2 or not finite.any():
        raise InputError(
            f"expected two or more values on each axis and finite losses to build a surface from, "
            f"got {dict(part['loss'].sizes)} with {int(finite.sum())} finite losses"
        )
    levels = _levels(loss[finite], options)
    offset, top = float(levels.min()), float(levels.max())
    side = max(float(x[-1] - x[0]), float(y[-1] - y[0]))
    scale = options.height_scale or (PROPORTION * side / (top - offset) if top > offset else 1.0)
    height = np.full(loss.shape, (top - offset) * scale)
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        height[finite] = (levels - offset) * scale
    relief = Relief(part, x, y, height, finite, scale, offset)
    refuse_beyond_single(relief.points)
    return relief


def refuse_beyond_single(points: Float[np.ndarray, "points 3"]) -> None:
    """Raise unless all coordinates are finite in single precision.

    Raises:
        InputError: one is not.
    """
    largest = float(np.abs(points).max())
    if not largest <= LARGEST:
        raise InputError(
            f"expected coordinates of at most {LARGEST:.2g}, as meshes are kept in single "
            f"precision, got {largest:g}; give a smaller height scale or width"
        )


def _levels(loss: Float[np.ndarray, " n"], options: ExportOptions) -> Float[np.ndarray, " n"]:
    """What stands for finite losses: themselves or their logarithms, cut off at the top."""
    if options.highest is not None:
        loss = np.minimum(loss, options.highest)
    if options.height == "linear":
        return loss
    positive = loss[loss > 0]
    if not positive.size:
        raise InputError(
            "expected positive losses for logarithmic heights, got none; take linear heights"
        )
    logarithms: Float[np.ndarray, " n"] = np.log10(np.maximum(loss, lowest_logarithmic(positive)))
    return logarithms


@dataclass(frozen=True)
class Track:
    """A path drawn in space, with points between its checkpoints so that it follows the surface.

    Attributes:
        points: in space.
        checkpoint: the number of the checkpoint at each point, fractions between two of them.
        residual: how far off the plane, relative to the distance from the centre; None if unknown.
        stops: the indices of the points that are checkpoints.
    """

    points: Float[np.ndarray, "n 3"]
    checkpoint: Float[np.ndarray, " n"]
    residual: Float[np.ndarray, " n"] | None
    stops: Int[np.ndarray, " checkpoints"]


def track_of(data: xr.Dataset, relief: Relief | None = None) -> Track | None:
    """The path of a surface, if it has one; in a plane it lies on the relief.

    Checkpoints whose place is not a number are left out.

    Args:
        data: a stored surface over two or three axes.
        relief: that of the plane; None for a volume, where the path runs straight.
    """
    places = path_places(data)
    if places is None:
        return None
    known = np.isfinite(places).all(axis=1)
    places, numbers = places[known], np.flatnonzero(known).astype(np.float64)
    if not len(places):
        return None
    steps = np.ones(len(places) - 1, dtype=np.int64)
    if relief is not None:
        mesh = np.array([np.diff(axis).min() for axis in (relief.x, relief.y)])
        steps = np.ceil((np.abs(np.diff(places, axis=0)) / mesh).max(axis=1, initial=0))
        steps = np.clip(steps, 1, MOST_PIECES).astype(np.int64)
    along = [k + np.arange(n) / n for k, n in enumerate(steps)] + [np.array([len(places) - 1.0])]
    t, order = np.concatenate(along), np.arange(len(places))
    columns = [np.interp(t, order, column) for column in places.T]
    if relief is not None:
        columns.append(relief.at(*columns))
    residual = None
    if "path_residual" in data:
        residual = np.interp(t, order, data["path_residual"].values[known].astype(np.float64))
    stops = np.concatenate([[0], np.cumsum(steps)])
    return Track(np.stack(columns, axis=1), np.interp(t, order, numbers), residual, stops)
