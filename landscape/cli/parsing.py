"""From words at the command line to the arguments of a function, and from docstrings to help."""

import inspect
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import tyro

WIDEST = 100  # columns of a paragraph
CONFIG = (tyro.conf.DisallowNone, tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
SECTION = re.compile(r"\n\n(?:Args|Attributes|Returns|Raises):\n")
CONTINUED = re.compile(r"\n {8}(?=\S)")  # of what an argument is, in a docstring without margin


def parse(
    target: Callable[..., Any],
    words: Sequence[str] | None = None,
    *,
    program: str | None = None,
    about: str | None = None,
) -> Any:
    """Call a function with the arguments that words give, or answer `--help`.

    Tyro keeps the lines of a function's docstring; here help has lines as wide as the terminal.

    Args:
        target: a function, or a dataclass of options; its docstring is the help.
        words: those of the process by default.
        program: how it is called; the name of the script by default.
        about: what help says first, instead of the docstring.

    Returns:
        What the target returns.
    """
    if not inspect.isclass(target):  # of which tyro joins the lines itself
        function = inspect.unwrap(target)
        function.__doc__ = CONTINUED.sub(" ", inspect.cleandoc(function.__doc__ or ""))
    return tyro.cli(
        target,
        prog=program,
        description=paragraphs(about or target.__doc__ or ""),
        args=words,
        config=CONFIG,
    )


def paragraphs(doc: str) -> str:
    """What a docstring says before its arguments, wrapped for the terminal; indented lines stay.

    All lines begin with a space, since tyro joins those that begin with a letter.
    """
    width = min(WIDEST, shutil.get_terminal_size().columns) - 1
    parts = SECTION.split(inspect.cleandoc(doc))[0].split("\n\n")
    return "\n".join(part if part.startswith(" ") else _wrapped(part, width) for part in parts)


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=" ",
        subsequent_indent=" ",
        break_long_words=False,
        break_on_hyphens=False,
    )
