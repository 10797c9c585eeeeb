"""Attacks: what they are, and the dictionary of those that have a name."""

from landscape.attacks.base import Attack, AttackResult, Target
from landscape.attacks.first_order import Ascent, FirstOrder
from landscape.attacks.grid import GridResult, GridSearch, RefinedGrid
from landscape.attacks.linf import LinfPGD, WithLinf
from landscape.attacks.named import ATTACKS, describe, make_attack, within
from landscape.attacks.pose import Natural, RandomPose
from landscape.attacks.voting import Vote, Voter

__all__ = [
    "ATTACKS",
    "Ascent",
    "Attack",
    "AttackResult",
    "FirstOrder",
    "GridResult",
    "GridSearch",
    "LinfPGD",
    "Natural",
    "RandomPose",
    "RefinedGrid",
    "Target",
    "Vote",
    "Voter",
    "WithLinf",
    "describe",
    "make_attack",
    "within",
]
