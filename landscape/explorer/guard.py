"""Who may ask: pages of this explorer alone, and nothing in them asks anybody else."""

from dash import Dash
from flask import Response, abort, request

LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; form-action 'none'"
)
"""Inline scripts are Dash's own, `unsafe-eval` is for plotly's scenes."""


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which nobody else reaches."""
    return host in LOOPBACK or host.startswith("127.")


def protect(app: Dash, host: str) -> None:
    """Refuse what a foreign page sends, and forbid the browser to ask elsewhere.

    A page from elsewhere whose name is made to point to this machine (DNS rebinding) shows by the
    name that it asks for.

    Args:
        app: the explorer.
        host: where it listens; names are not known, and not looked at, beyond the loopback.
    """

    def check() -> None:
        asked = request.host.rsplit(":", 1)[0].strip("[]") if request.host else ""
        if is_loopback(host) and not is_loopback(asked):
            abort(403)
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            abort(403)

    def restrict(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    app.server.before_request(check)
    app.server.after_request(restrict)
