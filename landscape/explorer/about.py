"""What a file says of where it comes from."""

import json
from collections.abc import Iterator, Mapping

from dash import html

from landscape.describe import figures
from landscape.explorer.controls import table
from landscape.explorer.sources import Summary
from landscape.explorer.words import shown
from landscape.store.told import parsed

LONGEST = 120  # characters of a value
FACTS = ("model", "weights_sha256", "dataset", "split", "samples", "directions", "normalization")
FURTHER = ("bn", "attack", "convention", "padding", "precision", "seed")


def about(told: Summary) -> html.Details:
    """Facts in a part of the page that opens."""
    rows = [(name, shown(value, LONGEST)) for name, value in _rows(told)]
    return html.Details([html.Summary("About this file"), table(rows)], className="about")


def _rows(told: Summary) -> Iterator[tuple[str, str]]:
    yield "title", told.title
    facts = told.facts
    for name in (*FACTS, *FURTHER):
        if name in facts:
            value = str(facts[name])
            yield name.replace("_", " "), value[:12] + " …" if name.endswith("sha256") else value
    record = parsed(facts.get("directions_record")) or {}
    for name, value in record.get("facts", {}).items() if isinstance(record, Mapping) else ():
        yield str(name).replace("_", " "), figures(value)
    provenance = parsed(facts.get("provenance"))
    for name, value in provenance.items() if isinstance(provenance, Mapping) else ():
        yield str(name), value if isinstance(value, str) else json.dumps(value)
