"""Text from files, made harmless where it is shown, and names that tell files apart."""

import html
import re
from collections.abc import Sequence
from pathlib import Path

STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters other than line feed and tab, marks that reverse the direction of writing, and
halves of characters, which no file can hold."""


def printable(text: str, most: int | None = None) -> str:
    r"""The text with everything that steers a terminal spelled out, such as \x1b for an escape.

    Args:
        text: any.
        most: how many characters are shown; the middle of longer ones is left out.
    """
    shown = STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    if most is None or len(shown) <= most:
        return shown
    half = most // 2 - 4
    return f"{shown[:half]} [...] {shown[-half:]}"


def literal(text: str, most: int = 200) -> str:
    """The text as matplotlib draws it: a dollar sign is one, and not the begin of a formula."""
    return printable(text, most).replace("$", r"\$")


def page_text(text: str) -> str:
    """What `literal` made, as plotly shows it: neither tags nor links nor values of its own."""
    plain = html.escape(text.replace(r"\$", "$"), quote=False)
    return plain.replace("%{", "%&#123;").replace("\n", "<br>")


def checkpoint_names(files: Sequence[Path]) -> list[str]:
    """What checkpoints are called: as their files, or as the folder where that says no more.

    `landscape train` calls every one of them model.pt. Two may come to be called alike.
    """
    return [file.resolve().parent.name if file.stem == "model" else file.stem for file in files]


def distinct_names(files: Sequence[Path]) -> list[str]:
    """What tells files apart: their names, or as many of the folders they are in as it takes."""
    paths = [Path(file).parent.resolve() / Path(file).name for file in files]
    for depth in range(1, max((len(path.parts) for path in paths), default=1)):
        names = ["/".join((*path.parts[-depth:-1], path.stem)) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{path.stem} ({number})" for number, path in enumerate(paths, 1)]
