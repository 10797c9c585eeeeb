"""Imported once by the process that jobs are forked from: whatever is slow the first time is done.

A sweep is run and described, so that all modules are there; the digits are kept in memory.
"""

import contextlib
import io
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from landscape.cli import main
from landscape.data import digits
from reliability.networks import untrained


def warm_up() -> None:
    """Run what jobs run."""
    reading: Any = digits
    reading._by_digest_and_digit = cache(reading._by_digest_and_digit)
    told = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as made,
        contextlib.redirect_stderr(told),
        contextlib.redirect_stdout(told),
    ):
        network, out = Path(made, "network.pt"), Path(made, "s.h5")
        untrained(network)
        sizes = ("--points", "3", "--samples", "3")
        for words in (("weights", network, "--out", out, *sizes), ("info", out)):
            if main([*map(str, words)]):
                raise RuntimeError(told.getvalue())


warm_up()
