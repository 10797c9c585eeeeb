"""Named ways to train: what a network is to withstand, and how each data set is learned.

Both are data. A recipe says which changes of the images a network sees and who chooses them, the
setting of a data set says how long and how fast it learns and what the usual changes are. The loop
is the same for all.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from landscape.attacks import PGD, RandomPose
from landscape.registry import lookup
from landscape.spatial import SpatialLimits
from landscape.training.augment import Augment
from landscape.training.config import TrainConfig
from landscape.training.schedule import Cosine, Step

Reach = Literal["30", "40"]
TRIES = 10  # poses of which the adversary takes the worst (Engstrom et al. 2019, sec. 4)


@dataclass(frozen=True)
class Recipe:
    """What a network is trained on (the modes of Engstrom et al. 2019).

    Attributes:
        crop: make the data set's usual small shifts, or crops of photographs, at random.
        poses: rotate and shift within the limits of this name.
        adversary: the pose is the worst of ten random ones instead of a random one.
        pixels: perturb the pixels adversarially (Madry et al. 2018).
    """

    crop: bool = True
    poses: Reach | None = None
    adversary: bool = False
    pixels: bool = False


RECIPES: dict[str, Recipe] = {
    "nocrop": Recipe(crop=False),
    "standard": Recipe(),
    "random-30": Recipe(poses="30"),
    "random-40": Recipe(poses="40"),
    "worst10-30": Recipe(poses="30", adversary=True),
    "worst10-40": Recipe(poses="40", adversary=True),
    "linf": Recipe(pixels=True),
}


@dataclass(frozen=True)
class Setting:
    """How networks learn from one data set, whatever they are to withstand.

    Attributes:
        paper: as published, or as much as is known of it; its augmentation is that of `nocrop`.
        budget: the same in minutes on a CPU.
        crop: the augmentation of `standard`.
        crop_with_poses: whether random and adversarial poses come on top of the crops; they take
            their place otherwise.
        limits: of poses, by name.
        pixels: the adversary of `linf`.
        budget_pixels: the same within the budget; that of `pixels` if there is none.
    """

    paper: TrainConfig
    budget: TrainConfig
    crop: Augment
    crop_with_poses: bool = False
    limits: dict[Reach, SpatialLimits] = field(
        default_factory=lambda: {
            "30": SpatialLimits(30.0, share=0.10),
            "40": SpatialLimits(40.0, share=0.13),
        }
    )
    pixels: PGD = field(default_factory=lambda: PGD(steps=7))
    budget_pixels: PGD | None = None


# Small grey images: shifts keep a digit what it is, mirroring does not. No code of Engstrom et al.
# for MNIST was released, so the schedule is our own.
_DIGITS = TrainConfig(batch_size=64, learning_rate=0.05)
_MNIST = TrainConfig(epochs=10, batch_size=128, learning_rate=0.1)
# Madry et al. 2018, sec. 5, take 40 steps of 0.01; 10 of 0.04 cost a quarter.
_GREY_PIXELS = PGD(eps=0.3, step=0.04, steps=10)

# TensorFlow release of Engstrom et al. 2019: 80,000 steps of 128, a tenth of the rate at 40,000 and
# 60,000; `standard` shifts by up to 2 pixels.
_CIFAR = TrainConfig(
    epochs=205,
    weight_decay=2e-4,
    decay="weights",
    schedule=Step((0.5, 0.75)),
    augment=Augment(flip=True),
)
_CIFAR_SETTING = Setting(
    paper=_CIFAR,
    budget=replace(
        _CIFAR,
        epochs=10,
        learning_rate=0.2,
        nesterov=True,
        weight_decay=5e-4,
        schedule=Cosine(warmup=0.15),
    ),
    crop=Augment(flip=True, pose=SpatialLimits(0.0, 2.0, 2.0)),
    # One long step from a random start withstands many short ones (Wong, Rice, Kolter 2020).
    budget_pixels=PGD(step=10 / 255, steps=1),
)

# PyTorch release of Engstrom et al. 2019.
_IMAGENET = TrainConfig(
    epochs=110,
    batch_size=256,
    weight_decay=1e-4,
    schedule=Step((30 / 110, 60 / 110, 85 / 110, 95 / 110, 105 / 110)),
    augment=Augment(flip=True),
)

SETTINGS: dict[str, Setting] = {
    "digits": Setting(_DIGITS, replace(_DIGITS, epochs=5), Augment(crop=2), pixels=_GREY_PIXELS),
    "mnist": Setting(_MNIST, replace(_MNIST, epochs=3), Augment(crop=2), pixels=_GREY_PIXELS),
    "cifar10": _CIFAR_SETTING,
    "cifar100": _CIFAR_SETTING,
    "imagefolder": Setting(
        paper=_IMAGENET,
        budget=replace(_IMAGENET, epochs=16, schedule=Cosine(warmup=0.1)),
        crop=Augment(flip=True, photograph=True),
        crop_with_poses=True,
        limits={
            "30": SpatialLimits(30.0, share=24 / 224),
            "40": SpatialLimits(40.0, share=32 / 224),
        },
        pixels=PGD(eps=4 / 255, step=1 / 255, steps=5),
    ),
}
"""By data set."""


def recipe_config(name: str, dataset: str, *, budget: bool = False) -> TrainConfig:
    """The settings of a recipe for a data set.

    Args:
        name: a key of `RECIPES`.
        dataset: a key of `SETTINGS`.
        budget: those that reach a useful network in minutes on a CPU, not the published ones.

    Raises:
        InputError: recipe or data set is not known.
    """
    recipe = lookup(RECIPES, name, kind="recipe")
    setting = lookup(SETTINGS, dataset, kind="data set to train on")
    config = setting.budget if budget else setting.paper
    crop = recipe.crop and (recipe.poses is None or setting.crop_with_poses)
    augment = setting.crop if crop else config.augment
    if recipe.poses is None:
        pixels = (setting.budget_pixels if budget else None) or setting.pixels
        return replace(config, augment=augment, adversary=pixels if recipe.pixels else None)
    limits = setting.limits[recipe.poses]
    if recipe.adversary:
        return replace(config, augment=augment, adversary=RandomPose(TRIES, limits))
    return replace(config, augment=replace(augment, pose=limits))
