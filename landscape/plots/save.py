"""Writing figures: whole files, byte-identical for the same data, that say where they come from."""

import html
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

from landscape.errors import InputError
from landscape.files import atomic_write
from landscape.plots.venues import current_look
from landscape.store import facts
from landscape.text import printable

PAGE_ID = "landscape-plot"
FACTS_ID = "landscape-provenance"


def save(figure: Any, path: Path, *, data: xr.Dataset) -> None:
    """Write a figure in the format that the suffix of `path` names, with the facts of its data.

    The facts are all attributes of the surface as one JSON object: in PNG the text chunk
    `landscape`, in PDF the subject, in SVG the description, in HTML a script element of the id
    `landscape-provenance`. No clock is read, so the same surface gives the same bytes.

    Args:
        figure: of matplotlib for PNG, PDF and SVG; of plotly for HTML.
        path: where to write; folders are made.
        data: the surface that the figure shows.

    Raises:
        InputError: a suffix that is not known or does not fit the figure, or a path that cannot
            be written.
    """
    from matplotlib.figure import Figure  # not needed by who only sweeps

    from landscape.plots.prepare import drawing
    from landscape.plots.style import style

    path = Path(path)
    suffix = path.suffix.lower()
    fitting = tuple(METADATA) if isinstance(figure, Figure) else (".html",)
    if suffix not in fitting:
        raise InputError(
            f"expected a file name that ends in {' or '.join(fitting)} for this figure, "
            f"got {path.name!r}; rename it or choose another plot"
        )
    with atomic_write(path) as temporary:
        if suffix == ".html":
            temporary.write_text(_page(figure, data), encoding="utf-8")
            return
        with style(), drawing(data), _latex_reporting():
            figure.savefig(temporary, format=suffix[1:], metadata=METADATA[suffix](data))


@contextmanager
def _latex_reporting() -> Iterator[None]:
    """Turn what LaTeX says of its failure, pages of it, into one sentence."""
    try:
        yield
    except RuntimeError as error:
        if not current_look().latex:
            raise
        raise InputError(
            f"LaTeX could not set the text of the figure ({str(error).splitlines()[0]}); look at "
            "its installation (matplotlib wants type1ec, cm-super and dvipng), or do without"
        ) from error


def _title(data: xr.Dataset) -> str:
    return printable(str(data.attrs.get("title", "landscape")), 400)


def _facts_text(data: xr.Dataset) -> str:
    return json.dumps(facts(data), sort_keys=True)


def _png(data: xr.Dataset) -> dict[str, Any]:
    return {"Title": _title(data), "Software": "landscape", "landscape": _facts_text(data)}


def _pdf(data: xr.Dataset) -> dict[str, Any]:
    return {
        "Title": _title(data),
        "Subject": _facts_text(data),
        "Keywords": "loss landscape",
        "Creator": "landscape",
        "CreationDate": None,
    }


def _svg(data: xr.Dataset) -> dict[str, Any]:
    return {
        "Title": _title(data),
        "Description": _facts_text(data),
        "Keywords": ["loss landscape"],
        "Creator": "landscape",
        "Date": None,
    }


METADATA: Mapping[str, Callable[[xr.Dataset], dict[str, Any]]] = {
    ".png": _png,
    ".pdf": _pdf,
    ".svg": _svg,
}


def _page(figure: Any, data: xr.Dataset) -> str:
    """A whole page that needs nothing from the network: plotly itself is inside."""
    body = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id=PAGE_ID,
        config={"displaylogo": False, "responsive": True},
    )
    safe = _facts_text(data).replace("<", "\\u003c")  # no "</script>" can end the element early
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(_title(data))}</title>\n"
        f'<script type="application/json" id="{FACTS_ID}">{safe}</script>\n'
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
