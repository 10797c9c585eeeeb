"""From what a user says of directions to one tensor per weight and axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from landscape.directions.base import Around, DirectionKind, Drawn
from landscape.directions.eigenvectors import eigenvectors
from landscape.directions.given import from_file, is_file
from landscape.directions.gradient import gradient
from landscape.directions.made import Directions, digest, extent, recalled
from landscape.directions.models import models
from landscape.directions.projection import orthogonalized, path_of
from landscape.directions.random import random
from landscape.directions.trajectory import trajectory
from landscape.errors import InputError
from landscape.registry import lookup
from landscape.typing import Weights
from landscape.weights import NORMALIZATIONS, cosine, direction_of, normalize

DIRECTIONS: dict[str, DirectionKind] = {
    "random": DirectionKind(random, normalization="filter", ignore="biasbn"),
    "gradient": DirectionKind(gradient),
    "hessian": DirectionKind(partial(eigenvectors, matrix="hessian")),
    "ggn": DirectionKind(partial(eigenvectors, matrix="ggn")),
    "models": DirectionKind(models, checkpoints=True, connects=True),
    "trajectory": DirectionKind(trajectory, checkpoints=True, connects=True),
}
"""Ways to make directions. To add one: a function in a file of its own, and a line here."""

IGNORE = {"biasbn": "tensors of one dimension or less stay at rest", "none": "all weights move"}

ORDINALS = ("first", "second", "third")

DirectionSource = str | Path | Sequence[Any] | None
"""A name in `DIRECTIONS` or the file of a weight surface, for all axes; or one of these for each
axis, or instead of it the direction itself: its tensors in `parameters()` order, a mapping from
parameter names, or one flat vector."""


def make_directions(
    source: DirectionSource,
    around: Around,
    axes: Sequence[str],
    *,
    normalization: str | None = None,
    ignore: str | None = None,
    orthogonal: bool = False,
    kept: Path | None = None,
) -> Directions:
    """The directions along which a surface moves.

    Args:
        source: see `DirectionSource`; None means "random".
        around: the trained weights, and what directions may depend on.
        axes: the names of the axes, e.g. ("alpha", "beta").
        normalization: a name in `NORMALIZATIONS`; by default "filter" for random directions, and
            "none" for all others. Those from a file, or given as tensors, are used as they are.
        ignore: see `landscape.weights.normalize`; by default "biasbn" for random directions, and
            "none" for all others.
        orthogonal: take from every direction its parts along the earlier ones.
        kept: the file of a surface that is to be continued: named directions that were made with
            the same settings are read from it, so that they are the same to the last bit.

    Raises:
        InputError: unknown name, directions that do not fit the weights or the axes, or settings
            that nothing heeds.
    """
    sources = _one_per_axis(source, axes)
    kinds = _kinds(sources, normalization, ignore)
    if around.checkpoints and not any(kind.checkpoints for kind in kinds.values()):
        using = ", ".join(name for name, kind in DIRECTIONS.items() if kind.checkpoints)
        raise InputError(f"expected directions that use checkpoints ({using}) where some are given")
    settings = _settings(sources, kinds, around) | ({"orthogonal": True} if orthogonal else {})
    if kept is not None and all(_is_name(s) for s in sources):
        known = recalled(kept, settings, around.weights, axes)
        if known is not None:
            return known
    return _made(_Plan(sources, kinds, settings), around, axes, orthogonal=orthogonal)


@dataclass(frozen=True)
class _Plan:
    """What is to be made: a source for each axis, and what is known of those that are names."""

    sources: Sequence[Any]
    kinds: Mapping[str, DirectionKind]
    settings: Mapping[str, Any]


def _made(plan: _Plan, around: Around, axes: Sequence[str], *, orthogonal: bool) -> Directions:
    vectors, drawn = _vectors(plan, around, axes)
    facts = {name: fact for part, _ in drawn for name, fact in part.facts.items()}
    if orthogonal:
        facts["cosines_before"] = _cosines(vectors)
        vectors = dict(zip(axes, orthogonalized(list(vectors.values())), strict=True))
    places = {name: step for part, _ in drawn for name, step in part.places.items()}
    path = path_of(places, list(vectors.values())) if places else None
    labels = {a: text for part, group in drawn for a, text in zip(group, part.labels, strict=False)}
    reach = {a: ends for part, group in drawn for a, ends in zip(group, part.reach, strict=False)}
    if path is not None and (orthogonal or not reach):
        reach = {a: extent(path.coordinates[:, i]) for i, a in enumerate(axes)}
    return Directions(
        vectors,
        plan.settings,
        labels={a: labels.get(a, f"{ORDINALS[i]} direction") for i, a in enumerate(axes)},
        reach={a: reach.get(a, (-1.0, 1.0)) for a in axes},
        facts=facts,
        path=path,
        connects=any(kind.connects for kind in plan.kinds.values()),
    )


def _kinds(
    sources: Sequence[Any], normalization: str | None, ignore: str | None
) -> dict[str, DirectionKind]:
    """What is known of the sources that are names, with what was asked for."""
    if normalization is not None:
        lookup(NORMALIZATIONS, normalization, kind="normalization of directions")
    if ignore is not None:
        lookup(IGNORE, ignore, kind="set of weights to ignore")
    found = {s: lookup(DIRECTIONS, s, kind="direction") for s in sources if _is_name(s)}
    if not found and (normalization or ignore):
        raise InputError(
            "directions from a file, or given as tensors, are used as they are; leave out "
            "normalization and ignore"
        )
    return {
        name: replace(
            kind, normalization=normalization or kind.normalization, ignore=ignore or kind.ignore
        )
        for name, kind in found.items()
    }


def _is_name(source: Any) -> bool:
    return isinstance(source, str) and not is_file(source)


def _one_per_axis(source: DirectionSource, axes: Sequence[str]) -> list[Any]:
    if source is None or isinstance(source, str | Path):
        return [source or "random"] * len(axes)
    if len(source) != len(axes):
        raise InputError(
            f"expected {len(axes)} directions, one for each of {', '.join(axes)}, got {len(source)}"
        )
    return list(source)


def _settings(
    sources: Sequence[Any], kinds: Mapping[str, DirectionKind], around: Around
) -> dict[str, Any]:
    """How the directions are made, for the file; JSON values."""
    told = [s if _is_name(s) else ("file" if is_file(s) else "given") for s in sources]
    settings: dict[str, Any] = {"directions": _joined(told)}
    if any(not kind.checkpoints for kind in kinds.values()):
        settings["seed"] = around.seed
    if kinds:
        named = [kinds[name] for name in told if name in kinds]
        settings["normalization"] = _joined([kind.normalization for kind in named])
        settings["ignore"] = _joined([kind.ignore for kind in named])
    if any(kind.checkpoints for kind in kinds.values()):
        settings["checkpoints"] = list(around.checkpoints)
        settings["checkpoints_sha256"] = digest(around.checkpoints)
    return settings


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(set(words)) == 1 else ", ".join(words)


def _vectors(
    plan: _Plan, around: Around, axes: Sequence[str]
) -> tuple[dict[str, Weights], list[tuple[Drawn, list[str]]]]:
    """All vectors in the order of the axes, and what was drawn together for which of them."""
    found: dict[str, Weights] = {}
    drawn = []
    for name, kind in plan.kinds.items():
        group = [a for a, s in zip(axes, plan.sources, strict=True) if _is_name(s) and s == name]
        if kind.checkpoints and not around.checkpoints:
            raise InputError(f"directions {name!r} need other weights; give checkpoints")
        part = kind.make(around, group)
        drawn.append((part, group))
        for axis, vector in zip(group, part.vectors, strict=True):
            found[axis] = normalize(
                vector, around.weights, how=kind.normalization, ignore=kind.ignore
            )
    for axis, s in zip(axes, plan.sources, strict=True):
        if axis not in found:
            read = from_file(Path(s), axis, around) if is_file(s) else None
            found[axis] = direction_of(s, around.weights) if read is None else read
    return {axis: found[axis] for axis in axes}, drawn


def _cosines(vectors: Mapping[str, Weights]) -> dict[str, float]:
    return {f"{a} {b}": cosine(vectors[a], vectors[b]) for a, b in combinations(vectors, 2)}
