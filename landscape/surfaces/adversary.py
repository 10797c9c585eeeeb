"""Weight surfaces of data under attack: made once, for the trained weights, or at every point."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from landscape.attacks import Attack, describe, make_attack
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.registry import lookup
from landscape.rng import generator
from landscape.typing import Images, Labels

PLACES = {
    "center": "once, on the network at the centre: the data do not change over the surface",
    "point": "anew at every point, on the network there: the surface of the robust loss",
}
TOGETHER = 500  # images attacked at once


@dataclass(frozen=True)
class Adversary:
    """An attack, and the weights that it looks at.

    Attributes:
        attack: what it does.
        at: a name in `PLACES`.
        seed: of its random numbers, which are the same at every point.
    """

    attack: Attack
    at: str
    seed: int

    def __call__(self, network: Network, images: Images, labels: Labels) -> Images:
        """The attacked images, where the network is."""
        draws = generator(self.seed, "attack")
        pairs = zip(images.split(TOGETHER), labels.split(TOGETHER), strict=True)
        return torch.cat([self.attack(network, x, y, generator=draws).images for x, y in pairs])

    @property
    def configuration(self) -> Mapping[str, Any]:
        """For the file; JSON values."""
        return {"attack": describe(self.attack), "attack_at": self.at, "attack_seed": self.seed}


def adversary_of(attack: Attack | str | None, at: str, *, seed: int) -> Adversary | None:
    """The attack under which a surface is measured.

    Args:
        attack: itself, or as `make_attack` reads it; None: the data as they are.
        at: a name in `PLACES`.
        seed: of its random numbers.

    Raises:
        InputError: attack or place is not known, or a place is given without an attack.
    """
    lookup(PLACES, at, kind="place of an attack")
    if attack is None:
        if at != "center":
            raise InputError(f"attack_at={at!r} goes with an attack; give one")
        return None
    return Adversary(make_attack(attack) if isinstance(attack, str) else attack, at, seed)


def attacked_at_the_centre(
    adversary: Adversary, model: nn.Module, images: Images, labels: Labels, compute: Compute
) -> Images:
    """What an attack on the model as it is makes of the images; as they were placed before."""
    network = Network(model, compute)
    network.expect(adversary.attack.evaluations * len(images), unit=min(TOGETHER, len(images)))
    return adversary(network, images, labels).to(images)
