"""How much of Prabhu et al. 2019 is repeated: in seconds, on a laptop, or all of it."""

from dataclasses import dataclass, replace

from landscape.training import Augment, TrainConfig

ONCE = {"fgsm": "fgsm", "pgd": "pgd:step=1/255", "stadv": "stadv-bounded:steps=20,step=0.08"}
"""For a laptop: the paper's FGSM, ten steps of 1/255 within 8/255, and flows as wide as the
released code's (0.8 pixels), found in fewer and longer steps."""

PUBLISHED_CODE = {
    "fgsm": "fgsm",
    "pgd": "pgd:rule=adam,step=0.01,steps=100,random_start=false",
    "stadv": "stadv-bounded",
}
"""As the released code has them."""

STATED = {
    "fgsm, as stated": "fgsm",
    "pgd, as stated": "pgd:eps=1/255,step=1/2550",
    "stadv, as stated": "stadv-bounded:limit=0.075,steps=20,step=0.01",
}
"""As the paper's section 3 has them: radii of 8/255, 1/255 and 0.3/64."""


@dataclass(frozen=True)
class Budget:
    """How much is done.

    Attributes:
        dataset: a key of `DATASETS`.
        model: a key of `MODELS`.
        attacks: that make the training images, and test every network, by short names.
        stated: further attacks on the test images, as the paper states them.
        tuning: of the base network.
        base_epochs: of the base network where it is trained; None: as its recipe has it.
        learn: training images; 0: all.
        test: test images of the tables; 0: all.
        seeds: of the directions.
        side: points of a plane along each direction.
        surface_images: over which a surface is a mean.
        curves: directions along which curvature is measured.
    """

    dataset: str
    model: str
    attacks: dict[str, str]
    stated: dict[str, str]
    tuning: TrainConfig
    base_epochs: int | None = None
    learn: int = 0
    test: int = 0
    seeds: int = 5
    side: int = 25
    surface_images: int = 1000
    curves: int = 20


_TUNING = TrainConfig(
    epochs=200,
    batch_size=128,
    learning_rate=1e-3,
    optimizer="adam",
    weight_decay=0.0,
    augment=Augment(flip=True, crop=4),
)

BUDGETS: dict[str, Budget] = {
    "smoke": Budget(
        dataset="digits",
        model="cnn",
        attacks={"fgsm": "fgsm"},
        stated={},
        tuning=TrainConfig(epochs=1, batch_size=32, learning_rate=1e-3, optimizer="adam"),
        base_epochs=1,
        learn=60,
        test=30,
        seeds=2,
        side=3,
        surface_images=30,
        curves=2,
    ),
    "laptop": Budget(
        dataset="cifar10",
        model="resnet32",
        attacks=ONCE,
        stated=STATED,
        tuning=replace(_TUNING, epochs=4),
        test=2000,
        side=13,
        surface_images=300,
        curves=10,
    ),
    "paper": Budget(
        dataset="cifar10",
        model="resnet32",
        attacks=PUBLISHED_CODE,
        stated=STATED,
        tuning=_TUNING,
        side=51,
        surface_images=10000,
        curves=100,
    ),
}
