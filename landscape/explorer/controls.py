"""The parts that both kinds of page are made of: sliders, choices, graphs, messages."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from dash import dcc, html, no_update

from landscape.errors import InputError

GRAPH: Any = {  # a type of Dash's own
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 3, "filename": "landscape"},
}


def said(label: str) -> dict[str, Any]:
    """The name of a part, for who hears the page."""
    return {"aria-label": label}


def slider(name: str, label: str, count: int, value: int) -> html.Div:
    """A slider through the values of an axis, the text beside it is written in the browser.

    Args:
        name: id; the text has `name-text`.
        label: what it moves.
        count: how many values there are.
        value: where it stands, from 0.
    """
    return html.Div(
        [
            html.Label(label, htmlFor=name),
            dcc.Input(
                id=name,
                type="range",
                min=0,
                max=max(count - 1, 0),
                step=1,
                value=value,
                disabled=count < 2,
                className="range",
            ),
            html.Span(id=f"{name}-text", className="value"),
        ],
        className="slider" if count else "hidden",
    )


def _named(name: str) -> dict[str, Any]:
    return {"aria-labelledby": f"{name}-label"}


def choice(name: str, label: str, options: Mapping[str, str], value: str) -> html.Div:
    """One of a few, all of them seen at once.

    Args:
        name: id.
        label: what is chosen.
        options: by value, what each is called.
        value: the one that is chosen.
    """
    return html.Div(
        [
            html.Span(label, className="label", id=f"{name}-label"),
            dcc.RadioItems(
                id=name,
                options=[{"value": key, "label": text} for key, text in options.items()],
                value=value,
                inline=True,
                className="segments",
            ),
        ],
        className="choice",
        role="group",
        **_named(name),
    )


def menu(name: str, label: str, options: Sequence[tuple[str, str]], value: str) -> html.Div:
    """One of many, in a list that opens.

    Args:
        name: id.
        label: what is chosen.
        options: values and what they are called.
        value: the one that is chosen.
    """
    return html.Div(
        [
            html.Span(label, className="label", id=f"{name}-label"),
            dcc.Dropdown(
                id=name,
                options=[{"value": key, "label": text} for key, text in options],
                value=value,
                clearable=False,
                searchable=len(options) > 12,
                className="menu",
            ),
        ],
        className="choice",
        role="group",
        **_named(name),
    )


def graph(name: str, label: str) -> html.Div:
    """A figure that fills its place.

    Args:
        name: id.
        label: what it shows, for who cannot see it.
    """
    return html.Div(
        dcc.Graph(id=name, config=GRAPH, responsive=True, className="graph"),
        className=f"panel {name}",
        role="figure",
        **said(label),
    )


def notice(name: str) -> html.Div:
    """Where a sentence stands if something cannot be shown; nothing is seen where there is none."""
    return html.Div(id=name, className="notice", role="alert")


def table(rows: Sequence[Sequence[Any]], heads: Sequence[Any] = ()) -> html.Table:
    """Facts: a name in the first column, values behind it."""
    head = [html.Thead(html.Tr([html.Th(text, scope="col") for text in heads]))] if heads else []
    body = [
        html.Tr([html.Th(first, scope="row"), *(html.Td(value) for value in rest)])
        for first, *rest in rows
    ]
    return html.Table([*head, html.Tbody(body)], className="facts")


def telling(count: int, function: Callable[..., Sequence[Any]]) -> Callable[..., tuple[Any, ...]]:
    """A callback whose last output says what cannot be shown, and leaves the page as it is.

    Args:
        count: of the outputs before it.
        function: gives these.
    """

    @wraps(function)
    def told(*arguments: Any) -> tuple[Any, ...]:
        try:
            return (*function(*arguments), "")
        except InputError as error:
            return (*[no_update] * count, str(error))

    return told


def index(value: Any, count: int) -> int:
    """The position of a slider: browsers send text."""
    try:
        return min(max(int(float(value)), 0), max(count - 1, 0))
    except (TypeError, ValueError, OverflowError):
        return 0
