"""What several plots draw: marks for what is not a number, poses, and surfaces in 3-D."""

import math

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from mpl_toolkits.mplot3d.axes3d import Axes3D

from landscape.plots.prepare import cell_edges, not_finite
from landscape.plots.scales import Scale, number
from landscape.plots.style import (
    LINE_COLOURS,
    LOSS_COLOURS,
    NOT_FINITE,
    NOT_FINITE_COLOURS,
    NOT_FINITE_MARKS,
    small,
)
from landscape.plots.venues import current_look

FACETS = 60  # along an axis at least; flat facets of the bilinear patch between measured points
LIGHT = np.array([-0.35, -0.55, 0.76])  # from the viewer's left, above
AMBIENT = 0.72
BOX = (1.0, 1.0, 0.72)  # the shape of a 3-D plot
SMALL_BOX = 2.6  # inches: narrower ones have room for fewer numbers

Columns = Float[np.ndarray, " x"]
Rows = Float[np.ndarray, " y"]
Grid = Float[np.ndarray, "y x"]
Line = Float[np.ndarray, "_"]


def heat_map(ax: Axes, x: Columns, y: Rows, values: Grid, scale: Scale) -> None:
    """One cell of colour per measured value; cells without a number are hatched."""
    ax.pcolormesh(
        cell_edges(x),
        cell_edges(y),
        np.ma.masked_invalid(values),
        norm=scale.norm(),
        cmap=LOSS_COLOURS,
        rasterized=values.size > 10_000,
    )
    mark_not_finite(ax, x, y, values)


def mark_not_finite(ax: Axes, x: Columns, y: Rows, values: Grid, *, reach: float = 0.5) -> None:
    """Hatch the surroundings of the points whose value is inf or nan, one hatch for each.

    Args:
        ax: where to draw.
        x: ascending coordinates of the columns.
        y: ascending coordinates of the rows.
        values: measured at (y, x).
        reach: how far a hatched cell reaches towards its neighbours, 1 = up to them.
    """
    for name, mask in not_finite(values).items():
        collection = PolyCollection(
            [
                _cell(cell_edges(x), cell_edges(y), i, j, 2 * reach)
                for i, j in np.argwhere(mask).tolist()
            ],
            hatch=NOT_FINITE[name],
            linewidth=0,
            label=name,
            **NOT_FINITE_COLOURS,
        )
        ax.add_collection(collection)


def _cell(x: Line, y: Line, row: int, column: int, zoom: float) -> Float[np.ndarray, "4 2"]:
    """The corners of a cell, enlarged about its middle."""
    corners = np.array(
        [(x[column + i], y[row + j]) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))], dtype=np.float64
    )
    middle = corners.mean(axis=0)
    return np.asarray(middle + zoom * (corners - middle))


def axes_3d(figure: Figure, rows: int, columns: int, panel: int, *, head: float) -> Axes3D:
    """One of a grid of 3-D axes, counted from 0, that fills its cell.

    Matplotlib leaves wide margins about a 3-D box; here the box is as large as its labels allow.

    Args:
        figure: without a layout of its own.
        rows: of the grid.
        columns: of the grid.
        panel: the cell, in reading order.
        head: inches left free above the grid.
    """
    row, column = divmod(panel, columns)
    height = (1 - head / figure.get_figheight()) / rows
    cell = (
        column / columns - 0.02 / columns,
        1 - head / figure.get_figheight() - (row + 0.91) * height,
    )
    ax = figure.add_axes((*cell, 0.94 / columns, 0.93 * height), projection="3d")
    assert isinstance(ax, Axes3D)  # for the type checker: add_axes promises Axes
    return ax


def surface(ax: Axes3D, x: Columns, y: Rows, values: Grid, scale: Scale, zlabel: str) -> None:
    """A lit surface through the measured points; where an axis has one point, a line.

    Height is even in the scale's spacing. Patches with a corner that is not a number are left open
    and the point is marked on the floor.
    """
    _frame(ax, scale, zlabel)
    heights = scale.position(values.astype(np.float64))
    for name, mask in not_finite(values).items():
        rows, columns = np.nonzero(mask)
        colour = NOT_FINITE_COLOURS["edgecolor"]
        style = {"marker": NOT_FINITE_MARKS[name], "color": colour, "linestyle": ""}
        ax.plot(
            x[columns],
            y[rows],
            np.full(len(rows), scale.ends[0]),
            label=f"loss is {name}",
            markersize=3,
            **style,
        )
        ax.legend(loc="upper left")
    if min(values.shape) == 1:
        grid_x, grid_y = np.meshgrid(x, y)
        ax.plot(
            grid_x.ravel(), grid_y.ravel(), heights.ravel(), color=LINE_COLOURS["loss"], marker="."
        )
        return
    corners = _facets(x, y, heights)
    colours = _lit(corners, scale)
    patches = Poly3DCollection(corners, facecolors=colours, edgecolors=colours, linewidths=0.2)
    patches.set_rasterized(True)
    ax.add_collection3d(patches, autolim=False)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set(xticks=_away_from_corners(x), yticks=_away_from_corners(y))


def _away_from_corners(along: Line) -> list[float]:
    """Ticks of a horizontal axis; at its ends their numbers would meet those of the other axis."""
    low, high = float(along[0]), float(along[-1])
    room = 0.1 * (high - low)
    ticks = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in ticks if low + room <= tick <= high - room]


def _frame(ax: Axes3D, scale: Scale, zlabel: str) -> None:
    ax.set_zlim(*scale.ends)
    inches = ax.get_position().width * ax.figure.get_figwidth()
    chosen = scale.ticks(6 if inches > SMALL_BOX else 4)
    ax.zaxis.set_major_locator(FixedLocator([math.log10(v) if scale.log else v for v in chosen]))
    ax.zaxis.set_major_formatter(FuncFormatter(lambda z, _: number(10**z if scale.log else z)))
    ax.tick_params(pad=-2.5, labelsize=small())
    ax.tick_params("z", pad=0)
    ax.xaxis.labelpad, ax.yaxis.labelpad, ax.zaxis.labelpad = -5, -4, -1
    ax.zaxis.set_rotate_label(False)
    ax.set_zlabel(zlabel, rotation=90)
    ax.set_box_aspect(BOX, zoom=min(0.92, 0.62 + 0.1 * inches))  # labels do not shrink
    ax.patch.set_visible(False)  # would cover the labels of the panel to the left
    elevation, azimuth = current_look().view
    ax.view_init(elev=elevation, azim=azimuth)
    ax.computed_zorder = False


def _facets(x: Columns, y: Rows, z: Grid) -> Float[np.ndarray, "facets 4 3"]:
    """Small quadrilaterals that tile the bilinear patches between the measured points."""
    columns, rows = _between(len(x)), _between(len(y))
    fine_x, fine_y = np.interp(columns, np.arange(len(x)), x), np.interp(rows, np.arange(len(y)), y)
    fine_z = _bilinear(z, rows, columns)
    points = np.stack([*np.meshgrid(fine_x, fine_y), fine_z], axis=-1)
    quads = np.stack([points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]], axis=2)
    quads = quads.reshape(-1, 4, 3)
    return np.asarray(quads[np.isfinite(quads).all(axis=(1, 2))])


def _between(n: int) -> Line:
    """Positions 0 to n - 1 with equal steps between neighbours, `FACETS` or more of them."""
    steps = math.ceil(FACETS / (n - 1))
    return np.arange((n - 1) * steps + 1) / steps


def _bilinear(
    z: Float[np.ndarray, "y x"], rows: Float[np.ndarray, " v"], columns: Float[np.ndarray, " u"]
) -> Float[np.ndarray, "v u"]:
    i, j = (np.minimum(p.astype(int), n - 2) for p, n in zip((rows, columns), z.shape, strict=True))
    u, v = (rows - i)[:, None], (columns - j)[None, :]
    with np.errstate(invalid="ignore"):  # inf - inf: such patches are left open
        upper = z[np.ix_(i, j)] * (1 - v) + z[np.ix_(i, j + 1)] * v
        lower = z[np.ix_(i + 1, j)] * (1 - v) + z[np.ix_(i + 1, j + 1)] * v
        return np.asarray(upper * (1 - u) + lower * u)


def _lit(quads: Float[np.ndarray, "facets 4 3"], scale: Scale) -> Float[np.ndarray, "facets 4"]:
    """The colour of each facet's mean height, shaded by how it faces the light."""
    low, high = scale.ends
    height = (quads[:, :, 2].mean(axis=1) - low) / (high - low)
    colours = np.asarray(colormaps[LOSS_COLOURS](height))
    if len(quads) == 0:
        return colours
    extent = quads.reshape(-1, 3).max(axis=0) - quads.reshape(-1, 3).min(axis=0)
    extent[2] = high - low
    unit = quads / extent * BOX
    normals = np.cross(unit[:, 2] - unit[:, 0], unit[:, 3] - unit[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = LIGHT / np.linalg.norm(LIGHT)
    colours[:, :3] *= AMBIENT + (1 - AMBIENT) * np.clip(normals @ light, 0, 1)[:, None]
    return colours
