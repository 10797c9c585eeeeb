"""What the three scripts take on their command lines, and what they do alike."""

from pathlib import Path
from typing import Literal

from fragility import curves, report
from fragility.study import Work, trained
from landscape.files import atomic_write
from landscape.plots import write_plots

Budget = Literal["smoke", "laptop", "paper"]
Precision = Literal["fp32", "tf32", "bf16"]


def dataset_of(budget: Budget, dataset: str | None) -> str:
    """The data set asked for; by default the digits that need no files, or CIFAR-10."""
    return dataset or ("digits" if budget == "smoke" else "cifar10")


def on_pixels(work: Work, budget: Budget, radius: float) -> None:
    """Train, test every epoch under attacks on pixels, look for masked gradients, tabulate, draw.

    Args:
        work: what is compared.
        budget: how closely to look.
        radius: of the attack that is looked at closely, in units of 1/255.
    """
    networks = trained(work)
    data = curves.tradeoff(work, networks)
    names = report.attack_names(data)
    epochs = report.most_robust(data, next(n for n in names if n.startswith(f"PGD {radius:g}/")))
    checked = curves.signs(work, networks, budget, radius=radius / 255, epochs=epochs)
    titles = {name: variant.title for name, variant in work.study.variants.items()}
    looked_at = ", ".join(f"{titles[name]} after epoch {epoch}" for name, epoch in epochs.items())
    page = "\n".join(
        [
            report.last_epoch(data),
            report.at_equal_accuracy(data),
            f"PGD {radius:g}/255 and its relatives, where it leaves most: {looked_at}.\n",
            report.masked(checked, titles),
        ]
    )
    finish(work.out, page, [*write_plots(data, stem=work.out / "figure", formats=("png", "pdf"))])


def finish(out: Path, page: str, files: list[Path]) -> None:
    """Keep and print the tables, and name the figures."""
    with atomic_write(out / "tables.md") as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(page)
    for file in (out / "tables.md", *files):
        print(file)
