"""How much is done: in seconds, on a laptop, or all that the sources did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import landscape
from fragility.study import Study, Variant
from landscape.attacks import PGD, Attack, PastRounding, RandomPose
from landscape.spatial import SpatialLimits
from landscape.training import Augment, Cosine, TrainConfig

WHOLE = Augment(flip=True, crop=4)  # moves by whole pixels: the images stay of 8 bits
GREY = Augment(crop=2)
VIT = TrainConfig(
    epochs=40,
    learning_rate=1e-3,
    optimizer="adamw",
    weight_decay=0.05,
    schedule=Cosine(warmup=0.1),
    augment=WHOLE,
)
"""The blog tells epochs and seeds alone; the rest is usual for small transformers."""
SGD = TrainConfig(
    epochs=10,
    learning_rate=0.1,
    nesterov=True,
    schedule=Cosine(warmup=0.15),
    augment=WHOLE,
)
REACHES = {"10°, 1 px": (10.0, 1.0), "20°, 2 px": (20.0, 2.0), "30°, 3 px": (30.0, 3.0)}


@dataclass(frozen=True)
class Depth:
    """How closely finished networks are looked at.

    Attributes:
        images: test images of attacks by a grid of poses.
        masking: test images of the checks for masked gradients.
        surfaces: test images of which surfaces are computed.
        shifted: test images of which it is asked whether predictions agree in two places; 0: all.
        longer: steps and restarts of the strongest attack on pixels.
    """

    images: int
    masking: int
    surfaces: int
    shifted: int
    longer: tuple[int, int]


DEPTHS = {
    "smoke": Depth(images=2, masking=6, surfaces=2, shifted=10, longer=(3, 2)),
    "laptop": Depth(images=250, masking=100, surfaces=24, shifted=0, longer=(20, 3)),
    "paper": Depth(images=0, masking=1000, surfaces=1000, shifted=0, longer=(100, 10)),
}


def radii(of_255: Sequence[float], steps: int, *, past_rounding: bool = False) -> dict[str, Attack]:
    """PGD from a random start within ever larger radii, as far in all as two and a half of each."""
    found: dict[str, Attack] = {}
    for radius in of_255:
        eps = float(Fraction(radius) / 255)
        attack = PGD(eps=eps, step=2.5 * eps / steps, steps=steps)
        name = f"PGD {radius:g}/255"
        if past_rounding:
            found[f"{name}, rounding off"] = PastRounding(attack)
        else:
            found[name] = attack
    return found


def poses(reaches: Mapping[str, tuple[float, float]]) -> dict[str, Attack]:
    """The worst of ten poses within ever wider limits."""
    return {
        f"worst of 10, {name}": RandomPose(10, SpatialLimits(rotation, shift, shift))
        for name, (rotation, shift) in reaches.items()
    }


def rounding(budget: str, dataset: str) -> Study:
    """ViT-tiny with and without rounding, with and without normalization.

    The blog's Baseline is `baseline`, its Round is `round`, which also lacks the normalization;
    the others hold one of the two fixed.
    """
    model, options, training = "vit-tiny-224", {}, VIT
    study = Study(
        dataset,
        {},
        radii((0.5, 1, 2, 4, 8), 20, past_rounding=True) | radii((0.5, 1, 2, 4, 8), 20),
    )
    if budget != "paper":  # resized to 64 pixels and cut into 17 tokens, not to 224 into 197
        model, options = "vit-tiny", {"side": 64, "patch": 16}
        training = replace(VIT, epochs=6)
        few = radii((1, 2, 4), 4, past_rounding=True) | radii((2,), 4)
        study = replace(study, attacks=few, learn=10_000, test=250)
    if budget == "smoke":
        options = {"side": 32, "patch": 16}
        training = replace(VIT, epochs=2, augment=GREY, batch_size=16)
        few = radii((2,), 3, past_rounding=True) | radii((2,), 3)
        study = replace(study, attacks=few, seeds=2, learn=32, test=12)
    variants = {
        "baseline": Variant("Baseline (normalized)", model, training, options),
        "round": Variant(
            "Round (256 levels, not normalized)",
            model,
            training,
            {**options, "levels": 256},
            normalizes=False,
        ),
        "plain": Variant("neither", model, training, options, normalizes=False),
        "coarse": Variant(
            "8 levels, not normalized", model, training, {**options, "levels": 8}, normalizes=False
        ),
    }
    if budget == "paper":
        both = {**options, "levels": 256}
        variants["both"] = Variant("256 levels, normalized", model, training, both)
    return replace(study, variants=variants)


def pooling(budget: str, dataset: str) -> Study:
    """ResNet-18 whose stem takes maxima or means, the only place where it pools but at its end."""
    training = SGD
    study = Study(dataset, {}, radii((0.5, 1, 2, 4, 8), 10))
    if budget == "laptop":
        study = replace(study, attacks=radii((0.5, 1, 2, 4), 5), learn=25_000, test=500)
    if budget == "smoke":
        training = replace(SGD, epochs=2, augment=GREY, batch_size=32, learning_rate=0.02)
        few = radii((1, 8), 3)
        study = replace(study, attacks=few, seeds=2, learn=32, test=12)
    variants = {
        "max": Variant("Max", "resnet18", training, {"pool": "max"}),
        "avg": Variant("Avg", "resnet18", training, {"pool": "avg"}),
    }
    return replace(study, variants=variants)


def antialiasing(budget: str, dataset: str) -> Study:
    """ResNets with and without a filter before subsampling, trained on poses or not."""
    study = Study(dataset, {}, poses(REACHES))
    filters, changes = (0, 2, 3, 5), {}
    if budget != "paper":
        filters, changes = (0, 3), {"epochs": 5}
        study = replace(study, seeds=2, learn=15_000, test=500)
    if budget == "smoke":
        changes = {"epochs": 2, "batch_size": 32, "learning_rate": 0.05}
        study = replace(study, learn=32, test=12)
    model = "resnet18-cifar" if budget == "paper" else "resnet20"
    variants, recipes = {}, ("standard", "worst10-30")
    for recipe in recipes if budget != "smoke" else recipes[:1]:
        training = landscape.recipe_config(recipe, dataset, budget=budget != "paper")
        for taps in filters:
            variants[f"{recipe}-blur{taps}" if taps else f"{recipe}-plain"] = Variant(
                f"{recipe}, {f'filter of {taps}' if taps else 'plain'}",
                model,
                replace(training, **changes),
                {"blur": taps} if taps else {},
            )
    return replace(study, variants=variants)
