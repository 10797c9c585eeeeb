"""Serving the explorer, to this machine unless another address is asked for."""

import errno
import logging
import socket
import socketserver
from collections.abc import Callable

from dash import Dash
from werkzeug.serving import BaseWSGIServer, make_server

from landscape.errors import InputError
from landscape.explorer.guard import is_loopback, protect
from landscape.interrupt import Terminated

log = logging.getLogger("landscape.explorer")

TRIES = 100  # ports after the one that is asked for


def serve(
    app: Dash, host: str = "127.0.0.1", port: int = 8050, ready: Callable[[str], None] = print
) -> None:
    """Serve until Ctrl-C.

    Args:
        app: the explorer.
        host: the address to listen on.
        port: the first to try; 0 for any that is free.
        ready: is given the address of the page, once it is served.

    Raises:
        InputError: the address cannot be listened on.
    """
    with bound(host, port) as listening:
        taken = listening.getsockname()[1]
        if port not in (0, taken):
            log.info("port %d is taken; this is on %d", port, taken)
        if not is_loopback(host):
            log.warning(
                "%s is an address that other machines reach: whoever asks there sees these files",
                host,
            )
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        protect(app, host)
        server = make_server(host, taken, app.server, threaded=True, fd=listening.fileno())
        ready(f"http://{_name(host)}:{taken}")
        _until_stopped(server)


def _until_stopped(server: BaseWSGIServer) -> None:
    try:
        socketserver.BaseServer.serve_forever(server, poll_interval=0.1)
    except Terminated:
        raise Terminated("ended by SIGTERM") from None
    except KeyboardInterrupt:
        return
    finally:
        server.server_close()


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens on the first free port.

    Raises:
        InputError: there is none, or the address is not this machine's.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"expected a port from 0 to 65535, got {port}")
    last = min(port + (TRIES if port else 0), 65535)
    for number in range(port, last + 1):
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.socket(family, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, number))
            listening.listen(128)
        except OSError as error:
            listening.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise InputError(
                    f"cannot listen on {host} ({error.strerror or error}); give an address of this "
                    "machine as --host, or leave it out"
                ) from error
        else:
            return listening
    raise InputError(f"no port from {port} to {last} is free on {host}; give another --port")


def _name(host: str) -> str:
    return f"[{host}]" if ":" in host else host
