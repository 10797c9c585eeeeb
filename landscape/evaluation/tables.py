"""Tables of accuracies, for a spreadsheet, a paper, and a program."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from landscape.errors import InputError
from landscape.evaluation.rows import Evaluation
from landscape.files import atomic_write
from landscape.numerics import null_unless_finite
from landscape.registry import lookup

Results = Mapping[str, Sequence[Evaluation]]
"""Rows by the name of the model that was attacked."""

CSV_COLUMNS = (
    *("model", "attack", "vote", "target", "tested_on", "images", "accuracy", "low", "high"),
    *("loss", "evaluations", "dissimilarity", "dissimilarity_stderr"),
)


def as_csv(results: Results) -> str:
    """One line per model and attack; accuracies in [0, 1]."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for model, rows in results.items():
        for row in rows:
            names = (model, row.attack, row.vote, row.target, row.tested_on)
            counts = (row.images, row.accuracy, *row.interval, row.loss, row.evaluations)
            unlike = row.dissimilarity
            errors = ("", "") if unlike is None else (unlike.value, unlike.standard_error)
            writer.writerow((*names, *counts, *errors))
    return file.getvalue()


def as_json(results: Results) -> str:
    """A list of objects, one per model and attack; accuracies in [0, 1].

    A number that is not finite is null: JSON knows no other word for it.
    """
    rows = [
        {"model": model, **null_unless_finite(asdict(row))}
        for model, rows in results.items()
        for row in rows
    ]
    return json.dumps(rows, indent=1) + "\n"


def as_latex(results: Results) -> str:
    """A table for the package booktabs: a line per model, a column per attack, in percent."""
    results = by_tested_model(results)
    columns = attack_labels(results)
    lines = [
        "% accuracy in %, with its 95 % Wilson interval; needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'r' * len(columns)}}}",
        "\\toprule",
        " & ".join(["model", *map(_escaped, columns)]) + r" \\",
        "\\midrule",
    ]
    for model, rows in results.items():
        known = {row.label: _latex_cell(row) for row in rows}
        cells = [known.get(column, "") for column in columns]
        lines.append(" & ".join([_escaped(model), *cells]) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


TABLES: dict[str, Callable[[Results], str]] = {".csv": as_csv, ".json": as_json, ".tex": as_latex}
"""By the ending of the file."""


def check_table(path: Path) -> None:
    """Raise before hours of work unless a table can be written to such a file.

    Raises:
        InputError: the ending is not known.
    """
    if not path.suffix:
        raise InputError(f"expected a file name that ends in {', '.join(TABLES)}, got {path}")
    lookup(TABLES, path.suffix.lower(), kind="format of a table")


def write_table(path: Path, results: Results) -> None:
    """Write a table in the format that the file's ending asks for, whole or not at all.

    Raises:
        InputError: the ending is not known, or the file cannot be written.
    """
    check_table(path)
    with atomic_write(path) as temporary:
        temporary.write_text(TABLES[path.suffix.lower()](results), encoding="utf-8")


def by_tested_model(results: Results) -> dict[str, list[Evaluation]]:
    """Rows by the model that was tested, which others' attacked images may have been shown to.

    The attack then tells on which model its images were made.
    """
    tested: dict[str, list[Evaluation]] = {model: [] for model in results}
    for model, rows in results.items():
        for row in rows:
            if row.tested_on:
                made = replace(row, attack=f"{row.attack} made on {model}", tested_on="")
                tested.setdefault(row.tested_on, []).append(made)
            else:
                tested[model].append(row)
    return tested


def attack_labels(results: Results) -> list[str]:
    """The columns of a table, in the order in which they first appear."""
    return list(dict.fromkeys(row.label for rows in results.values() for row in rows))


def _latex_cell(row: Evaluation) -> str:
    low, high = (f"{100 * end:.1f}" for end in row.interval)
    return f"{100 * row.accuracy:.2f} {{\\scriptsize ({low}--{high})}}"


def _escaped(text: str) -> str:
    marks = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    return "".join(marks.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in text)
