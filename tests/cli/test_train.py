"""What the flags of `landscape train` make of a recipe."""

import pytest

from landscape.cli.train import Overrides
from landscape.spatial import SpatialLimits
from landscape.training import recipe_config


@pytest.mark.parametrize(
    "flags", [{"optimizer": "adam"}, {"optimizer": "adamw"}, {"momentum": 0.0}]
)
def test_what_has_no_momentum_does_not_look_ahead_along_it(flags):
    recipe = recipe_config("standard", "cifar10", budget=True)
    config = Overrides(**flags).apply(recipe)
    assert recipe.nesterov
    assert not config.nesterov
    assert Overrides(momentum=0.5).apply(recipe).nesterov
    assert {name: getattr(config, name) for name in flags} == flags


@pytest.mark.parametrize(
    ("recipe", "dataset", "flags", "pose"),
    [
        ("random-30", "digits", {"rotate": 20.0}, SpatialLimits(20.0, share=0.1)),
        ("random-30", "digits", {"shift": 1.0}, SpatialLimits(30.0, 1.0, 1.0)),
        ("standard", "cifar10", {"rotate": 30.0}, SpatialLimits(30.0, 2.0, 2.0)),
        ("nocrop", "cifar10", {"rotate": 30.0}, SpatialLimits(30.0, 0.0, 0.0)),
        ("nocrop", "cifar10", {"rotate": 0.0, "shift": 2.0}, SpatialLimits(0.0, 2.0, 2.0)),
        ("nocrop", "cifar10", {}, None),
    ],
)
def test_of_the_poses_of_a_recipe_only_what_is_given_changes(recipe, dataset, flags, pose):
    assert Overrides(**flags).apply(recipe_config(recipe, dataset)).augment.pose == pose
