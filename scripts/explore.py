"""Stored surfaces in the browser; nothing leaves the machine.

    python scripts/explore.py surfaces/*.h5

The same as `landscape explore`, from Python: `make_app` is a Dash application like any other, which
you may serve as you like.
"""

import sys
from pathlib import Path

from landscape.cli.options import Files, Several, refuse_none
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.explorer.app import make_app
from landscape.explorer.serve import serve


def main(
    surfaces: Files,
    /,
    checkpoint: Several[Path] = (),
    port: int = 8050,
) -> None:
    """Serve the explorer until Ctrl-C.

    Args:
        surfaces: HDF5 files of `landscape spatial` and `landscape weights`, finished or not.
        checkpoint: The networks of spatial surfaces, for live probabilities and attacks.
        port: The port, or the next one that is free.
    """
    refuse_none(surfaces, "surface file to explore")
    serve(make_app(surfaces, checkpoints=checkpoint), port=port)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
