"""`landscape train`: the models whose landscapes are looked at."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import tyro

from landscape.cli.options import ComputeOptions, DataOptions, ModelOptions, Unset
from landscape.cli.output import say
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.attacks import Attack
    from landscape.training import TrainConfig


T = TypeVar("T")
FromRecipe = Annotated[T | None, tyro.conf.arg(help_behavior_hint="(default: the recipe's)")]


@dataclass(frozen=True)
class Overrides:
    """What to do otherwise than the recipe."""

    epochs: FromRecipe[int] = None
    """Passes over the training images."""

    batch_size: FromRecipe[int] = None
    """Images per step."""

    learning_rate: FromRecipe[float] = None
    """At its highest."""

    momentum: FromRecipe[float] = None
    """Of the gradient."""

    weight_decay: FromRecipe[float] = None
    """L2 penalty on all parameters."""

    schedule: FromRecipe[Literal["cosine", "step"]] = None
    """Of the learning rate: half a cosine to 0, or a tenth at a half and at three quarters."""

    flip: FromRecipe[Literal["on", "off"]] = None
    """Mirror images left and right at random."""

    crop: FromRecipe[int] = None
    """Pad with so many black pixels and crop at random; 0 for none."""

    rotate: FromRecipe[float] = None
    """Rotate at random by up to so many degrees, and shift by --shift."""

    shift: FromRecipe[float] = None
    """Shift at random by up to so many pixels, and rotate by --rotate."""

    adversary: FromRecipe[str] = None
    """Train on what an attack makes of each batch: natural, random, worst-of-10 or grid; none for
    the images as they are."""

    adversary_rotation: Unset[float] = None
    """How far the adversary may rotate, in degrees; 30 by default."""

    adversary_shift: Unset[float] = None
    """How far the adversary may shift, in pixels; 10 % of the side by default."""

    precision: FromRecipe[Literal["fp32", "tf32", "bf16"]] = None
    """tf32 (NVIDIA GPUs) and bf16 compute the network more coarsely; weights stay in 32 bits."""

    def apply(self, config: "TrainConfig") -> "TrainConfig":
        """The settings of a recipe with these in place of its own."""
        from landscape.spatial import SpatialLimits
        from landscape.training import Cosine, Step

        pose = None
        if self.rotate is not None or self.shift is not None:
            pose = SpatialLimits(self.rotate or 0.0, self.shift or 0.0, self.shift or 0.0)
        flip = self.flip and self.flip == "on"
        augment = replace(config.augment, **_given(flip=flip, crop=self.crop, pose=pose))
        return replace(
            config,
            augment=augment,
            adversary=self._adversary(config),
            **_given(
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                momentum=self.momentum,
                weight_decay=self.weight_decay,
                schedule=self.schedule and {"cosine": Cosine, "step": Step}[self.schedule](),
                precision=self.precision,
            ),
        )

    def _adversary(self, config: "TrainConfig") -> "str | Attack | None":
        """The recipe's, or the one asked for, within the limits asked for."""
        chosen = config.adversary if self.adversary is None else self.adversary
        chosen = None if chosen == "none" else chosen
        if self.adversary_rotation is None and self.adversary_shift is None:
            return chosen
        attack: Any = replace(config, adversary=chosen).attack()
        if not hasattr(attack, "limits"):
            raise InputError(
                "--adversary-rotation and --adversary-shift limit an attack that moves images; "
                f"give one, e.g. --adversary worst-of-10 (got {chosen or 'none'})"
            )
        shift = self.adversary_shift
        changes = _given(rotation=self.adversary_rotation, shift_x=shift, shift_y=shift)
        limited: Attack = replace(attack, limits=replace(attack.limits, **changes))
        return limited


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def train(
    out: Path,
    dataset: str = "digits",
    model: str = "cnn",
    recipe: str = "standard",
    overrides: Overrides = Overrides(),
    seed: int = 0,
    device: str = "auto",
    compile: Literal["auto", "always", "never"] = "auto",
    checkpoint_every: int = 5,
    data_root: Unset[Path] = None,
    download: bool = False,
    model_options: Unset[str] = None,
    overwrite: bool = False,
) -> None:
    """Train a network; the same command goes on with a run that was interrupted.

    Writes model.pt, metrics.jsonl, config.json and the state to resume from into --out.

    Args:
        out: The folder of the run.
        dataset: digits (needs no files), mnist, cifar10, cifar100 or imagefolder.
        model: cnn, resnet20, resnet32, resnet44, resnet56, resnet18, resnet50, resnet18-cifar,
            resnet50-cifar, or your own package.module:factory.
        recipe: Settings to start from: standard (small shifts), nocrop (no augmentation),
            worst-of-10 (the worst of ten random poses of each image), or cifar (He et al. 2016:
            flips and crops, 182 epochs).
        overrides: What to do otherwise than the recipe.
        seed: Of weights, order, augmentation and adversary.
        device: cpu, cuda, cuda:1, mps, ...; auto takes a GPU if there is one.
        compile: torch.compile always, never, or (auto) where it saves more time than it takes.
        checkpoint_every: Epochs between two saves of the state.
        data_root: The folder that holds the data set; LANDSCAPE_DATA by default.
        download: Fetch the data set into --data-root if it is not there.
        model_options: Keyword arguments of your factory, as JSON.
        overwrite: Start anew even if --out holds a run.
    """
    from landscape.models import ModelSpec
    from landscape.registry import lookup
    from landscape.training import RECIPES
    from landscape.training import train as run

    config = overrides.apply(lookup(RECIPES, recipe, kind="recipe"))
    splits = {
        split: DataOptions(dataset, data_root, split=split, download=download).load()
        for split in ("train", "test")
    }
    spec = ModelSpec(
        model,
        classes=len(splits["train"].classes),
        channels=splits["train"].shape[0],
        options=ModelOptions(model, model_options).factory_options(),
    )
    result = run(
        spec,
        splits["train"],
        config,
        out=out,
        validation=splits["test"],
        seed=seed,
        device=ComputeOptions(device).resolve_device(),
        checkpoint_every=checkpoint_every,
        progress=True,
        overwrite=overwrite,
        compile=compile,
    )
    last = result.history[-1]
    say(
        f"{result.path}: test accuracy {100 * (last.validation_accuracy or 0):.2f} %; "
        f"next: landscape evaluate {result.path}"
    )
