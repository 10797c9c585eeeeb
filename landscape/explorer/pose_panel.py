"""The image at the cursor beside the original, and what the file says of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr
from dash import html

from landscape.explorer.controls import table
from landscape.explorer.marks import FIRST, SECOND
from landscape.explorer.pictures import data_uri
from landscape.explorer.sources import Sources
from landscape.explorer.spatial_figures import nearest_pose
from landscape.explorer.words import coordinate, number
from landscape.plots.prepare import (
    POSE_AXES,
    PosePoint,
    can_pose,
    displayed_pixels,
    posed_pixels,
)
from landscape.plots.style import unit_symbol

SIDE = 448  # pixels of a picture, at most
COARSE = 64  # up to this many pixels each is drawn as a square


def pose_panel(
    sources: Sources, cubes: Mapping[str, xr.Dataset], at: Sequence[float]
) -> list[html.Div | html.Table]:
    """Pictures and a table with a column for each model.

    Args:
        sources: all files.
        cubes: the surfaces of the image, by label.
        at: the cursor.
    """
    first = next(iter(cubes.values()))
    points = {label: nearest_pose(cube, at) for label, cube in cubes.items()}
    pose = next(iter(points.values()))
    told = ", ".join(
        coordinate(value, unit_symbol(first[axis])) for axis, value in pose.pose.items()
    )
    return [_pictures(first, pose, told), _facts(sources, cubes, points)]


def _pictures(image: xr.Dataset, pose: PosePoint, told: str) -> html.Div:
    if "pixels" not in image or image.sizes["channel"] not in (1, 3):
        return html.Div("The file holds no pixels to show.", className="remark")
    pixels = displayed_pixels(image)
    look = "picture coarse" if max(pixels.shape[:2]) <= COARSE else "picture"
    figures: list[html.Figure | html.Div] = [
        _figure(data_uri(pixels, SIDE), "original", look, "s-original")
    ]
    if can_pose(image):
        posed = data_uri(posed_pixels(image, pose), SIDE)
        figures.append(_figure(posed, told, look, "s-posed"))
    else:
        why = "Poses of this convention or padding are not drawn here."
        figures.append(html.Div(why, className="remark"))
    return html.Div(figures, className="pictures")


def _figure(source: str, caption: str, look: str, name: str) -> html.Figure:
    picture = html.Img(src=source, alt=caption, className=look, id=name)
    return html.Figure([picture, html.Figcaption(caption)])


def _facts(
    sources: Sources, cubes: Mapping[str, xr.Dataset], points: Mapping[str, PosePoint]
) -> html.Table:
    first = next(iter(cubes.values()))
    rows: dict[str, list[Any]] = {"true class": [], "predicted": [], "loss": [], "margin": []}
    for label, point in points.items():
        summary = sources[label].summary()
        wrong = point.misclassified
        rows["true class"].append(summary.class_name(int(first["label"])))
        rows["predicted"].append(
            html.Span(
                summary.class_name(point.prediction) + ("  ✗" if wrong else "  ✓"),
                className="wrong" if wrong else "right",
                title="misclassified" if wrong else "classified rightly",
            )
        )
        rows["loss"].append(number(point.loss))
        rows["margin"].append(number(point.margin))
    keys = [
        html.Span([html.I(className="key", style={"background": colour}), label])
        for label, colour in zip(points, (FIRST, SECOND), strict=False)
    ]
    heads = ["", *keys] if len(points) > 1 else []
    return table([(name, *values) for name, values in rows.items()], heads)


def axes_of(pose: PosePoint) -> tuple[float, ...]:
    """A pose as numbers in the order of the axes."""
    return tuple(pose.pose[axis] for axis in POSE_AXES)
