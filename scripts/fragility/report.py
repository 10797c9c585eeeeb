"""Tables of the curves, of the checks for masked gradients, and what they say."""

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray as xr

from landscape.evaluation import Masking
from landscape.plots.tradeoff import means, titles


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, the first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)) + "\n"


def attack_names(data: xr.Dataset) -> list[str]:
    """The names on the axis `attack`."""
    return list(json.loads(data.attrs["attack_names"]))


def last_epoch(data: xr.Dataset) -> str:
    """Accuracies after the last epoch, means over seeds with their standard errors."""
    names, rows = attack_names(data), []
    for number, title in enumerate(titles(data)):
        last = data.accuracy.isel(network=number, epoch=-1)
        cells = [spread(last.sel(attack=i).values) for i in range(len(names))]
        rows.append([title, *cells])
    return table(["accuracy after the last epoch, %", *names], rows)


def at_equal_accuracy(data: xr.Dataset) -> str:
    """Accuracy under attack where networks are equally accurate on clean images.

    The lines of the figure, read where the clean accuracy is in the middle of the range that all
    networks pass through: that one network learns faster than another is no trade-off.
    """
    names, rows = attack_names(data), []
    paths = [means(data, attack) for attack in range(1, len(names))]
    low = max(float(clean.min()) for clean, _, _ in paths[0].values())
    high = min(float(clean.max()) for clean, _, _ in paths[0].values())
    if low >= high:
        return "No clean accuracy is passed through by all networks.\n"
    points = np.linspace(low, high, 5)[1:-1]
    for point in points:
        for title in paths[0]:
            cells = [f"{100 * _read(path[title], point):.1f}" for path in paths]
            rows.append([title, f"{100 * point:.1f}", *cells])
    return table(["accuracy at equal clean accuracy, %", "clean", *names[1:]], rows)


def _read(path: tuple[np.ndarray, np.ndarray, np.ndarray], at: float) -> float:
    """The mean of a line where it crosses a clean accuracy, which it may do more than once."""
    clean, attacked, _ = path
    found = []
    for i in range(len(clean) - 1):
        (a, b), (u, v) = clean[i : i + 2], attacked[i : i + 2]
        if a != b and min(a, b) <= at <= max(a, b):
            found.append(u + (v - u) * (at - a) / (b - a))
    return float(np.mean(found)) if found else float("nan")


def masked(found: Mapping[str, Masking], titles: Mapping[str, str]) -> str:
    """Accuracies under related attacks, and the signs that did not hold."""
    attacks = list(next(iter(found.values())).accuracy)
    rows = [
        [titles[name], *(f"{100 * seen.accuracy[attack]:.1f}" for attack in attacks)]
        for name, seen in found.items()
    ]
    lines = [table(["accuracy, %", *attacks], rows), *_verdicts(found, titles)]
    return "\n".join([*lines, ""])


def _verdicts(found: Mapping[str, Masking], titles: Mapping[str, str]) -> Iterator[str]:
    for name, seen in found.items():
        if not seen.suspected:
            yield f"- {titles[name]}: no sign of masked gradients ({seen.images} images)"
        for sign in seen.signs:
            if not sign.holds:
                value, limit = (f"{100 * number:.1f}" for number in sign.numbers)
                yield (
                    f"- {titles[name]}: DOES NOT HOLD: {sign.claim} ({value}, expected at most "
                    f"{limit})"
                )


def spread(values: np.ndarray, unit: float = 100, digits: int = 1) -> str:
    """The mean of several seeds and its standard error."""
    mean = unit * float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    error = unit * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def most_robust(data: xr.Dataset, attack: str) -> dict[str, int]:
    """Per network the epoch after which it is most accurate under an attack, mean over seeds."""
    number = attack_names(data).index(attack)
    mean = data.accuracy.sel(attack=number).mean("seed")
    best = mean.idxmax("epoch").values
    names = list(json.loads(data.attrs["networks"]))
    return {names[int(i)]: int(epoch) for i, epoch in zip(data.network, best, strict=True)}
