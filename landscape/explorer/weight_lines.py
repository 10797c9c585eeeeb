"""Weight surfaces along one direction: a line for each file, with bars of one standard error.

The trace of the cursor comes first, so that it is moved without the others.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from landscape.explorer import marks
from landscape.explorer.weight_shown import Shown
from landscape.plots.interactive_parts import not_finite_look
from landscape.plots.page_words import axis_label, spelled
from landscape.plots.paths import LINE, marked
from landscape.plots.prepare import not_finite
from landscape.plots.style import NETWORK_COLOURS
from landscape.text import page_text


def lines(shown: Shown) -> go.Figure:
    """A line for each file along one direction, with bars of one standard error."""
    figure = marks.frame(hovermode="x unified", margin={"l": 60, "r": 12, "t": 10, "b": 44})
    low, high = shown.scale.ends
    slack = 0.04 * (high - low)
    ends = _reach(shown) if not shown.scale.log else [low - slack, high + slack]
    here = shown.at["alpha"]
    log = shown.scale.log
    bounds = [10**end for end in ends] if log else ends
    look = {"mode": "lines", "name": "cursor", "hoverinfo": "skip", "showlegend": False}
    figure.add_trace(go.Scatter(x=[here, here], y=bounds, line={"color": marks.CURSOR}, **look))
    figure.data[0].line.width = 1
    for number, (label, part) in enumerate(shown.parts.items()):
        colour = NETWORK_COLOURS[number % len(NETWORK_COLOURS)]
        figure.add_traces(_line(shown, part, page_text(label), colour, bounds[0]))
    figure.add_traces(_networks(shown, bounds[0]))
    percent = {"tickformat": ".0%"} if shown.field.endswith("accuracy") else {}
    figure.update_layout(
        xaxis={"title": {"text": axis_label(shown.first["alpha"])}, "zeroline": False},
        yaxis={"title": {"text": axis_label(shown.first[shown.field])}, "range": ends}
        | marks.even_ticks(shown.scale)
        | {"type": "log" if log else "linear", "zeroline": False, **percent},
        showlegend=len(shown.parts) > 1,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    )
    return figure


def _reach(shown: Shown) -> list[float]:
    """The ends of a linear axis of values with their bars."""
    low, high = shown.scale.ends
    for part in shown.parts.values():
        values, error = part[shown.field].values, part.get(f"{shown.field}_stderr")
        if error is not None and not shown.scale.clipped:
            ends = np.concatenate([values - error.values, values + error.values])
            ends = ends[np.isfinite(ends)]
            low, high = float(ends.min(initial=low)), float(ends.max(initial=high))
    slack = 0.04 * (high - low)
    return [low - slack, high + slack]


def _networks(shown: Shown, floor: float) -> list[go.Scatter]:
    """Where the trained weights and other networks lie on the line."""
    places = [(0.0, "trained weights")]
    for part in shown.parts.values():
        if (there := marked(part)) is not None:
            names = [page_text(name) for name in there.names]
            places += zip(there.coordinates[:, 0].tolist(), names, strict=True)
    look: dict[str, Any] = {"mode": "markers", "showlegend": False, "cliponaxis": False}
    return [
        go.Scatter(
            x=[x],
            y=[floor],
            marker={"symbol": "diamond" if number else "cross", "size": 10}
            | {"color": LINE["color"] if number else "#666666"},
            hovertemplate=f"{name}<extra></extra>",
            name=name,
            **look,
        )
        for number, (x, name) in enumerate(dict.fromkeys(places))
    ]


def _line(
    shown: Shown, part: xr.Dataset, label: str, colour: str, floor: float
) -> list[go.Scatter]:
    x, y = part["alpha"].values, part[shown.field].values.astype(np.float64)
    error = part.get(f"{shown.field}_stderr")
    traces = [
        go.Scatter(
            x=x,
            y=np.where(np.isfinite(y), y, np.nan),
            error_y=None if error is None else {"array": error.values, "thickness": 1, "width": 2},
            line={"color": colour, "width": 2},
            marker={"size": 4},
            mode="lines+markers",
            name=label,
        )
    ]
    for kind, mask in not_finite(y).items():
        mark = not_finite_look(kind, 8, f"{label}: {spelled(shown.field)}")
        traces.append(go.Scatter(x=x[mask], y=np.full(int(mask.sum()), floor), **mark))
    return traces
