"""What the three scripts take on their command lines, and what they do alike."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fragility import curves, report
from fragility.study import Study, Work, trained
from landscape.files import atomic_write
from landscape.plots import write_plots

Budget = Literal["smoke", "laptop", "paper"]
Precision = Literal["fp32", "tf32", "bf16"]


@dataclass(frozen=True)
class Options:
    """What is done, and where.

    Attributes:
        out: The folder for everything.
        budget: smoke (digits, minutes), laptop (hours on two cores) or paper (a GPU).
        dataset: digits, the default of smoke; cifar10, the default of the others, or cifar100.
        data_root: The folder that holds the data set.
        device: Where to compute.
        precision: Of training and attacks: fp32, tf32 or bf16. Surfaces are computed in fp32.
    """

    out: Path
    budget: Budget = "smoke"
    dataset: str | None = None
    data_root: Path | None = None
    device: str = "cpu"
    precision: Precision = "fp32"

    def work(self, study: Callable[[str, str], Study]) -> Work:
        """A study, as these options would have it.

        Args:
            study: a function of `settings`, of the budget and the data set.
        """
        dataset = self.dataset or ("digits" if self.budget == "smoke" else "cifar10")
        chosen = study(self.budget, dataset)
        return Work(chosen, self.out, self.data_root, self.device, self.precision)


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
