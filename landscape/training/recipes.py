"""Named training settings: a recipe is data, there is one loop for all of them."""

from landscape.training.augment import Augment
from landscape.training.config import TrainConfig
from landscape.training.schedule import Step

RECIPES: dict[str, TrainConfig] = {
    # Small grey images: shifts keep a digit what it is, mirroring does not.
    "standard": TrainConfig(batch_size=64, learning_rate=0.05, augment=Augment(crop=2)),
    "nocrop": TrainConfig(batch_size=64, learning_rate=0.05),
    # Engstrom et al. 2019, sec. 4: poses of the adversary's choice take the place of random ones.
    "worst-of-10": TrainConfig(batch_size=64, learning_rate=0.05, adversary="worst-of-10"),
    # He et al. 2016, sec. 4.2: CIFAR-10 with ResNets; 182 epochs are their 64k steps.
    "cifar": TrainConfig(
        epochs=182, weight_decay=1e-4, schedule=Step(), augment=Augment(flip=True, crop=4)
    ),
}
