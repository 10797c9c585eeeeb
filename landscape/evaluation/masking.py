"""Whether a network withstands an attack, or hides from it: signs of masked gradients.

A network whose gradients lead nowhere, say because a layer rounds, defeats an attack that climbs
them and is no more robust for it (Athalye, Carlini, Wagner 2018).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import nn

from landscape.attacks import FGSM, PGD, Attack
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.numerics import wilson_interval
from landscape.rng import generator
from landscape.typing import Images, Labels

DEFAULT = Compute()
SLACK = 0.02  # of the accuracy, by which a weaker attack may be the stronger one by chance
LITTLE = 0.05  # of the accuracy, that many more steps and starts may take
HUGE = 0.5  # a radius at which every image can be made grey
GUESSES = 10  # random points within the radius


@dataclass(frozen=True)
class Sign:
    """Something that holds of a network whose gradients are of use.

    Attributes:
        claim: in words.
        holds: whether it does here.
        numbers: the two accuracies that are compared, in [0, 1]; the second is the limit.
    """

    claim: str
    holds: bool
    numbers: tuple[float, float]


@dataclass(frozen=True)
class Masking:
    """What a network makes of attacks that are related as their strengths are, if all is well.

    Attributes:
        images: how many were attacked.
        accuracy: by attack.
        signs: what follows.
    """

    images: int
    accuracy: Mapping[str, float]
    signs: tuple[Sign, ...]

    @property
    def suspected(self) -> bool:
        """Whether a sign of masked gradients was seen."""
        return not all(sign.holds for sign in self.signs)

    def interval(self, attack: str) -> tuple[float, float]:
        """The 95 % Wilson interval of an accuracy."""
        return wilson_interval(round(self.accuracy[attack] * self.images), self.images)


def masking(
    model: nn.Module,
    images: Images,
    labels: Labels,
    *,
    attack: PGD,
    seed: int,
    source: nn.Module | None = None,
    steps: int = 50,
    restarts: int = 5,
    compute: Compute = DEFAULT,
) -> Masking:
    """Attack a network in ways of which each must be stronger than another.

    The signs are those of Athalye et al. 2018, sec. 3.1, and Carlini et al. 2019, "On evaluating
    adversarial robustness": iterating beats a single step, seeing the network beats
    another's images, climbing beats guessing, more steps and starts find little more, and within
    a large radius nothing is left.

    Args:
        model: takes images and returns logits; evaluated as a copy in evaluation mode.
        images: (N, C, H, W).
        labels: (N,).
        attack: of which the robustness is claimed, within "linf".
        seed: of random starts.
        source: another network of the same task, whose attacked images are shown to this one: a
            transfer attack. None: it is left out.
        steps: of the attack that is to find little more.
        restarts: likewise.
        compute: where and how.

    Raises:
        InputError: the attack is not within "linf", or moves nothing.
    """
    if attack.norm != "linf" or not attack.eps:
        raise InputError(
            f"expected an attack within a positive radius of linf, got {attack.norm} and "
            f"eps={attack.eps}"
        )
    network = Network(model, compute)
    attacks: dict[str, Attack] = {
        "attack": attack,
        "one step": FGSM(attack.eps),
        "guesses": replace(attack, steps=1, step=0.0, random_start=True, restarts=GUESSES),
        "longer": replace(attack, steps=steps, restarts=restarts, random_start=True),
        "huge radius": replace(attack, eps=HUGE, step=HUGE / 10, steps=max(steps, 20)),
    }

    def accuracy(on: Network, name: str) -> float:
        found = attacks[name](on, images, labels, generator=generator(seed, "masking", name))
        scores = found.scores if on is network else network.score(found.images, labels)
        return float((scores.prediction.cpu() == labels.cpu()).double().mean())

    right = network.score(images, labels).prediction.cpu() == labels.cpu()
    known = {"natural": float(right.double().mean())}
    known |= {name: accuracy(network, name) for name in attacks}
    if source is not None:
        known["transfer"] = accuracy(Network(source, compute), "attack")
    return Masking(len(images), known, tuple(_signs(known)))


def _signs(known: Mapping[str, float]) -> list[Sign]:
    def at_most(claim: str, value: float, limit: float) -> Sign:
        return Sign(claim, value <= limit + 1e-9, (value, limit))

    attacked = known["attack"]
    weaker = {
        "one step": "iterating is no weaker than a single step",
        "transfer": "seeing the network is no weaker than images made against another",
        "guesses": f"climbing is no weaker than {GUESSES} guesses",
    }
    signs = [
        at_most(claim, attacked, known[name] + SLACK)
        for name, claim in weaker.items()
        if name in known
    ]
    return [
        *signs,
        at_most("more steps and starts find little more", attacked, known["longer"] + LITTLE),
        at_most(f"within a radius of {HUGE} nothing is left", known["huge radius"], SLACK),
    ]
