"""The dictionary of attacks, and how one is written on a command line."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from functools import partial
from typing import Any

from landscape.attacks.base import Attack
from landscape.attacks.combined import WithLinf
from landscape.attacks.first_order import FirstOrder
from landscape.attacks.grid import GridSearch, RefinedGrid
from landscape.attacks.pgd import FGSM, PGD
from landscape.attacks.pose import Natural, RandomPose
from landscape.attacks.rounding import PastRounding
from landscape.attacks.stadv import BoundedStAdv, StAdv
from landscape.registry import lookup
from landscape.settings import parsed, refuse_unknown, settings_behind
from landscape.spatial import SpatialLimits, Warp

ATTACKS: dict[str, Callable[[], Attack]] = {
    "natural": Natural,
    "random": RandomPose,
    "worst-of-10": partial(RandomPose, k=10),
    "grid": GridSearch,
    "grid-first": partial(GridSearch, first=True),
    "grid+refine": RefinedGrid,
    "first-order": FirstOrder,
    "fgsm": FGSM,
    "pgd": PGD,
    "pgd-l2": partial(PGD, norm="l2", eps=0.5, step=0.1),
    "stadv": StAdv,
    "stadv-bounded": BoundedStAdv,
    "linf": partial(PGD, steps=5, random_start=False),
    "worst-of-10+linf": WithLinf,
}
"""By name. `make_attack` knows each of them with a suffix of `SUFFIXES` behind it as well."""

SUFFIXES: dict[str, Callable[[Attack], Attack]] = {
    "+linf": WithLinf,
    "+unrounded": PastRounding,
}
"""What is made of an attack: of a spatial one, one on pixels too; one past rounding layers."""


def make_attack(
    text: str, *, limits: SpatialLimits | None = None, warp: Warp | None = None
) -> Attack:
    """An attack as it is named on a command line.

    Args:
        text: a name in `ATTACKS`; behind it `+linf` for an attack on pixels in the same images, or
            `+unrounded` for one that does not see the network's rounding of pixels; behind that
            changes of its settings, as in `grid:rotations=61,shifts=9`, `random:k=50`,
            `first-order:steps=50,restarts=10`, `grid+linf:eps=4/255,order=after`.
        limits: how far images may be moved; the paper's unless given.
        warp: how a pose is applied; the package's own way unless given.

    Raises:
        InputError: name, setting or value is not known.
    """
    name, settings = settings_behind(text)
    attack = _named(name)
    known, changes = _plain_settings(attack), defaultdict[int, dict[str, Any]](dict)
    for key, value in settings:
        refuse_unknown(name, key, known)
        changes[id(known[key])][key] = parsed(getattr(known[key], key), value, key)
    moved: Attack = within(_changed(attack, changes), limits, warp)
    return moved


def describe(attack: Attack) -> dict[str, Any]:
    """An attack as nested dictionaries; it and the attacks it is made of are named."""
    return {"name": type(attack).__name__.lower(), **_settings_of(attack)}


def _settings_of(attack: Any) -> dict[str, Any]:
    parts = {field.name: getattr(attack, field.name) for field in fields(attack)}
    return {name: _described(part) for name, part in parts.items()}


def _described(part: Any) -> Any:
    if not is_dataclass(part) or isinstance(part, type):
        return part
    return describe(part) if isinstance(part, Attack) else asdict(part)


def _named(name: str) -> Attack:
    for suffix, around in SUFFIXES.items():
        if name.endswith(suffix) and name not in ATTACKS:
            return around(_named(name.removesuffix(suffix)))
    return lookup(ATTACKS, name, kind="attack")()


def _plain_settings(attack: Any) -> dict[str, Any]:
    """The settings that are plain values, each with the part of the attack that has it."""
    found: dict[str, Any] = {}
    for field in fields(attack):
        value = getattr(attack, field.name)
        if isinstance(value, (bool, int, float, str)):
            found[field.name] = attack
        elif is_dataclass(value) and isinstance(value, Attack):
            found = _plain_settings(value) | found
    return found


def _changed(attack: Any, changes: Mapping[int, Mapping[str, Any]]) -> Any:
    """The attack with other settings, all of a part at once: one may need the next.

    Args:
        attack: a dataclass, as all in `ATTACKS` are.
        changes: by the id of the part that has the settings.
    """
    parts = {field.name: getattr(attack, field.name) for field in fields(attack)}
    inner = {
        name: _changed(part, changes)
        for name, part in parts.items()
        if is_dataclass(part) and isinstance(part, Attack)
    }
    return replace(attack, **inner, **changes.get(id(attack), {}))


def within(attack: Any, limits: SpatialLimits | None, warp: Warp | None = None) -> Any:
    """The attack within other limits, with another way to move, and all attacks it is made of.

    Args:
        attack: a dataclass, as all in `ATTACKS` are.
        limits: None: as it is.
        warp: None: as it is.
    """
    changes: dict[str, Any] = {}
    for field in fields(attack):
        value = getattr(attack, field.name)
        if field.name == "limits" and limits is not None:
            changes["limits"] = limits
        elif field.name == "warp" and warp is not None:
            changes["warp"] = warp
        elif is_dataclass(value) and isinstance(value, Attack):
            changes[field.name] = within(value, limits, warp)
    return replace(attack, **changes)
