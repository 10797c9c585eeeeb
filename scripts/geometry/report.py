"""Tables of the paper with ours beside them, numbers of the shapes, and what they say."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from geometry.models import BASE
from geometry.shapes import DATA, Shape
from landscape.evaluation import Evaluation, write_table
from landscape.files import atomic_write
from landscape.plots import write_together

PAPER = {  # Prabhu et al. 2019, table 1: accuracy in % by what was trained on, by attack
    BASE: {"natural": 92.64, "fgsm": 16.88, "pgd": 0.0, "stadv": 0.0},
    "fgsm": {"natural": 90.11, "fgsm": 75.23, "pgd": 12.11, "stadv": 0.0},
    "pgd": {"natural": 87.34, "fgsm": 60.52, "pgd": 51.20, "stadv": 13.85},
    "stadv": {"natural": 91.05, "fgsm": 55.84, "pgd": 52.98, "stadv": 25.49},
}
PAPER_UNLIKE = {"fgsm": 0.049344, "pgd": 0.008206, "stadv": 0.002801}  # table 2
SMOOTH_TO_SHARP = (BASE, "stadv", "pgd", "fgsm")  # figures 1 and 2, by eye

Results = Mapping[str, Sequence[Evaluation]]
Shapes = Mapping[tuple[str, str], Shape]


def write(results: Results, shapes: Shapes, out: Path, *, beside: bool) -> str:
    """Every table, in files and as one page.

    Args:
        results: of every network under every attack.
        shapes: of every network on its images.
        out: the folder.
        beside: whether the paper's numbers are of the same data.
    """
    for ending in ("csv", "json", "tex"):
        write_table(out / f"accuracy.{ending}", results)
    known = {row.attack: row.dissimilarity for row in results[BASE] if not row.tested_on}
    means = {name: mean.value for name in results if (mean := known.get(name)) is not None}
    order = sorted(means, key=lambda name: means[name])
    parts = [accuracies(results, beside), unlike(results, beside), geometry(shapes, order)]
    page = "\n".join(parts)
    with atomic_write(out / "tables.md") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return page


def accuracies(results: Results, beside: bool) -> str:
    """Table 1, and how the other networks see images made against the base."""
    attacks = list(dict.fromkeys(row.attack for row in results[BASE]))
    lines = _head(["fine-tuned on", *attacks])
    for name, rows in results.items():
        own = {row.attack: row for row in rows if not row.tested_on}
        paper = PAPER.get(name, {}) if beside else {}
        cells = [_percent(own[a]) + (f" [{paper[a]}]" if a in paper else "") for a in attacks]
        lines.append(_row([name, *cells]))
    lines += ["", "Accuracy in % with half its 95 % interval, each network attacked itself.", ""]
    lines += _head(["images made against the base, shown to", *attacks])
    for name in results:
        seen = {row.attack: row for row in results[BASE] if row.tested_on == name}
        if seen:
            lines.append(_row([name, *(_percent(seen[a]) for a in attacks)]))
    return "\n".join([*lines, ""])


def unlike(results: Results, beside: bool) -> str:
    """Table 2, of the images made against the base."""
    lines = _head(["attack", "1 - SSIM", "of the successes"])
    for row in results[BASE]:
        if row.tested_on or row.dissimilarity is None or row.attack == "natural":
            continue
        paper = f" [{PAPER_UNLIKE[row.attack]}]" if beside and row.attack in PAPER_UNLIKE else ""
        means = [
            "" if mean is None else f"{mean.value:.5f} ± {1.96 * mean.standard_error:.5f}"
            for mean in (row.dissimilarity, row.dissimilarity_of_successes)
        ]
        lines.append(_row([row.attack, means[0] + paper, means[1]]))
    return "\n".join([*lines, ""])


def geometry(shapes: Shapes, unlike: Sequence[str]) -> str:
    """The numbers of every shape, and the order that each of them puts the networks in.

    Args:
        shapes: by network and images.
        unlike: the networks in the order of the 1 - SSIM of what they learned from.
    """
    columns = ["network", "images", "curvature", "rise to the edge", "bent down, %", "adaptive"]
    lines = _head([*columns, "epsilon, %"])
    for (name, data), shape in shapes.items():
        cells = [_spread(shape.curvature), _spread(shape.rise), _spread(shape.bent_down, 100)]
        boxes = [f"{shape.adaptive:.3g}", f"{shape.epsilon:.3g}"]
        lines.append(_row([name, data, *cells, *boxes]))
    lines += ["", "Means over directions with half their 95 % interval.", ""]
    for data, meaning in DATA.items():
        for measure in ("curvature", "rise", "bent_down", "adaptive", "epsilon"):
            means = {
                n: float(np.mean(getattr(s, measure))) for (n, d), s in shapes.items() if d == data
            }
            order = sorted(means, key=lambda name: means[name])
            paper = [name for name in SMOOTH_TO_SHARP if name in means]
            verdict = "the paper's order" if order == paper else "not the paper's order"
            tuned = [name for name in order if name != BASE]
            linked = "as" if tuned == list(unlike) else "not as"
            lines.append(
                f"- {meaning}, {measure}: {' < '.join(order)} ({verdict}; {linked} by 1 - SSIM)"
            )
    return "\n".join([*lines, ""])


def draw(planes: Mapping[str, Mapping[str, xr.Dataset]], out: Path) -> list[Path]:
    """One figure of contours and one in 3-D for each set of images, on a common scale."""
    titles = {BASE: "un-augmented", "fgsm": "FGSM", "pgd": "PGD", "stadv": "stAdv"}
    return [
        file
        for data, named in planes.items()
        for file in write_together(
            {titles.get(name, name): plane for name, plane in named.items()}, stem=out / data
        )
    ]


def _percent(row: Evaluation) -> str:
    low, high = row.interval
    return f"{100 * row.accuracy:.1f} ± {50 * (high - low):.1f}"


def _spread(values: Sequence[float], unit: float = 1.0) -> str:
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return f"{unit * np.mean(values):.3g} ± {unit * 1.96 * error:.2g}"


def _head(cells: Sequence[str]) -> list[str]:
    return [_row(cells), _row(["---", *["---:"] * (len(cells) - 1)])]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
