"""Recipes and settings against what the papers and their codes say."""

import json

import pytest
import torch

from landscape.attacks import PGD, RandomPose
from landscape.data import DATASETS
from landscape.errors import InputError
from landscape.spatial import SpatialLimits
from landscape.training import RECIPES, SETTINGS, Augment, recipe_config

EVERY = [(name, dataset) for name in RECIPES for dataset in SETTINGS]


@pytest.mark.parametrize(("name", "dataset"), EVERY)
@pytest.mark.parametrize("budget", [False, True])
def test_every_recipe_for_every_data_set_is_plain_json(name, dataset, budget):
    described = recipe_config(name, dataset, budget=budget).as_dict()
    assert json.loads(json.dumps(described)).keys() == described.keys()


def test_every_data_set_has_a_setting():
    assert SETTINGS.keys() == DATASETS.keys()


@pytest.mark.parametrize("dataset", SETTINGS)
def test_the_modes_differ_in_what_the_network_sees(dataset):
    modes = {name: recipe_config(name, dataset) for name in RECIPES}
    assert modes["nocrop"].augment.crop == 0
    assert modes["nocrop"].augment.pose is None
    assert not modes["nocrop"].augment.photograph
    assert modes["standard"].augment != modes["nocrop"].augment
    assert modes["standard"].adversary is None
    sizes = {"digits": (28, 28), "mnist": (28, 28), "imagefolder": (224, 224)}
    image = torch.zeros(1, 1, *sizes.get(dataset, (32, 32)))
    for degrees, shift in ((30, 0.10), (40, 0.13)):
        pose = modes[f"random-{degrees}"].augment.pose
        attack = modes[f"worst10-{degrees}"].adversary
        assert isinstance(attack, RandomPose)
        assert (attack.k, attack.limits) == (10, pose)
        assert modes[f"worst10-{degrees}"].augment.pose is None
        rotation, shift_x, shift_y = pose.radius(image).tolist()
        assert rotation == degrees
        assert shift_x == shift_y == pytest.approx(shift * image.shape[-1], abs=3.0)
    assert isinstance(modes["linf"].adversary, PGD)
    assert modes["linf"].augment == modes["standard"].augment


def test_a_budget_shortens_the_attack_on_pixels_where_it_is_long():
    paper, budget = (recipe_config("linf", "cifar10", budget=b).adversary for b in (False, True))
    assert (paper.steps, budget.steps) == (7, 1)
    assert budget.random_start
    assert paper.eps == budget.eps < budget.step  # Wong, Rice, Kolter 2020: 1.25 epsilon
    digits = [recipe_config("linf", "mnist", budget=b).adversary for b in (False, True)]
    assert digits[0] == digits[1]


def test_photographs_move_by_24_and_32_pixels_and_stay_cropped():
    image = torch.zeros(1, 3, 224, 224)
    for name, reach in (("random-30", 24), ("random-40", 32)):
        augment = recipe_config(name, "imagefolder").augment
        assert augment.pose.radius(image)[1].item() == pytest.approx(reach)
        assert augment.photograph
    assert recipe_config("worst10-30", "imagefolder").augment.photograph
    assert not recipe_config("nocrop", "imagefolder").augment.photograph


def test_poses_take_the_place_of_crops_of_small_images():
    assert recipe_config("worst10-30", "cifar10").augment == Augment(flip=True)
    shifts = recipe_config("standard", "cifar10").augment.pose
    assert shifts == SpatialLimits(0.0, 2.0, 2.0)


def test_digits_are_not_mirrored():
    for dataset in ("digits", "mnist"):
        assert not any(recipe_config(name, dataset).augment.flip for name in RECIPES)


@pytest.mark.parametrize(
    ("dataset", "epochs", "batch", "decay", "rates"),
    [
        # PyTorch release: 110 epochs, a tenth of the rate at 30, 60, 85, 95 and 105.
        ("imagefolder", 110, 256, 1e-4, {0: 1, 29: 1, 30: 0.1, 60: 1e-2, 85: 1e-3, 105: 1e-5}),
        # TensorFlow release: 80,000 steps of 128, a tenth of the rate at 40,000 and 60,000.
        ("cifar10", 205, 128, 2e-4, {0: 1, 101: 1, 103: 0.1, 154: 1e-2}),
    ],
)
def test_published_schedules(dataset, epochs, batch, decay, rates):
    config = recipe_config("standard", dataset)
    assert (config.epochs, config.batch_size, config.weight_decay) == (epochs, batch, decay)
    assert (config.learning_rate, config.momentum, config.nesterov) == (0.1, 0.9, False)
    for epoch, factor in rates.items():
        assert config.schedule(epoch / epochs) == pytest.approx(factor)


@pytest.mark.parametrize("dataset", SETTINGS)
def test_a_budget_is_shorter(dataset):
    paper, budget = (recipe_config("standard", dataset, budget=b) for b in (False, True))
    assert budget.epochs < paper.epochs
    assert budget.augment == paper.augment


def test_what_is_not_known_is_refused():
    with pytest.raises(InputError, match="unknown recipe 'worst10'; did you mean 'worst10-"):
        recipe_config("worst10", "mnist")
    with pytest.raises(InputError, match="unknown data set to train on 'svhn'"):
        recipe_config("standard", "svhn")
