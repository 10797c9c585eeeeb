"""Networks by name, and the few facts from which one is built again."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch import Generator, nn

from landscape.errors import InputError
from landscape.models.cnn import SmallCNN
from landscape.models.layers import Normalize, Round
from landscape.models.lenet import LeNet5
from landscape.models.resnet_cifar import CifarResNet
from landscape.registry import lookup
from landscape.text import printable

ModelFactory = Callable[..., nn.Module]
"""Builds a network for [0, 1] images, freshly initialized from PyTorch's global generator, from
classes, channels, mean and std (None: `layers.default_statistics`), and options by keyword."""


def _imagenet_resnet(
    depth: int,
    classes: int,
    channels: int,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    *,
    small_images: bool = False,
    pool: str = "max",
    blur: int = 0,
) -> nn.Module:
    from landscape.models.resnet import ResNet  # torchvision takes seconds to import

    return ResNet(
        depth, classes, channels, mean, std, small_images=small_images, pool=pool, blur=blur
    )


def _vit_tiny(
    classes: int,
    channels: int,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    *,
    side: int = 32,
    patch: int = 0,
) -> nn.Module:
    from landscape.models.vit import ViTTiny

    return ViTTiny(classes, channels, mean, std, side=side, patch=patch)


MODELS: dict[str, ModelFactory] = {
    "cnn": SmallCNN,
    "lenet5": LeNet5,
    "resnet20": partial(CifarResNet, 20),
    "resnet32": partial(CifarResNet, 32),
    "resnet44": partial(CifarResNet, 44),
    "resnet56": partial(CifarResNet, 56),
    "resnet18": partial(_imagenet_resnet, 18),
    "resnet50": partial(_imagenet_resnet, 50),
    # Nothing is pooled in the stem of these two, so that `pool` is none of their options.
    "resnet18-cifar": partial(_imagenet_resnet, 18, small_images=True, pool="max"),
    "resnet50-cifar": partial(_imagenet_resnet, 50, small_images=True, pool="max"),
    "vit-tiny": _vit_tiny,
    "vit-tiny-224": partial(_vit_tiny, side=224),
}

ROUNDING = ("levels", "straight_through")
"""Options that every network of `MODELS` has: of the `Round` that its pixels then go through."""


@dataclass(frozen=True)
class ModelSpec:
    """All that is needed to build a network again; `dataclasses.asdict` of it is plain JSON.

    Attributes:
        name: a key of `MODELS`, or "package.module:factory", where the factory is any callable
            that returns an `nn.Module`; the working directory is searched first.
        classes: number of classes; a factory has its own ways.
        channels: number of image channels; likewise.
        mean: per channel, in pixel values from 0 to 1. None, with std: `default_statistics` for
            `MODELS`; a factory's network then normalizes for itself or not at all.
        std: per channel.
        options: keyword arguments of the factory; of a key of `MODELS`: `levels` to which pixels
            are rounded first and whether `straight_through` (`landscape.models.layers.Round`), of a
            ResNet `blur`, the taps of a filter before subsampling, of resnet18 and resnet50 `pool`,
            "max" or "avg", and of a ViT the `side` that images are resized to and the `patch`.

    Raises:
        InputError: the name is unknown, or the parts contradict each other.
    """

    name: str
    classes: int | None = None
    channels: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.is_foreign:
            lookup(MODELS, self.name, kind="model")
            known = [*ROUNDING, *_options_of(MODELS[self.name])]
            for option in self.options:
                if option not in known:
                    raise InputError(
                        f"{self.name} has no option {option!r} (known: {', '.join(known)})"
                    )
        for number, what in ((self.classes, "classes"), (self.channels, "channels")):
            if number is not None and number < 1:
                raise InputError(f"{self.name} needs at least 1 for {what}, got {number}")
        if (self.mean is None) != (self.std is None):
            raise InputError(f"mean and std go together, got mean={self.mean}, std={self.std}")

    @property
    def is_foreign(self) -> bool:
        """Whether the network comes from the user's own code."""
        return ":" in self.name

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelSpec":
        """The inverse of `dataclasses.asdict`, also after a passage through JSON."""
        mean, std = (None if values[key] is None else tuple(values[key]) for key in ("mean", "std"))
        return cls(**{**values, "mean": mean, "std": std})


def build_model(spec: ModelSpec, *, generator: Generator) -> nn.Module:
    """A freshly initialized network, in training mode on the CPU.

    PyTorch's layers draw their first weights from the global generator; it is seeded from
    `generator` for the time of the call and put back as it was.

    Raises:
        InputError: classes or channels are not given, or the user's factory does not do its part.
    """
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would touch GPUs as well
        return _build_foreign(spec) if spec.is_foreign else _build_own(spec)


def blank_model(spec: ModelSpec) -> nn.Module:
    """A network of `MODELS` without memory for its weights, which says how large they would be.

    Raises:
        InputError: no network can be built from what the spec says.
    """
    try:
        with torch.device("meta"):
            return _build_own(spec)
    except InputError:
        raise
    except Exception as error:  # the numbers in a spec may be anything
        raise InputError(
            f"no {spec.name} can be built from {printable(str(spec), 300)} ({type(error).__name__})"
        ) from error


def _build_own(spec: ModelSpec) -> nn.Module:
    if spec.classes is None or spec.channels is None:
        raise InputError(
            f"{spec.name} needs the number of classes and of image channels, got "
            f"classes={spec.classes}, channels={spec.channels}"
        )
    options = {name: v for name, v in spec.options.items() if name not in ROUNDING}
    rounding = {name: v for name, v in spec.options.items() if name in ROUNDING}
    model = MODELS[spec.name](spec.classes, spec.channels, spec.mean, spec.std, **options)
    if rounding:
        model.normalize = nn.Sequential(Round(**rounding), model.get_submodule("normalize"))
    return model


def _options_of(factory: ModelFactory) -> list[str]:
    """The keyword arguments of a factory that `MODELS` leaves open."""
    bound = factory.keywords if isinstance(factory, partial) else {}
    parameters = inspect.signature(factory).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in bound]


def user_network(model: nn.Module, spec: ModelSpec) -> nn.Module:
    """The part of a built model that weights from elsewhere are meant for."""
    wrapped = spec.is_foreign and spec.mean is not None
    return model.get_submodule("network") if wrapped else model


def _build_foreign(spec: ModelSpec) -> nn.Module:
    with _working_directory_importable():
        factory = _import_factory(spec.name)
        try:
            network = factory(**spec.options)
        except Exception as error:
            raise InputError(
                f"{spec.name} was called with {dict(spec.options)} and raised "
                f"{type(error).__name__}: {error}"
            ) from error
    if not isinstance(network, nn.Module):
        raise InputError(f"{spec.name} must return a torch.nn.Module, got {type(network).__name__}")
    if spec.mean is None or spec.std is None:
        return network
    model = nn.Sequential()
    model.add_module("normalize", Normalize(spec.mean, spec.std))
    model.add_module("network", network)
    return model


def _import_factory(name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise InputError(f"expected 'package.module:factory', got {name!r}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise InputError(
            f"cannot import {module_name!r} for the model {name!r} "
            f"({type(error).__name__}: {error}); it must be installed or lie below {Path.cwd()}"
        ) from error
    try:
        return attrgetter(attribute)(module)
    except AttributeError as error:
        raise InputError(f"{module_name!r} has no attribute {attribute!r}") from error


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
