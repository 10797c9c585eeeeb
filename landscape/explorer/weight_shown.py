"""Which weight surfaces are shown, on which scale, and where the cursor is in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import lookup

import numpy as np
import xarray as xr

from landscape.explorer.scaling import chosen_scale
from landscape.explorer.sources import AxisFacts, Source, Sources
from landscape.explorer.state import CUTS
from landscape.plots.prepare import drawn_fields
from landscape.plots.scales import Scale
from landscape.store import WEIGHT_AXES, point_fields

GREEK = {name: lookup(f"GREEK SMALL LETTER {name.upper()}") for name in WEIGHT_AXES}


@dataclass(frozen=True, eq=False)
class Shown:
    """What the figures of weight surfaces are made of.

    Attributes:
        parts: the surfaces, by label.
        field: the variable that is shown.
        scale: of the values of all surfaces, of those too that are shown before and after.
        at: the cursor, by axis.
        spans: the ends of each axis, over all surfaces.
        plane: the two axes of the contours.
    """

    parts: Mapping[str, xr.Dataset]
    field: str
    scale: Scale
    at: Mapping[str, float]
    spans: Mapping[str, tuple[float, float]]
    plane: tuple[str, str]

    @property
    def first(self) -> xr.Dataset:
        """The first surface."""
        return next(iter(self.parts.values()))

    @property
    def axes(self) -> tuple[str, ...]:
        """The directions that the surfaces have."""
        return WEIGHT_AXES[: len(self.at)]


def fields_of(part: xr.Dataset) -> list[str]:
    """What can be shown: quantities, then their standard errors."""
    drawn = drawn_fields(part)
    return [*drawn, *sorted(set(point_fields(part)) - set(drawn))]


def frames(sources: Sources, source: Source, beside: Sequence[str]) -> list[str]:
    """The surfaces that follow each other: those chosen, or all alike if one is or none."""
    alike = [other.label for other in sources.alike(source)]
    chosen = [label for label in alike if label in beside]
    return chosen if len(chosen) > 1 else alike


def chosen(
    sources: Sources, source: Source, beside: Sequence[str], mode: str, frame: int
) -> tuple[list[str], list[str]]:
    """The labels of what is shown, and of what the scale is for."""
    if mode == "sequence":
        all_of_them = frames(sources, source, beside)
        return [all_of_them[min(max(frame, 0), len(all_of_them) - 1)]], all_of_them
    alike = [other.label for other in sources.alike(source)]
    some = [label for label in alike if label in beside] or [source.label]
    return some, some


def gather(
    sources: Sources,
    labels: tuple[list[str], list[str]],
    *,
    field: str,
    scale: str,
    quantile: float,
    at: Mapping[str, float],
    plane: str,
) -> Shown:
    """Read what is shown.

    Args:
        sources: all files.
        labels: of what is shown, and of what is compared with it on one scale.
        field: the variable; the first one of the surfaces where they lack it.
        scale: a name in `state.SCALES`.
        quantile: up to which a clipped scale goes.
        at: the cursor, by axis.
        plane: a name in `state.CUTS`.

    Raises:
        InputError: a file cannot be read, or its centre is not computed yet.
    """
    shown, compared = labels
    parts = {label: sources[label].surface() for label in dict.fromkeys((*shown, *compared))}
    names = fields_of(parts[shown[0]])
    field = field if field in names else names[0]
    having = [part for part in parts.values() if field in part]
    values = np.concatenate([part[field].values.ravel() for part in having])
    spans = {
        axis: (
            min(float(part[axis].min()) for part in having),
            max(float(part[axis].max()) for part in having),
        )
        for axis in at
    }
    cut = plane if plane in CUTS else CUTS[0]
    x, y = cut.split("-")
    return Shown(
        {label: parts[label] for label in shown if field in parts[label]},
        field,
        chosen_scale(values.astype(np.float64), scale, quantile),
        at,
        spans,
        (x, y),
    )


def nearest(part: xr.Dataset, at: Mapping[str, float]) -> xr.Dataset:
    """The point of a surface that is nearest to the cursor on each axis."""
    return part.isel({a: int(np.abs(part[a].values - v).argmin()) for a, v in at.items()})


def directions(axes: Sequence[AxisFacts]) -> list[AxisFacts]:
    """The axes in the order alpha, beta, gamma."""
    return sorted(axes, key=lambda axis: WEIGHT_AXES.index(axis.name))
