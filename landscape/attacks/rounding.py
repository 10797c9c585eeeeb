"""Attacks that do not see the network's rounding of pixels."""

from dataclasses import dataclass, field, replace

import torch

from landscape.attacks.base import Attack, AttackResult, Target
from landscape.attacks.pgd import PGD
from landscape.engine import Network
from landscape.errors import InputError
from landscape.models.layers import Round, without_rounding
from landscape.typing import Images, Labels


@dataclass(frozen=True)
class PastRounding:
    """An attack on the network without its `Round` layers, whose images it is then judged by.

    An attacker who knows of the rounding attacks the network as it is; that is the honest measure.

    Attributes:
        attack: on pixels.
    """

    attack: Attack = field(default_factory=PGD)

    @property
    def evaluations(self) -> int:
        """Those of the attack, and one for the outcome where something is rounded."""
        return self.attack.evaluations + 1

    def __call__(
        self, network: Target, images: Images, labels: Labels, *, generator: torch.Generator
    ) -> AttackResult:
        """Attack a batch.

        Raises:
            InputError: what is attacked is the vote of a network.
        """
        if not isinstance(network, Network):
            raise InputError(
                "rounding is left out of a network, not of a vote; attack the network, or the vote "
                "with an attack that sees it whole"
            )
        if not any(isinstance(layer, Round) for layer in network.module.modules()):
            return self.attack(network, images, labels, generator=generator)
        smooth = network.altered(without_rounding)
        found = self.attack(smooth, images, labels, generator=generator)
        scores = network.score(found.images, labels)
        away = scores.prediction != labels.to(scores.prediction)
        return replace(
            found,
            loss=scores.loss,
            margin=scores.margin,
            prediction=scores.prediction,
            success=away if found.target is None else scores.prediction == found.target,
            evaluations=found.evaluations + 1,
        )
