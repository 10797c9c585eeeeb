"""Over networks, seeds and epochs: accuracy on images as they are and under attack."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Shaped
from torch import nn

from landscape.attacks import Attack, describe
from landscape.data import content_sha256
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.processes import ALONE, Group
from landscape.provenance import provenance
from landscape.rng import generator
from landscape.store import Axis, Field, Layout
from landscape.surfaces.checks import (
    LIMITS,
    SAMPLE,
    Check,
    deviation,
    nonfinite_share,
    plain_losses,
    plain_twin,
    repeatable,
    sample_points,
)
from landscape.surfaces.inputs import title_of
from landscape.typing import Images, Labels

NATURAL = "natural"

Load = Callable[[str, int, int], nn.Module]
"""The network of a name and a seed after so many epochs."""


class TradeoffSurface:
    """What each network makes of the same images, epoch by epoch, as they are and attacked.

    All points and attacks take the same random numbers, so that they differ by nothing else.

    Attributes:
        layout: what the file holds; the axis `attack` begins with the images as they are.
    """

    def __init__(
        self,
        load: Load,
        images: Images,
        labels: Labels,
        *,
        networks: Mapping[str, str],
        seeds: Sequence[int],
        epochs: Sequence[int],
        attacks: Mapping[str, Attack],
        seed: int,
        compute: Compute,
        identity: Mapping[str, Any],
    ) -> None:
        """Describe the file; networks are loaded when their turn comes.

        Args:
            load: gives a network by its name, seed and epoch.
            images: (N, C, H, W).
            labels: (N,).
            networks: titles by name.
            seeds: of the trainings.
            epochs: after which the networks are looked at.
            attacks: by the names that they have in figures.
            seed: of the attacks.
            compute: where and how the networks run.
            identity: what names networks and data in the file; JSON values.

        Raises:
            InputError: there is no network, seed, epoch or attack, or an attack is called as the
                images are that nobody attacks.
        """
        if NATURAL in attacks or not attacks:
            raise InputError(
                f"expected one or more attacks, none of them called {NATURAL!r}, which stands for "
                f"the images as they are; got {', '.join(attacks) or 'none'}"
            )
        self._load, self._images, self._labels = load, images, labels
        self._networks, self._attacks = list(networks), dict(attacks)
        self._seed, self._compute = seed, compute
        names = [NATURAL, *attacks]
        tested = Axis("attack", np.arange(len(names)), "1", "attack")
        device = "" if compute.device is None else str(compute.device)
        self.layout = Layout(
            kind="tradeoff",
            points=(
                Axis("network", np.arange(len(networks)), "1", "network"),
                Axis("seed", np.asarray(seeds), "1", "seed of the training"),
                Axis("epoch", np.asarray(epochs), "1", "epochs of training"),
            ),
            fields=(
                Field("accuracy", "float64", "1", "share of correct predictions", (tested,)),
                Field("loss", "float64", "nat", "mean cross-entropy", (tested,)),
            ),
            configuration={
                **identity,
                "data_sha256": content_sha256(images, labels),
                "images": len(images),
                "networks": dict(networks),
                "attacks": {name: describe(attack) for name, attack in attacks.items()},
                "attack_seed": seed,
                "precision": compute.precision,
            },
            about={
                "title": title_of("clean and attacked accuracy", identity, nameless="networks"),
                "attack_names": names,
                "provenance": provenance(device=device),
            },
        )

    def prepare(self, points: int, group: Group = ALONE) -> None:
        """Nothing is settled for several networks at once."""

    @property
    def points_per_call(self) -> int:
        """One network at a time."""
        return 1

    def run_facts(self) -> dict[str, Any]:
        """There is no plan of passes that all networks share."""
        return {}

    def evaluate(
        self, points: Float[np.ndarray, "n 3"]
    ) -> dict[str, Shaped[np.ndarray, "n attack"]]:
        """The fields at points (number of the network, seed, epoch)."""
        rows = [self._tested(*(int(place) for place in point)) for point in points]
        accuracy, loss = (np.stack(column) for column in zip(*rows, strict=True))
        return {"accuracy": accuracy, "loss": loss}

    def _tested(self, network: int, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy and mean loss, as it is and under every attack."""
        runner = Network(self._load(self._networks[network], seed, epoch), self._compute)
        labels = self._labels.to(runner.device)
        scores = [runner.score(self._images, labels)]
        for attack in self._attacks.values():
            draws = generator(self._seed, "attack")
            scores.append(attack(runner, self._images, labels, generator=draws).scores)
        right = torch.stack([(s.prediction == labels).double().mean() for s in scores])
        loss = torch.stack([s.loss.double().mean() for s in scores])
        return right.cpu().numpy(), loss.cpu().numpy()

    def checks(self, data: xr.Dataset) -> list[Check]:
        """Compare the clean losses of a few networks with a plain loop."""
        limit, found = LIMITS[self._compute.precision], []
        for point in sample_points(data.loss.isel(attack=0)):
            place = [int(point[axis.name]) for axis in self.layout.points]
            twin = plain_twin(self._load(self._networks[place[0]], *place[1:]))
            plain = [plain_losses(twin, self._images, self._labels) for _ in range(2)]
            found.append((deviation([float(point)], [float(plain[0].mean())]), plain))
        return [
            Check(
                "recomputed",
                f"largest difference of the clean loss at {SAMPLE} random points recomputed by a "
                "plain loop",
                max(difference for difference, _ in found),
                limit,
            ),
            repeatable(*found[-1][1]),
            nonfinite_share(data.loss),
        ]
