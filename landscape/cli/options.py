"""Groups of flags that several commands share, and what they stand for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import tyro

from landscape.errors import InputError

if TYPE_CHECKING:  # torch takes seconds to import, and help must not wait for it
    import numpy as np
    from jaxtyping import Float

    from landscape.data import ImageSet
    from landscape.models import Checkpoint
    from landscape.spatial import SpatialLimits, Warp

    Values = Float[np.ndarray, " n"]

T = TypeVar("T")
Unset = Annotated[T | None, tyro.conf.arg(help_behavior_hint="")]
"""What may be left out, with a default that the help text tells in words."""

Several = Annotated[tuple[T, ...], tyro.conf.arg(help_behavior_hint="")]
"""Of which there may be none, as the help text tells in words."""

Files = Annotated[
    tyro.conf.Positional[tuple[Path, ...]],
    tyro.conf.arg(metavar="PATH [PATH ...]", help_behavior_hint="(required)"),
]
"""What a command is of; see `refuse_none`."""


def refuse_none(files: Sequence[Path], what: str) -> None:
    """Raise if there are no files.

    Raises:
        InputError: with what each of them would be.
    """
    if not files:
        raise InputError(f"expected at least one {what}, got none")


def _three(words: list[str]) -> tuple[float, float, int]:
    start, stop, count = words
    return float(start), float(stop), int(count)


OptionalRange = Annotated[
    tuple[float, float, int] | None,
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=3,
        metavar="FROM TO COUNT",
        instance_from_str=_three,
        is_instance=lambda given: given is None,  # the default
        str_from_instance=lambda given: [],
    ),
    tyro.conf.arg(help_behavior_hint=""),
]
"""A regular axis on the command line, which may be left out."""


def spaced(start: float, stop: float, count: int) -> "Values":
    """The values of a regular axis.

    Raises:
        InputError: the count is not positive, or a single value is asked for over a range.
    """
    import numpy as np

    if count < 1 or (count == 1 and start != stop):
        raise InputError(
            f"expected FROM TO COUNT with at least two values over a range (or FROM = TO and a "
            f"single one), got {start:g} {stop:g} {count}"
        )
    return np.linspace(start, stop, count)


@dataclass(frozen=True)
class ModelOptions:
    """Which network the weights in a file belong to; a checkpoint of `landscape train` knows.

    Attributes:
        model: The network, for weights from elsewhere (.pt, .pth, .safetensors): cnn, lenet5,
            resnet20, resnet32, resnet44, resnet56, resnet18, resnet50, resnet18-cifar,
            resnet50-cifar, vit-tiny, vit-tiny-224, or your own package.module:factory.
        model_options: Keyword arguments of your factory, as JSON, e.g. '{"num_classes": 10}'; of
            the package's own networks levels (rounding of pixels), of a ResNet blur (taps of a
            filter against aliases) and pool (max or avg), of a ViT side and patch (pixels).
        mean: Mean that the network subtracts from pixels in [0, 1], per channel. By default that of
            ImageNet for colour and of MNIST for grey; your own factory gets none.
        std: Standard deviation that the network divides by, per channel.
    """

    model: Unset[str] = None
    model_options: Unset[str] = None
    mean: Unset[tuple[float, ...]] = None
    std: Unset[tuple[float, ...]] = None

    def load(self, path: Path) -> "Checkpoint":
        """The model in a file.

        Raises:
            InputError: the file or the flags cannot be used.
        """
        from landscape.models import ModelSpec, load_checkpoint

        if self.model is None:
            given = [
                flag
                for flag, value in (
                    ("--model-options", self.model_options),
                    ("--mean", self.mean),
                    ("--std", self.std),
                )
                if value is not None
            ]
            if given:
                raise InputError(
                    f"{given[0]} describes weights from elsewhere, for which give --model too; a "
                    "checkpoint of landscape train knows what it holds and takes neither"
                )
            return load_checkpoint(path)
        spec = ModelSpec(self.model, mean=self.mean, std=self.std, options=self.factory_options())
        return load_checkpoint(path, spec=spec)

    def factory_options(self) -> dict[str, Any]:
        """`--model-options` as keyword arguments."""
        try:
            options = json.loads(self.model_options or "{}")
        except json.JSONDecodeError as error:
            raise InputError(
                f"expected --model-options as JSON, e.g. '{{\"num_classes\": 10}}', "
                f"got {self.model_options!r} ({error})"
            ) from error
        if not isinstance(options, dict):
            raise InputError(f"expected --model-options as a JSON object, got {options!r}")
        return options


@dataclass(frozen=True)
class DataOptions:
    """Which images.

    Attributes:
        dataset: digits (needs no files), mnist, cifar10, cifar100 or imagefolder; by default the
            one the checkpoint was trained on.
        data_root: The folder that holds the data set; the environment variable LANDSCAPE_DATA by
            default.
        split: train or test; for imagefolder the name of a folder in --data-root, val where there
            is no test.
        download: Fetch the data set into --data-root if it is not there.
    """

    dataset: Unset[str] = None
    data_root: Unset[Path] = None
    split: str = "test"
    download: bool = False

    def load(self, checkpoint: "Checkpoint", *, split: str | None = None) -> "ImageSet":
        """The whole of a split, that of the flag unless another is named.

        Raises:
            InputError: no data set is named, or it is not there.
        """
        from landscape.data import DATASETS, load_dataset

        try:
            name = self.dataset or checkpoint.trained_on
        except InputError as error:
            raise InputError(f"{error}, one of {', '.join(DATASETS)}") from None
        split = split or self.split
        return load_dataset(name, root=self.data_root, split=split, download=self.download)


@dataclass(frozen=True)
class LimitOptions:
    """How far images may be moved, and how.

    Attributes:
        rotation_limit: Degrees.
        shift_limit: Pixels, as in 3, or a share of the side, as in 10%.
        convention: How a pose is applied: landscape (rotate about the centre, then shift, one
            bilinear pass), engstrom-tf or spatial-pytorch (as the papers' codes do it).
        padding: What lies outside the image: zeros, border or reflect.
    """

    rotation_limit: float = 30.0
    shift_limit: str = "10%"
    convention: str = "landscape"
    padding: str = "zeros"

    def limits(self) -> "SpatialLimits":
        """As the attacks take them.

        Raises:
            InputError: they are no numbers, or out of range.
        """
        return spatial_limits(self.rotation_limit, self.shift_limit)

    def warp(self) -> "Warp":
        """As the attacks take it.

        Raises:
            InputError: a name is not known.
        """
        from landscape.spatial import Warp

        return Warp(self.convention, self.padding)


def spatial_limits(rotation: float, shift: str) -> "SpatialLimits":
    """Limits from degrees, and from pixels or a percentage.

    Raises:
        InputError: they are no numbers, or out of range.
    """
    from landscape.spatial import SpatialLimits

    try:
        value = float(shift.removesuffix("%"))
    except ValueError as error:
        raise InputError(
            f"expected a shift in pixels, as in 3, or in percent of the side, as in 10%, "
            f"got {shift!r}"
        ) from error
    if shift.endswith("%"):
        return SpatialLimits(rotation, share=value / 100)
    return SpatialLimits(rotation, value, value)


@dataclass(frozen=True)
class ComputeOptions:
    """Where and how precisely.

    Attributes:
        device: cpu, cuda, cuda:1, mps, ...; auto takes a GPU if there is one.
        precision: fp32 for what is published, tf32 (NVIDIA GPUs) or bf16 for previews.
        memory: What the activations of a forward pass may take, e.g. 4GiB; half of what is free by
            default.
        compile: torch.compile: auto takes it where it saves more time than it takes.
    """

    device: str = "auto"
    precision: str = "fp32"
    memory: Unset[str] = None
    compile: Literal["auto", "always", "never"] = "auto"

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the functions that compute."""
        from landscape.engine.memory import parse_bytes

        return {
            "device": self.resolve_device(),
            "precision": self.precision,
            "memory": None if self.memory is None else parse_bytes(self.memory),
            "compile": self.compile,
        }

    def resolve_device(self) -> str:
        """The device's name, with `auto` decided."""
        import torch

        if self.device != "auto":
            return self.device
        return "cuda" if torch.cuda.is_available() else "cpu"


def identity_of(checkpoint: "Checkpoint", data: "ImageSet") -> dict[str, Any]:
    """What names model and data in a surface file."""
    return {
        "model": checkpoint.spec.name,
        "weights_sha256": checkpoint.sha256,
        "dataset": data.name,
        "split": data.split,
    }
