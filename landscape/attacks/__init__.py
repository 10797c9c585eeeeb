"""Attacks: what they are, and the dictionary of those that have a name."""

from landscape.attacks.base import Attack, AttackResult, Target
from landscape.attacks.combined import WithLinf
from landscape.attacks.first_order import Ascent, FirstOrder
from landscape.attacks.grid import GridResult, GridSearch, RefinedGrid
from landscape.attacks.named import ATTACKS, describe, make_attack, within
from landscape.attacks.pgd import FGSM, PGD
from landscape.attacks.pose import Natural, RandomPose
from landscape.attacks.rounding import PastRounding
from landscape.attacks.stadv import BoundedStAdv, Flowed, StAdv
from landscape.attacks.voting import Vote, Voter

__all__ = [
    "ATTACKS",
    "FGSM",
    "PGD",
    "Ascent",
    "Attack",
    "AttackResult",
    "BoundedStAdv",
    "FirstOrder",
    "Flowed",
    "GridResult",
    "GridSearch",
    "Natural",
    "PastRounding",
    "RandomPose",
    "RefinedGrid",
    "StAdv",
    "Target",
    "Vote",
    "Voter",
    "WithLinf",
    "describe",
    "make_attack",
    "within",
]
