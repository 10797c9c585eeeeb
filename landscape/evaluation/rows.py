"""From what an attack did to each image to one row of a table."""

import math
from dataclasses import dataclass, replace
from typing import Any

import xarray as xr

from landscape.errors import InputError
from landscape.evaluation.extras import seen_by
from landscape.numerics import Mean, RunningMean, wilson_interval
from landscape.store import facts
from landscape.store.kinds import refuse_misfit


@dataclass(frozen=True)
class Evaluation:
    """How a model fares under one attack.

    Attributes:
        attack: its name.
        accuracy: share of images that are still classified correctly.
        interval: 95 % Wilson interval of the accuracy.
        loss: mean cross-entropy of the images that the attack made, nats; nan on another model, of
            which the predictions alone are kept.
        images: how many were attacked.
        evaluations: how many times the network saw an image during the attack, mean.
        vote: how many random poses voted on each attacked image; 0 for the network alone.
        target: what was attacked, "network" or "vote".
        tested_on: the other model that was shown the images made against this one; "" for itself.
        dissimilarity: 1 - SSIM of attacked images and originals, where it was measured.
        dissimilarity_of_successes: the same of those that are misclassified; None if there is none.
    """

    attack: str
    accuracy: float
    interval: tuple[float, float]
    loss: float
    images: int
    evaluations: float
    vote: int = 0
    target: str = "network"
    tested_on: str = ""
    dissimilarity: Mean | None = None
    dissimilarity_of_successes: Mean | None = None

    @property
    def label(self) -> str:
        """The attack, and the vote on its images if there was one, which it may have been on."""
        if not self.vote:
            return self.attack
        return f"{self.attack}{' on the' if self.target == 'vote' else ','} vote of {self.vote}"


def rows_of(data: xr.Dataset) -> list[Evaluation]:
    """The rows of one file: of the network, and of its vote if it was voted on.

    Args:
        data: what `evaluate` has stored of one attack, complete.
    """
    refuse_misfit(data)
    known = facts(data)["configuration"]
    vote = known.get("vote")
    if not isinstance(known.get("attack_name"), str) or not _is_vote(vote):
        raise InputError(
            f"expected the results of an attack, got a {data.attrs['kind']} surface that names "
            "none; it is damaged, or was not written by landscape evaluate"
        )
    rows = []
    if vote is None or known.get("target") == "network":
        rows.append(_row(data, known["attack_name"], "", 0))
    if vote is not None:
        voted = _row(data, known["attack_name"], "voted_", vote["k"])
        rows.append(replace(voted, target="vote" if known.get("target") == "vote" else "network"))
    for number, name in enumerate(known.get("shown_to", {})):
        seen = _taken_for(data, seen_by(number))
        rows.append(replace(rows[0], **seen, vote=0, tested_on=name, loss=math.nan))
    return rows


def _is_vote(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and isinstance(value.get("k"), int))


def _row(data: xr.Dataset, attack: str, prefix: str, vote: int) -> Evaluation:
    unlike = data.get("dissimilarity")
    return Evaluation(
        attack=attack,
        **_taken_for(data, f"{prefix}prediction"),
        # Between infinities there is a sum; xarray would leave nan out.
        loss=float(data[f"{prefix}loss"].astype("float64").mean(skipna=False)),
        images=data.sizes["image"],
        evaluations=float(data.evaluations.mean()),
        vote=vote,
        dissimilarity=None if unlike is None else _mean(unlike),
    )


def _taken_for(data: xr.Dataset, prediction: str) -> dict[str, Any]:
    """What of a row goes by the classes that the images are taken for."""
    wrong, images = (data[prediction] != data.label).values, data.sizes["image"]
    right, unlike = images - int(wrong.sum()), data.get("dissimilarity")
    return {
        "accuracy": right / images,
        "interval": wilson_interval(right, images),
        "dissimilarity_of_successes": None if unlike is None else _mean(unlike[wrong]),
    }


def _mean(values: xr.DataArray) -> Mean | None:
    mean = RunningMean()
    mean.add(values.values)
    return mean.result() if mean.count else None
