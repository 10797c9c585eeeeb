"""Tables and parts of a page; whatever comes from a file is escaped here."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landscape.text import printable

MOST = 400  # characters of a cell


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title: plain text.
        body: HTML.
    """

    title: str
    body: str

    def html(self, number: int) -> str:
        """The part under its heading, to which the contents can point."""
        return (
            f'<section id="s{number}">\n<h2>{html.escape(self.title)}</h2>\n{self.body}\n</section>'
        )


def shown(text: object) -> str:
    """Text from a file, as a page shows it."""
    return html.escape(printable(str(text), MOST))


def table(rows: Iterable[Sequence[object]], head: Sequence[object] = ()) -> str:
    """Rows of text from anywhere; the first cell of each is its name."""
    top = "".join(f'<th scope="col">{shown(cell)}</th>' for cell in head)
    lines = [f"<tr>{top}</tr>"] if head else []
    for name, *cells in rows:
        rest = "".join(f"<td>{shown(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{shown(name)}</th>{rest}</tr>')
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def folded(summary: str, body: str) -> str:
    """A part that opens when it is asked for."""
    return f"<details><summary>{shown(summary)}</summary>{body}</details>"
