"""`landscape explore`: stored surfaces in the browser."""

from pathlib import Path

from landscape.cli.options import Files, ModelOptions, Several, refuse_none
from landscape.cli.output import say


def explore(
    files: Files,
    /,
    checkpoint: Several[Path] = (),
    host: str = "127.0.0.1",
    port: int = 8050,
    browser: bool = True,
    network: ModelOptions = ModelOptions(),
) -> None:
    """Explore stored surfaces in the browser; no request leaves this machine.

    Works on files that are still being written, which it follows, and on files larger than memory.
    Ctrl-C ends it.

    Args:
        files: Surfaces computed by `landscape spatial` and `landscape weights`.
        checkpoint: The networks that spatial surfaces were computed from, for live probabilities
            and attacks.
        host: The address to listen on. Whoever reaches it sees the files.
        port: The port, or the next one that is free; 0 for any.
        browser: Open the page by itself; --no-browser only prints its address.
        network: Which network.
    """
    import logging
    import threading
    import webbrowser

    from landscape.errors import InputError
    from landscape.explorer.app import make_app
    from landscape.explorer.serve import serve
    from landscape.store import open_surface

    refuse_none(files, "surface file to explore")
    sentences = []
    for file in files:
        try:
            open_surface(file).close()
        except InputError as error:
            sentences.append(str(error))
    if len(sentences) == len(files):
        raise InputError("; ".join(sentences))
    for sentence in sentences:
        logging.getLogger("landscape.explorer").warning("%s", sentence)
    app = make_app(files, checkpoints=checkpoint, load=network.load)

    def ready(address: str) -> None:
        say(address)
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    serve(app, host, port, ready)
