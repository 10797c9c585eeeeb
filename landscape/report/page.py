"""The page of a report: one file that needs nothing else, and no network."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from plotly.offline import get_plotlyjs

from landscape.files import atomic_write, refuse_loss
from landscape.report.found import Contents, look_through
from landscape.report.sections import (
    accuracy_sections,
    surface_sections,
    together_sections,
    training_sections,
)
from landscape.report.words import Section, shown, table

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; margin: 0 auto; max-width: 1180px;
  padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 44px 0 8px; border-bottom: 1px solid #d8dee4; padding-bottom: 4px; }
h3 { font-size: 16px; margin: 28px 0 6px; }
nav ul { margin: 12px 0; padding-left: 20px; }
a { color: #2c5f8a; }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid #eaeef2;
  vertical-align: top; }
th { font-weight: 600; color: #57606a; }
details { margin: 6px 0; }
summary { cursor: pointer; color: #2c5f8a; }
img { max-width: 100%; height: auto; }
.passed { color: #1a7f37; } .failed { color: #b3261e; font-weight: 600; }
.note { color: #57606a; }
.scroll { overflow-x: auto; }
"""


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Gather what is in the folder of a run, and in the folders in it, on one page.

    Args:
        folder: what commands wrote to: trainings, evaluations, surfaces.
        out: the page; `report.html` in the folder unless given.

    Returns:
        The page that was written.

    Raises:
        InputError: there is nothing to report, the page cannot be written, or something that is no
            page is in its place.
    """
    out = Path(folder) / "report.html" if out is None else Path(out)
    refuse_loss(out, [], suffix=".html")
    found = look_through(Path(folder))
    text = _page(Path(folder).resolve().name, list(_sections(found)), found)
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return out


def _sections(found: Contents) -> Iterator[Section]:
    yield from training_sections(found.trainings)
    yield from accuracy_sections(found.attacks)
    yield from together_sections(found)
    yield from surface_sections(found.surfaces)


def _page(name: str, sections: Sequence[Section], found: Contents) -> str:
    title = shown(f"{name}: report")
    parts = [
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n"
        f"<script>{get_plotlyjs()}</script>\n</head>\n<body>\n<h1>{title}</h1>",
        _contents(sections),
        *(section.html(number) for number, section in enumerate(sections)),
        _refused(found),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _contents(sections: Iterable[Section]) -> str:
    links = (
        f'<li><a href="#s{number}">{shown(section.title)}</a></li>'
        for number, section in enumerate(sections)
    )
    return f"<nav><ul>{''.join(links)}</ul></nav>"


def _refused(found: Contents) -> str:
    if not found.refused:
        return ""
    return f"<h2>Not shown</h2>\n{table(found.refused.items())}"
