"""What the explorer's figures share: their frame, and the mark of the cursor."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from landscape.plots.scales import Scale
from landscape.plots.style import NETWORK_COLOURS

FONT = {"family": "system-ui, sans-serif", "size": 12, "color": "#24292f"}
FIRST, SECOND = NETWORK_COLOURS[:2]
CURSOR = "#111111"
WAY, WAY_END = "#ffffff", "#ff9f1c"


GRID = {"gridcolor": "#eaeef2", "zerolinecolor": "#d0d7de", "automargin": True}
SCENE_AXIS = {"backgroundcolor": "white", "gridcolor": "#dfe6ec", "zerolinecolor": "#dfe6ec"}
LOOK: dict[str, Any] = {
    "template": {
        "layout": {
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "xaxis": GRID,
            "yaxis": GRID,
            "coloraxis": {"colorbar": {"outlinewidth": 0}},
            "scene": {f"{letter}axis": SCENE_AXIS for letter in "xyz"},
        }
    },
    "font": FONT,
    "margin": {"l": 52, "r": 12, "t": 26, "b": 40},
    "uirevision": "keep",
    "showlegend": False,
    "hoverlabel": {"font": {"family": FONT["family"], "size": 12}, "bgcolor": "white"},
    "modebar": {"orientation": "v", "bgcolor": "rgba(255,255,255,0.6)"},
}
"""A template of plotly's own would take longer to check than the figure to make."""


def empty(message: str = "") -> go.Figure:
    """A frame without axes, with a sentence in it."""
    told = [caption(message, 0.5, 0.5)] if message else []
    return frame(xaxis={"visible": False}, yaxis={"visible": False}, annotations=told)


def frame(**layout: Any) -> go.Figure:
    """An empty figure as all of them look; the layout is best given at once."""
    return go.Figure(layout={**LOOK, **layout})


def seen_from(figure: go.Figure, eye: Any) -> go.Figure:
    """The figure with all its scenes seen from one place (x, y, z), if there is one."""
    if eye:
        figure.update_scenes(camera_eye=dict(zip("xyz", eye, strict=True)))
    return figure


def caption(text: str, x: float, y: float, **look: Any) -> dict[str, Any]:
    """Words in a figure, at a share of its width and height."""
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "center"}
    return {"text": text, **place, "showarrow": False, **look}


def ring(x: float, y: float, **axes: str) -> list[go.Scatter]:
    """The cursor on a plane: a black ring in a white one, seen on every colour."""
    look: dict[str, Any] = {"mode": "markers", "hoverinfo": "skip", "showlegend": False, **axes}
    place = {"x": [x], "y": [y]}
    outer = {"symbol": "circle-open", "size": 15, "color": "white", "line": {"width": 5}}
    inner = {"symbol": "circle-open", "size": 15, "color": CURSOR, "line": {"width": 2}}
    return [
        go.Scatter(name="cursor", **place, marker=outer, **look),
        go.Scatter(name="cursor", **place, marker=inner, **look),
    ]


def ball(x: float, y: float, z: float, **where: str) -> go.Scatter3d:
    """The cursor in a scene."""
    return go.Scatter3d(
        x=[x],
        y=[y],
        z=[z],
        mode="markers",
        name="cursor",
        showlegend=False,
        hoverinfo="skip",
        marker={"size": 6, "color": CURSOR, "line": {"color": "white", "width": 2}},
        **where,
    )


def pole(x: float, y: float, scale: Scale, **where: str) -> go.Scatter3d:
    """A line from the floor of a scene to its top, at the cursor."""
    return go.Scatter3d(
        x=[x, x],
        y=[y, y],
        z=list(scale.ends),
        mode="lines",
        name="cursor",
        showlegend=False,
        hoverinfo="skip",
        line={"color": CURSOR, "width": 3},
        **where,
    )


def on_scale(scale: Scale, value: float) -> float:
    """Where a value stands in a scene: on the floor if it is no number."""
    (place,) = scale.position(np.array([value], dtype=np.float64))
    return float(place) if np.isfinite(place) else scale.ends[0]


def within(scale: Scale, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Values as they are drawn: those beyond the scale at its end, those that are none nowhere."""
    inside = np.clip(values, scale.low, scale.high)
    return np.where(np.isfinite(values), inside, np.nan)


def even_ticks(scale: Scale, most: int = 6) -> dict[str, Any]:
    """Round ticks of an axis of values; plotly's own where the scale is linear.

    Args:
        scale: of the values.
        most: how many, about.
    """
    if not scale.log:
        return {"nticks": most}
    some = scale.ticks(most)
    return {"tickmode": "array", "tickvals": some, "ticktext": [f"{level:g}" for level in some]}


def domains(count: int, gap: float, right: float = 1.0) -> list[tuple[float, float]]:
    """Equal shares of a width from left to right.

    Args:
        count: of the panels.
        gap: between two of them, less where there are many.
        right: where the last one ends.
    """
    gap = min(gap, 0.6 / count)
    width = (right - gap * (count - 1)) / count
    starts = [number * (width + gap) for number in range(count)]
    return [(start, min(start + width, right)) for start in starts]  # a rounding beyond is refused


def suffix(number: int) -> str:
    """What plotly calls the axes and scenes of a panel, counted from 0."""
    return "" if number == 0 else str(number + 1)
