"""A spatial surface as heat maps: per image the three planes through its worst pose."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from landscape.plots.keys import colour_bar, key_below, not_finite_handles
from landscape.plots.options import PlotOptions
from landscape.plots.panels import Line, heat_map
from landscape.plots.prepare import (
    PLANES,
    PosePoint,
    can_pose,
    class_name,
    clean_pose,
    displayed_pixels,
    pick_images,
    plane,
    posed_pixels,
    worst_pose,
)
from landscape.plots.scales import Scale, scale_of
from landscape.plots.style import (
    CLEAN,
    OUTLINE,
    WORST,
    axis_label,
    heading,
    left_out,
    new_figure,
    page_width,
    setting,
    small,
    style,
)
from landscape.store import complete_part

ROWS = 4
ROW_HEIGHT = 1.3  # inches


def plot(image: xr.Dataset, *, ax: Axes, x: str, y: str, scale: Scale) -> Axes:
    """The loss of one image over two pose axes, through its worst pose.

    The line is where the margin is 0, the border of the true class; the star is the worst pose.
    The plus is the clean pose, projected onto the plane.

    Args:
        image: a complete spatial surface of one image (`complete_part`, then `isel(image=...)`).
        ax: where to draw.
        x: the pose axis that runs right.
        y: the pose axis that runs up, or down if it is the shift down.
        scale: of the loss.
    """
    worst, clean = worst_pose(image), clean_pose(image)
    cut = plane(image, x, y, through=worst)
    across, along = cut[x].values, cut[y].values
    heat_map(ax, across, along, cut["loss"].values, scale)
    _boundary(ax, across, along, cut["margin"].values)
    ax.plot(clean.pose[x], clean.pose[y], linestyle="", label="clean pose", **CLEAN)
    ax.plot(worst.pose[x], worst.pose[y], linestyle="", label="worst pose", clip_on=False, **WORST)
    if y == "shift_y" and not ax.yaxis_inverted():
        ax.invert_yaxis()  # down is down
    ax.set(xlabel=axis_label(cut[x]), ylabel=axis_label(cut[y]))
    return ax


def figure(data: xr.Dataset, options: PlotOptions) -> Figure:
    """A row per image: the image, the image in its worst pose, and three planes through it."""
    shown = pick_images(complete_part(data), options.images, at_most=ROWS)
    rows = shown.sizes["image"]
    values = _drawn_losses(shown)
    scale = scale_of(values)
    pictures = ("pixels" in shown) + can_pose(shown)
    with style():
        fig = new_figure(page_width(), ROW_HEIGHT * rows + 0.55)
        narrow = page_width() < 6  # words under pictures keep their size
        ratios = [1.3 if narrow else 0.8] * pictures + [1.5, 1.5, 1.3 if narrow else 1.0]
        axes = fig.subplots(rows, len(ratios), squeeze=False, width_ratios=ratios)
        for row, panels in enumerate(axes):
            image = shown.isel(image=row)
            if pictures:
                _pictures(image, panels[:pictures])
            for ax, (x, y) in zip(panels[pictures:], PLANES, strict=True):
                plot(image, ax=ax, x=x, y=y, scale=scale)
                ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
                if row < rows - 1:
                    ax.tick_params(labelbottom=False)
                    ax.set_xlabel("")
            _name_planes(image, panels[pictures:], pictures=pictures)
        colour_bar(fig, axes[:, pictures:].ravel().tolist(), scale, axis_label(shown["loss"]))
        fig.suptitle(heading(data, left_out(data, shown), width=page_width()))
        key_below(fig, _handles(values), across=5)
    return fig


def _drawn_losses(shown: xr.Dataset) -> Line:
    """All losses in the planes of all images: what the colours must cover."""
    images = [shown.isel(image=row) for row in range(shown.sizes["image"])]
    planes = [plane(i, x, y, through=worst_pose(i)) for i in images for x, y in PLANES]
    return np.concatenate([cut["loss"].values.ravel() for cut in planes])


def _boundary(ax: Axes, x: np.ndarray, y: np.ndarray, margin: np.ndarray) -> None:
    finite = margin[np.isfinite(margin)]
    if min(margin.shape) < 2 or finite.size == 0 or not finite.min() < 0 < finite.max():
        return
    line = ax.contour(
        x, y, np.ma.masked_invalid(margin), levels=[0.0], colors="white", linewidths=1.0
    )
    line.set_path_effects(list(OUTLINE))


def _pictures(image: xr.Dataset, axes: np.ndarray) -> None:
    """The image as it is and, on a second axes, in its worst pose, each under its class."""
    worst = worst_pose(image)
    contents = [(displayed_pixels(image), _true_class(image))]
    if len(axes) == 2:
        contents.append((posed_pixels(image, worst), _verdict(image, worst)))
    for ax, (pixels, title) in zip(axes, contents, strict=True):
        ax.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=255)
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=small())


def _name_planes(image: xr.Dataset, axes: np.ndarray, *, pictures: int) -> None:
    """Above each plane the coordinate that it holds fixed; the verdict, if no picture has it."""
    worst = worst_pose(image)
    for ax, (x, y) in zip(axes, PLANES, strict=True):
        (fixed,) = set(worst.pose) - {x, y}
        ax.set_title(setting(image[fixed], worst.pose[fixed]), fontsize=small())
    if pictures < 2:
        known = "" if pictures else f"{_true_class(image)}, "
        words = f"{known}{_verdict(image, worst)}".replace("\n", ", ")
        axes[0].set_title(f"{words}\n{axes[0].get_title()}", fontsize=small())


def _true_class(image: xr.Dataset) -> str:
    label = class_name(image, int(image["label"]))
    return f"image {int(image['image'])}\n{label[:11]}"


def _verdict(image: xr.Dataset, worst: PosePoint) -> str:
    return f"worst pose\n→ {class_name(image, worst.prediction)[:11]}"


def _handles(values: Line) -> list[Artist]:
    boundary = Line2D([], [], color="white", linewidth=1.0, label="margin = 0")
    boundary.set_path_effects(list(OUTLINE))
    return [
        Line2D([], [], linestyle="", label="worst pose", **WORST),
        Line2D([], [], linestyle="", label="clean pose (projected)", **CLEAN),
        boundary,
        *not_finite_handles(values),
    ]
