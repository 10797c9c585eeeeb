"""Attacks: what they are, and the dictionary of those that have a name."""

from collections.abc import Callable

from landscape.attacks.base import Attack, AttackResult
from landscape.attacks.pose import GridSearch, Natural, RandomPose

ATTACKS: dict[str, Callable[[], Attack]] = {
    "natural": Natural,
    "random": RandomPose,
    "worst-of-10": lambda: RandomPose(k=10),
    "grid": GridSearch,
}

__all__ = ["ATTACKS", "Attack", "AttackResult", "GridSearch", "Natural", "RandomPose"]
