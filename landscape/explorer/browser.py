"""What happens in the browser without the server: cursor, keys, URL, linked views.

The functions are in `assets/explorer.js`.
"""

from dash import ClientsideFunction, Dash, Input, Output, State

from landscape.explorer.spatial_page import SLIDERS as POSE
from landscape.explorer.weight_page import SLIDERS as WEIGHTS


def register_browser(app: Dash) -> None:
    """Tell the application which of the browser's functions answers what."""
    _shared(app)
    _spatial(app)
    _weights(app)
    _animation(app)


def _function(name: str) -> ClientsideFunction:
    return ClientsideFunction("explorer", name)


def _shared(app: Dash) -> None:
    app.clientside_callback(_function("remember"), Output("query", "id"), Input("query", "data"))
    for page, names in (("s", POSE), ("w", WEIGHTS)):
        app.clientside_callback(
            _function("texts"),
            *(Output(f"{name}-text", "children") for name in names),
            *(Input(name, "value") for name in names),
            State(f"{page}-grid", "data"),
        )
    for page, figure in (("s", "s-volume"), ("w", "w-surface")):
        app.clientside_callback(
            _function("cameras"),
            Output(f"{page}-camera", "data"),
            Input(figure, "relayoutData"),
            prevent_initial_call=True,
        )


def _spatial(app: Dash) -> None:
    values = [State(name, "value") for name in POSE]
    app.clientside_callback(
        _function("pose"),
        *(Output(name, "value", allow_duplicate=True) for name in POSE),
        Input("s-heat", "clickData"),
        Input("s-profiles", "clickData"),
        Input("s-volume", "clickData"),
        Input("key", "data"),
        State("s-plane", "value"),
        *values,
        State("s-grid", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        _function("told"),
        Output("s-attack-told", "children"),
        Input("s-ways", "data"),
        Input("s-image", "data"),
    )
    app.clientside_callback(
        _function("mark"),
        Output("s-list", "id"),
        Input("s-image", "data"),
        Input("s-list", "children"),
    )
    app.clientside_callback(
        _function("images"),
        Output("s-image", "data"),
        Output("s-page", "data"),
        Input("key", "data"),
        Input("s-back", "n_clicks"),
        Input("s-on", "n_clicks"),
        Input("s-sort", "value"),
        State("s-image", "data"),
        State("s-page", "data"),
        State("s-order", "data"),
        prevent_initial_call=True,
    )


def _weights(app: Dash) -> None:
    values = [State(name, "value") for name in WEIGHTS]
    app.clientside_callback(
        _function("weights"),
        *(Output(name, "value", allow_duplicate=True) for name in WEIGHTS),
        Input("w-contour", "clickData"),
        Input("w-surface", "clickData"),
        Input("key", "data"),
        State("w-plane", "value"),
        *values,
        State("w-grid", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        _function("held"),
        Output("w-held", "data"),
        *(Input(name, "value") for name in WEIGHTS),
        Input("w-plane", "value"),
        State("w-grid", "data"),
        State("w-held", "data"),
    )


def _animation(app: Dash) -> None:
    app.clientside_callback(
        _function("play"),
        Output("w-clock", "disabled"),
        Output("w-play", "children"),
        Output("w-player", "className"),
        Input("w-play", "n_clicks"),
        Input("w-mode", "value"),
        Input("key", "data"),
        State("w-clock", "disabled"),
    )
    app.clientside_callback(
        _function("frame"),
        Output("w-frame", "value"),
        Output("w-frame", "max"),
        Input("w-clock", "n_intervals"),
        Input("w-beside", "value"),
        State("w-frame", "value"),
        State("w-beside", "options"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        _function("frameText"),
        Output("w-frame-text", "children"),
        Input("w-frame", "value"),
        Input("w-beside", "value"),
        State("w-beside", "options"),
    )
    app.clientside_callback(
        _function("quantile"),
        Output("w-quantile-text", "children"),
        Output("w-clip", "className"),
        Input("w-quantile", "value"),
        Input("w-scale", "value"),
    )
    app.clientside_callback(
        _function("point"),
        Output("w-contour", "id"),
        Input("w-contour", "hoverData"),
        Input("w-surface", "hoverData"),
        State("w-contour", "figure"),
        State("w-surface", "figure"),
        prevent_initial_call=True,
    )
