"""From what an attack did to each image to one row of a table."""

from dataclasses import dataclass

import xarray as xr

from landscape.numerics import wilson_interval
from landscape.store import facts


@dataclass(frozen=True)
class Evaluation:
    """How a model fares under one attack.

    Attributes:
        attack: its name.
        accuracy: share of images that are still classified correctly.
        interval: 95 % Wilson interval of the accuracy.
        loss: mean cross-entropy of the images that the attack made, nats.
        images: how many were attacked.
        evaluations: how many times the network saw an image during the attack, mean.
        vote: how many random poses voted on each attacked image; 0 for the network alone.
    """

    attack: str
    accuracy: float
    interval: tuple[float, float]
    loss: float
    images: int
    evaluations: float
    vote: int = 0

    @property
    def label(self) -> str:
        """The attack, and the vote on its images if there was one."""
        return f"{self.attack}, vote of {self.vote}" if self.vote else self.attack


def rows_of(data: xr.Dataset) -> list[Evaluation]:
    """The rows of one file: of the network, and of its vote if it was voted on.

    Args:
        data: what `evaluate` has stored of one attack, complete.
    """
    known = facts(data)["configuration"]
    vote = known["vote"]
    rows = []
    if vote is None or known["target"] == "network":
        rows.append(_row(data, known["attack_name"], "", 0))
    if vote is not None:
        rows.append(_row(data, known["attack_name"], "voted_", vote["k"]))
    return rows


def _row(data: xr.Dataset, attack: str, prefix: str, vote: int) -> Evaluation:
    right = int((data[f"{prefix}prediction"] == data.label).sum())
    images = data.sizes["image"]
    return Evaluation(
        attack=attack,
        accuracy=right / images,
        interval=wilson_interval(right, images),
        # Between infinities there is a sum; xarray would leave nan out.
        loss=float(data[f"{prefix}loss"].astype("float64").mean(skipna=False)),
        images=images,
        evaluations=float(data.evaluations.mean()),
        vote=vote,
    )
