"""`landscape train`: the models whose landscapes are looked at."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import tyro

from landscape.cli.options import ComputeOptions, ModelOptions, Several, Unset, spatial_limits
from landscape.cli.output import say
from landscape.cli.together import together
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.attacks import Attack
    from landscape.data import ImageSet
    from landscape.processes import Group
    from landscape.training import TrainConfig


T = TypeVar("T")
FromRecipe = Annotated[T | None, tyro.conf.arg(help_behavior_hint="(default: the recipe's)")]


@dataclass(frozen=True)
class Overrides:
    """What to do otherwise than the recipe.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images per step, those of all processes of torchrun together.
        accumulate: Compute the batch of a step in so many parts, one after the other, for want of
            memory: the step is the same, save that BatchNorm goes by the parts. 1 computes it at
            once.
        learning_rate: At its highest.
        optimizer: sgd with momentum, adam, or adamw.
        momentum: Of the gradient.
        weight_decay: L2 penalty: with cifar10 and cifar100 on the weights of convolutions and
            linear layers, otherwise on all parameters.
        schedule: Of the learning rate: half a cosine to 0, or a tenth at a half and at three
            quarters.
        flip: Mirror images left and right at random.
        crop: Pad with so many black pixels and crop at random; 0 for none.
        rotate: Rotate at random by up to so many degrees, beside the shifts.
        shift: Shift at random by up to so many pixels, beside the rotations.
        adversary: Train on what an attack makes of each batch: natural, random, worst-of-10, grid,
            grid-first, grid+refine, first-order, fgsm, pgd, pgd-l2, stadv, stadv-bounded, linf or
            worst-of-10+linf; +unrounded behind a name hides the network's rounding of pixels from
            it; with settings of its own behind a colon as in random:k=20; none for the images as
            they are.
        clean_too: Learn from each batch as it is as well as from what the adversary makes of it,
            one to one.
        adversary_rotation: How far the adversary may rotate, in degrees.
        adversary_shift: How far the adversary may shift, in pixels, as in 3, or percent of the
            side, as in 10%.
        precision: tf32 (NVIDIA GPUs) and bf16 compute the network more coarsely; weights stay in 32
            bits.
    """

    epochs: FromRecipe[int] = None
    batch_size: FromRecipe[int] = None
    accumulate: FromRecipe[int] = None
    learning_rate: FromRecipe[float] = None
    optimizer: FromRecipe[Literal["sgd", "adam", "adamw"]] = None
    momentum: FromRecipe[float] = None
    weight_decay: FromRecipe[float] = None
    schedule: FromRecipe[Literal["cosine", "step"]] = None
    flip: FromRecipe[Literal["on", "off"]] = None
    crop: FromRecipe[int] = None
    rotate: FromRecipe[float] = None
    shift: FromRecipe[float] = None
    adversary: FromRecipe[str] = None
    clean_too: FromRecipe[Literal["on", "off"]] = None
    adversary_rotation: FromRecipe[float] = None
    adversary_shift: FromRecipe[str] = None
    precision: FromRecipe[Literal["fp32", "tf32", "bf16"]] = None

    def apply(self, config: "TrainConfig") -> "TrainConfig":
        """The settings of a recipe with these in place of its own."""
        from landscape.spatial import SpatialLimits
        from landscape.training import Cosine, Step

        moves = _given(rotation=self.rotate, shift_x=self.shift, shift_y=self.shift)
        still = SpatialLimits(0.0, 0.0, 0.0)
        pose = replace(config.augment.pose or still, **moves) if moves else None
        flip = self.flip and self.flip == "on"
        augment = replace(config.augment, **_given(flip=flip, crop=self.crop, pose=pose))
        # Without a momentum there is nothing to look ahead along.
        plain = self.optimizer in ("adam", "adamw") or self.momentum == 0
        return replace(
            config,
            augment=augment,
            adversary=self._adversary(config),
            **_given(
                nesterov=False if plain else None,
                epochs=self.epochs,
                batch_size=self.batch_size,
                accumulate=self.accumulate,
                learning_rate=self.learning_rate,
                optimizer=self.optimizer,
                clean_too=self.clean_too and self.clean_too == "on",
                momentum=self.momentum,
                weight_decay=self.weight_decay,
                schedule=self.schedule and {"cosine": Cosine, "step": Step}[self.schedule](),
                precision=self.precision,
            ),
        )

    def _adversary(self, config: "TrainConfig") -> "str | Attack | None":
        """The recipe's, or the one asked for, within the limits asked for."""
        from landscape.attacks import within

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
        limits = attack.limits
        if self.adversary_shift is not None:
            limits = spatial_limits(limits.rotation, self.adversary_shift)
        if self.adversary_rotation is not None:
            limits = replace(limits, rotation=self.adversary_rotation)
        limited: Attack = within(attack, limits)
        return limited


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def train(
    out: Path,
    dataset: str = "digits",
    model: Unset[str] = None,
    recipe: str = "standard",
    budget: bool = False,
    start: Unset[Path] = None,
    attacked: Several[Path] = (),
    overrides: Overrides = Overrides(),
    seed: int = 0,
    device: str = "auto",
    compile: Literal["auto", "always", "never"] = "auto",
    checkpoint_every: int = 5,
    keep_every: int = 0,
    data_root: Unset[Path] = None,
    download: bool = False,
    workers: Unset[int] = None,
    model_options: Unset[str] = None,
    overwrite: bool = False,
) -> None:
    """Train a network; the same command goes on with a run that was interrupted.

    Writes model.pt, metrics.jsonl, config.json and the state to resume from into --out. On several
    GPUs or machines: torchrun --nproc-per-node 8 -m landscape train ...

    Args:
        out: The folder of the run.
        dataset: digits (needs no files), mnist, cifar10, cifar100 or imagefolder.
        model: cnn (the default), lenet5, resnet20, resnet32, resnet44, resnet56, resnet18,
            resnet50, resnet18-cifar, resnet50-cifar, vit-tiny, vit-tiny-224, or your own
            package.module:factory.
        recipe: What the network is to withstand: nocrop (flips at most), standard (small shifts or
            crops as well), random-30 and random-40 (random rotations by up to 30 or 40 degrees and
            shifts by up to 10 or 13 %), worst10-30 and worst10-40 (the worst of ten such poses),
            linf (PGD on the pixels).
        budget: Train for minutes instead of as long as the papers do.
        start: Fine-tune the network in this file: a checkpoint, or weights from elsewhere, of the
            network that --model names.
        attacked: Learn from attacked versions of the training images as well, one to one: files of
            landscape evaluate --split train --keep-images.
        overrides: What to do otherwise than the recipe.
        seed: Of weights, order, augmentation and adversary.
        device: cpu, cuda, cuda:1, mps, ...; auto takes a GPU if there is one. Under torchrun every
            process takes a GPU of its own.
        compile: torch.compile always, never, or (auto) where it saves more time than it takes.
        checkpoint_every: Epochs between two saves of the state.
        keep_every: Keep the network as it is at the start and after every so many epochs, in
            OUT/epochs; 0 keeps none.
        data_root: The folder that holds the data set; LANDSCAPE_DATA by default.
        download: Fetch the data set into --data-root if it is not there.
        workers: Processes that read image files while the network computes; by default one per
            core, at most 8.
        model_options: Keyword arguments of your factory, as JSON; of the package's own networks
            levels and straight_through, of a ResNet blur, of resnet18 and resnet50 pool, of a ViT
            side and patch, as in '{"blur": 3, "levels": 256}'.
        overwrite: Start anew even if --out holds a run; one that is trained stays in OUT/replaced
            until the new one is.
    """
    from landscape.evaluation import with_attacked
    from landscape.models import ModelSpec
    from landscape.training import recipe_config
    from landscape.training import train as run

    with together() as group:
        config = overrides.apply(recipe_config(recipe, dataset, budget=budget))
        splits = _splits(dataset, data_root, group, download=download)
        options = ModelOptions(model, model_options)
        base = None if start is None else options.load(start)
        spec = (
            base.spec
            if base
            else ModelSpec(
                model or "cnn",
                classes=len(splits["train"].classes),
                channels=splits["train"].shape[0],
                options=options.factory_options(),
            )
        )
        result = run(
            spec,
            with_attacked(splits["train"], attacked),
            config,
            out=out,
            validation=splits["test"],
            seed=seed,
            device=ComputeOptions(device).resolve_device(),
            checkpoint_every=checkpoint_every,
            keep_every=keep_every,
            progress=True,
            overwrite=overwrite,
            compile=compile,
            workers=workers,
            start=None if base is None else base.model,
        )
        last = result.history[-1]
        if group.leads:
            say(
                f"{result.path}: test accuracy {100 * (last.validation_accuracy or 0):.2f} %; "
                f"next: landscape evaluate {result.path}"
            )


def _splits(
    dataset: str, data_root: Path | None, group: "Group", *, download: bool
) -> "dict[str, ImageSet]":
    """Training and test images; what is missing is fetched once on each machine."""
    from landscape.data import load_dataset

    def load(*, download: bool) -> "dict[str, ImageSet]":
        return {
            split: load_dataset(dataset, root=data_root, split=split, download=download)
            for split in ("train", "test")
        }

    if not download or group.size == 1:
        return load(download=download)
    group.on_first(lambda: len(load(download=True)))
    if group.local_rank == 0:  # nothing is left to fetch where all machines share the folder
        load(download=True)
    group.wait()
    return load(download=False)
