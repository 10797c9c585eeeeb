"""What happens on the page of a spatial surface."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from dash import Dash, Input, Output, Patch, State

from landscape.explorer import marks
from landscape.explorer.controls import index, telling
from landscape.explorer.pictures import thumbnails
from landscape.explorer.pose_panel import pose_panel
from landscape.explorer.scaling import remark
from landscape.explorer.sources import Source, Sources, Summary
from landscape.explorer.spatial_figures import Shown, Way, common_scale, heat_maps, profiles
from landscape.explorer.spatial_layout import PAGE, badge
from landscape.explorer.spatial_volume import CURSOR_TRACE, volume
from landscape.explorer.state import PLANES, View, to_query
from landscape.explorer.words import TO, number
from landscape.explorer.worst import badges
from landscape.plots.prepare import POSE_AXES

if TYPE_CHECKING:  # it needs torch
    from landscape.explorer.live import Live

SLIDERS = [f"s-{axis}" for axis in POSE_AXES]
AT = [Input(name, "value") for name in SLIDERS]
IMAGE, WAYS, VERSION = (Input(name, "data") for name in ("s-image", "s-ways", "version"))
PLANE, FIELD, SCALE, COMPARE, LEVELS, SORT = (
    Input(f"s-{name}", "value") for name in ("plane", "field", "scale", "compare", "levels", "sort")
)
OPENED = State("opened", "data")


@dataclass(frozen=True, eq=False)
class SpatialPage:
    """Callbacks of the page, as plain functions.

    Attributes:
        sources: all files.
        live: checkpoints, if any were given.
    """

    sources: Sources
    live: "Live | None"

    def register(self, app: Dash) -> None:
        """Tell the application which of them answers what."""
        self._register_figures(app)
        app.callback(
            Output("s-list", "children"),
            Output("s-order", "data"),
            Output("s-pages", "children"),
            Output("s-list-notice", "children"),
            SORT,
            Input("s-page", "data"),
            VERSION,
            OPENED,
        )(telling(3, self.images))
        app.callback(
            Output("query", "data", allow_duplicate=True),
            IMAGE,
            *AT,
            PLANE,
            FIELD,
            SCALE,
            COMPARE,
            LEVELS,
            SORT,
            OPENED,
            Input("s-camera", "data"),
            prevent_initial_call="initial_duplicate",
        )(self.describe)

    def _register_figures(self, app: Dash) -> None:
        app.callback(
            Output("s-heat", "figure"),
            Output("s-profiles", "figure"),
            Output("s-pose", "children"),
            Output("s-remark", "children"),
            Output("s-notice", "children"),
            IMAGE,
            *AT,
            PLANE,
            FIELD,
            SCALE,
            COMPARE,
            WAYS,
            VERSION,
            OPENED,
        )(telling(4, self.draw))
        app.callback(
            Output("s-volume", "figure"),
            Output("s-volume-notice", "children"),
            IMAGE,
            LEVELS,
            SCALE,
            COMPARE,
            WAYS,
            VERSION,
            *(State(name, "value") for name in SLIDERS),
            OPENED,
            State("s-camera", "data"),
        )(telling(1, self.whole))
        app.callback(
            Output("s-volume", "figure", allow_duplicate=True),
            *AT,
            OPENED,
            prevent_initial_call=True,
        )(self.move)

    def images(self, sort: str, page: int, version: Any, opened: str) -> tuple[Any, ...]:
        """A page of the list, the order of all images, and which page it is."""
        source = self.sources[opened]
        told = source.summary()
        order = ordered(source, told, sort)
        pages = -(-len(order) // PAGE)
        page = min(max(int(page or 0), 0), pages - 1)
        some = order[page * PAGE : (page + 1) * PAGE]
        places = [int(np.flatnonzero(told.images == image)[0]) for image in some]
        found, small = badges(source, places), thumbnails(source, places)
        entries = []
        for image, picture in zip(some, small, strict=True):
            worst = found[image].worst
            names = told.class_name(found[image].label), told.class_name(worst.prediction)
            loss, wrong = number(worst.loss, 3), worst.misclassified
            entries.append(badge(*names, image, loss, wrong, picture))
        first = page * PAGE + 1
        return entries, order, f"{first}{TO}{first + len(some) - 1} of {len(order)}"

    def draw(
        self,
        image: int,
        rotation: Any,
        shift_x: Any,
        shift_y: Any,
        plane: str,
        field: str,
        scale: str,
        compare: str,
        ways: Mapping[str, Any] | None,
        version: Any,
        opened: str,
    ) -> tuple[Any, ...]:
        """Heat map, profiles, the image at the cursor, and a remark on the scale."""
        source, cubes = self.sources[opened], self.cubes(opened, compare, image)
        at = place(source.summary(), (rotation, shift_x, shift_y))
        x, y = (plane if plane in PLANES else PLANES[0]).split("-")
        common = common_scale(cubes, field, scale)
        shown = Shown(cubes, at, (x, y), field, common, ways_of(ways, image))
        said = pose_panel(self.sources, cubes, at)
        return heat_maps(shown), profiles(shown), said, remark(common, scale)

    def whole(
        self,
        image: int,
        levels: str,
        scale: str,
        compare: str,
        ways: Mapping[str, Any] | None,
        version: Any,
        rotation: Any,
        shift_x: Any,
        shift_y: Any,
        opened: str,
        camera: Any = None,
    ) -> tuple[go.Figure]:
        """The volume."""
        cubes = self.cubes(opened, compare, image)
        at = place(self.sources[opened].summary(), (rotation, shift_x, shift_y))
        common = common_scale(cubes, "loss", scale)
        figure = volume(cubes, at, common, levels, ways_of(ways, image))
        return (marks.seen_from(figure, camera),)

    def move(self, rotation: Any, shift_x: Any, shift_y: Any, opened: str) -> Patch:
        """The cursor in the volume, which stays as it is."""
        at = place(self.sources[opened].summary(), (rotation, shift_x, shift_y))
        change = Patch()
        for letter, value in zip("xyz", at, strict=True):
            change["data"][CURSOR_TRACE][letter] = [value]
        return change

    def describe(
        self,
        image: int,
        rotation: Any,
        shift_x: Any,
        shift_y: Any,
        plane: str,
        field: str,
        scale: str,
        compare: str,
        levels: str,
        sort: str,
        opened: str,
        camera: Any = None,
    ) -> str:
        """The query that reproduces the page."""
        at = place(self.sources[opened].summary(), (rotation, shift_x, shift_y))
        view = View(
            file=opened,
            compare=compare or "",
            image=image,
            plane=plane,
            at=at,
            field=field,
            scale=scale,
            levels=levels,
            sort=sort,
            camera=tuple(camera or ()),
        )
        return to_query(view)

    def cubes(self, opened: str, compare: str | None, image: int) -> dict[str, xr.Dataset]:
        """The surfaces of an image, of the file and of the one it is compared with."""
        labels = [opened, *([compare] if compare and self.sources.get(compare) else [])]
        return {label: self.sources[label].cube(int(image)) for label in labels}


def ordered(source: Source, told: Summary, sort: str) -> list[int]:
    """All images in the order of the list."""
    if sort != "loss":
        return [int(image) for image in told.images]
    harmed = sorted(badges(source).values(), key=lambda one: one.worst.harm, reverse=True)
    return [badge.image for badge in harmed]


def place(told: Summary, sliders: tuple[Any, ...]) -> tuple[float, ...]:
    """The pose that the sliders stand for."""
    axes = {axis.name: axis.values for axis in told.axes}
    return tuple(
        float(axes[name][index(value, len(axes[name]))])
        for name, value in zip(POSE_AXES, sliders, strict=True)
    )


def ways_of(kept: Mapping[str, Any] | None, image: int) -> dict[str, list[Way]]:
    """The ways of attacks on an image, as the browser keeps them; those of another are none."""
    if not kept or kept.get("image") != image:
        return {}
    return {
        label: [np.asarray(way, dtype=np.float64) for way in ways]
        for label, ways in kept["ways"].items()
    }
