"""Attacks as they are written on a command line."""

import json

import pytest

from landscape.attacks import (
    ATTACKS,
    PGD,
    FirstOrder,
    GridSearch,
    Natural,
    RandomPose,
    RefinedGrid,
    WithLinf,
    describe,
    make_attack,
)
from landscape.errors import InputError
from landscape.spatial import SpatialLimits, Warp


@pytest.mark.parametrize(
    ("text", "attack"),
    [
        ("natural", Natural()),
        ("worst-of-10", RandomPose(k=10)),
        ("random:k=50,include_clean=true", RandomPose(k=50, include_clean=True)),
        ("grid:rotations=61,shifts=9", GridSearch(rotations=61, shifts=9)),
        ("grid-first", GridSearch(first=True)),
        ("grid+refine:levels=2,rotations=3", RefinedGrid(GridSearch(rotations=3), levels=2)),
        ("first-order:steps=7,rule=normalized", FirstOrder(7, rule="normalized")),
        ("first-order:shift_step=1", FirstOrder(shift_step=1.0)),
        ("linf:eps=4/255", PGD(eps=4 / 255, steps=5, random_start=False)),
        ("grid+linf", WithLinf(GridSearch())),
        (
            "grid+linf:shifts=3,steps=2,order=after",
            WithLinf(GridSearch(shifts=3), PGD(steps=2, random_start=False), "after"),
        ),
        ("worst-of-10+linf:k=3", WithLinf(RandomPose(k=3))),
        ("linf:restarts=5,random_start=true", PGD(steps=5, restarts=5)),
        ("pgd:eps=2,step=0.5,norm=l2", PGD(eps=2.0, step=0.5, norm="l2")),
        (
            "grid+refine:rotations=1,shifts=1,starts=1",
            RefinedGrid(GridSearch(rotations=1, shifts=1), starts=1),
        ),
    ],
)
def test_text_becomes_an_attack(text, attack):
    assert make_attack(text) == attack


LIMITS, WARP = SpatialLimits(5.0, 1.0, 2.0), Warp("spatial-pytorch", "border")


@pytest.mark.parametrize(
    ("text", "attack"),
    [
        ("natural", Natural()),
        ("random", RandomPose(limits=LIMITS, warp=WARP)),
        ("grid+refine", RefinedGrid(GridSearch(LIMITS, warp=WARP))),
        ("grid+linf", WithLinf(GridSearch(LIMITS, warp=WARP))),
        ("first-order", FirstOrder(limits=LIMITS, warp=WARP)),
        ("linf", PGD(steps=5, random_start=False)),
    ],
)
def test_limits_and_warp_reach_every_part(text, attack):
    assert make_attack(text, limits=LIMITS, warp=WARP) == attack


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_described_by_json_and_its_parts_are_named(name):
    described = describe(make_attack(name))
    assert json.loads(json.dumps(described)) == described
    assert described["name"] == type(ATTACKS[name]()).__name__.lower()
    assert describe(WithLinf())["spatial"]["name"] == "randompose"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gird", "unknown attack 'gird'; did you mean 'grid'"),
        ("gird+linf", "unknown attack 'gird'; did you mean 'grid'"),
        ("grid:rotation=3", r"grid has no setting 'rotation' \(known: rotations, shifts, first\)"),
        ("natural:k=1", "natural has no setting 'k' .known: none"),
        ("grid:rotations", "expected grid:setting=value,..., got 'rotations'"),
        ("grid:rotations=many", "expected a whole number for rotations, got 'many'"),
        ("grid:first=perhaps", "expected true or false for first, got 'perhaps'"),
        ("linf:eps=1/0", "expected a number for eps, got '1/0'"),
        ("grid:rotations=0", "at least one value per axis"),
    ],
)
def test_what_is_not_known_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        make_attack(text)
