"""Tables of accuracies beside the published ones, the order they should have, and a figure."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from landscape.evaluation import Evaluation, write_table
from landscape.evaluation.tables import attack_labels
from landscape.files import atomic_write
from landscape.plots.style import new_figure, page_width, style
from robustness.published import PUBLISHED

Results = Mapping[str, Sequence[Evaluation]]


def write(results: Results, dataset: str, out: Path) -> None:
    """The table in every format."""
    for ending in ("csv", "json", "tex"):
        write_table(out / f"table.{ending}", results)
    with atomic_write(out / "table.md") as temporary:
        temporary.write_text(markdown(results, dataset), encoding="utf-8")


def markdown(results: Results, dataset: str) -> str:
    """Ours, the published number beside it in brackets, and whether the order is the paper's."""
    columns = attack_labels(results)
    published = PUBLISHED.get(dataset, {})
    lines = [
        f"| trained | {' | '.join(columns)} |",
        f"| --- |{' ---: |' * len(columns)}",
    ]
    for recipe, rows in results.items():
        ours = {row.label: f"{100 * row.accuracy:.1f}" for row in rows}
        theirs = published.get(recipe, {})
        cells = [ours.get(c, "") + (f" [{theirs[c]:.1f}]" if c in theirs else "") for c in columns]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
    images = next(iter(results.values()))[0].images
    lines += ["", f"Accuracy in %, {images} test images; in brackets as published.", ""]
    return "\n".join([*lines, *(f"- {line}" for line in order(results)), ""])


def order(results: Results) -> Iterator[str]:
    """Whether each expectation of the paper holds, with the numbers."""
    known = {name: {r.label: 100 * r.accuracy for r in rows} for name, rows in results.items()}
    for name, row in known.items():
        chain = [a for a in ("natural", "random", "worst-of-10", "grid") if a in row]
        yield _verdict(f"{name}: {' > '.join(chain)}", [row[a] for a in chain])
        if {"first-order", "grid"} <= row.keys():
            yield _verdict(
                f"{name}: first-order is weaker than grid", [row["first-order"], row["grid"]]
            )
        for label in ("grid, vote of 10",):
            if label in row:
                yield _verdict(f"{name}: a vote adds under grid", [row[label], row["grid"]])
    for limit in ("30", "40"):
        trained = [t for t in (f"worst10-{limit}", f"random-{limit}", "standard") if t in known]
        trained = [t for t in trained if "grid" in known[t]]
        if len(trained) > 1:
            values = [known[t]["grid"] for t in trained]
            yield _verdict(f"under grid: {' > '.join(trained)}", values)


def _verdict(claim: str, values: list[float]) -> str:
    holds = all(a > b for a, b in itertools.pairwise(values))
    numbers = ", ".join(f"{value:.1f}" for value in values)
    return f"{claim}: {'holds' if holds else 'DOES NOT HOLD'} ({numbers})"


def draw(results: Results, stem: Path) -> list[Path]:
    """Accuracies with their intervals: a group per mode of training, a mark per attack."""
    labels = [label for label in attack_labels(results) if "vote" not in label]
    with style():
        figure = new_figure(page_width(), 2.6)
        ax = figure.subplots()
        for number, label in enumerate(labels):
            rows = [next((r for r in rows if r.label == label), None) for rows in results.values()]
            found = [(i, row) for i, row in enumerate(rows) if row is not None]
            x = [i + 0.8 * ((number + 0.5) / len(labels) - 0.5) for i, _ in found]
            y = [100 * row.accuracy for _, row in found]
            low = [100 * (row.accuracy - row.interval[0]) for _, row in found]
            high = [100 * (row.interval[1] - row.accuracy) for _, row in found]
            ax.bar(x, y, 0.8 / len(labels), yerr=(low, high), label=label, error_kw={"lw": 0.7})
        ax.set(ylabel="accuracy [%]", ylim=(0, 100), xticks=range(len(results)))
        ax.set_xticklabels(list(results))
        ax.grid(axis="y")
        ax.set_axisbelow(True)
        figure.legend(ncols=len(labels), loc="outside upper center")
        files = [stem.with_suffix(ending) for ending in (".png", ".pdf")]
        for file in files:
            figure.savefig(file)
    return files
