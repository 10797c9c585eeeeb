"""The work that all contestants of a comparison share: one network, some images, one grid."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from landscape.data import ImageSet, load_dataset
from landscape.directions import Around, make_directions
from landscape.errors import InputError
from landscape.models import ModelSpec, build_model
from landscape.rng import generator
from landscape.weights import weights_of

CLASSES, CHANNELS, SEED = 10, 3, 0
CIFAR_SIDE = 32  # pixels
SETTLING = 128  # images that give an untrained network's BatchNorm its statistics
SCATTER = 0.1  # of scales and biases
LIMITS = (30.0, 0.1, 0.1)  # degrees, and parts of the side: the box of Engstrom et al. 2019

Kind = Literal["weights", "poses", "training"]


@dataclass(frozen=True)
class Work:
    """What is to be computed, in plain values.

    Attributes:
        kind: a plane of weights, a grid of poses, or steps of training.
        network: a name in `landscape.models.MODELS`.
        images: how many there are; of a training, how many are in a batch.
        axes: values along each axis of the grid; of a training, the number of steps.
        side: of the images, pixels.
        device: where everybody computes.
    """

    kind: Kind
    network: str
    images: int
    axes: tuple[int, ...]
    side: int = CIFAR_SIDE
    device: str = "cpu"

    @property
    def points(self) -> int:
        """Points of the grid, or steps."""
        return math.prod(self.axes)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Work":
        """The inverse of `dataclasses.asdict`, also after a passage through JSON."""
        return cls(**{**values, "axes": tuple(values["axes"])})


@dataclass(frozen=True, eq=False)
class Job:
    """The same as tensors, equal for everybody.

    Attributes:
        work: what is to be computed.
        model: in evaluation mode, on the device.
        images: (images, 3, side, side) in [0, 1], on the device.
        labels: one per image.
        directions: of a plane of weights, by axis.
        grid: (points, axes): coefficients along the directions, or poses.
        micro_batch: images in one pass of ours, for those who are to run as many.
    """

    work: Work
    model: nn.Module
    images: Tensor
    labels: Tensor
    directions: tuple[dict[str, Tensor], ...]
    grid: Tensor
    micro_batch: int = 128

    def image_set(self) -> ImageSet:
        """The images as training takes them."""
        return ImageSet(
            name="benchmark",
            split="train",
            pixels=(self.images.cpu() * 255).round().to(torch.uint8),
            labels=self.labels.cpu(),
            classes=tuple(str(i) for i in range(CLASSES)),
            indices=torch.arange(len(self.labels)),
        )


def model_spec(network: str) -> ModelSpec:
    """The network of a work, for 32x32 or larger colour images of ten classes."""
    return ModelSpec(network, classes=CLASSES, channels=CHANNELS)


def prepare(work: Work, path: Path, data_root: Path | None) -> str:
    """Write everything that contestants are given to a file; returns what the images are."""
    count = work.images * work.points if work.kind == "training" else work.images
    images, labels, source = _images(count, work.side, data_root)
    model = build_model(model_spec(work.network), generator=generator(SEED, "weights"))
    _settle(model, images[:SETTLING], draw=generator(SEED, "settle"))
    directions: list[dict[str, Tensor]] = []
    if work.kind == "weights":
        names = [f"axis {i}" for i in range(len(work.axes))]
        made = make_directions(None, Around(weights_of(model), seed=SEED), names)
        directions = [dict(made.vectors[name]) for name in names]
    contents = {
        "weights": model.state_dict(),
        "images": images,
        "labels": labels,
        "directions": directions,
        "grid": _grid(work),
    }
    torch.save(contents, path)
    return source


def load(work: Work, path: Path) -> Job:
    """What `prepare` wrote, on the device of the work."""
    contents = torch.load(path, weights_only=True, map_location=work.device)
    model = build_model(model_spec(work.network), generator=generator(SEED, "weights"))
    model.load_state_dict(contents["weights"])
    return Job(
        work=work,
        model=model.to(work.device).eval(),
        images=contents["images"],
        labels=contents["labels"],
        directions=tuple(contents["directions"]),
        grid=contents["grid"].cpu(),
    )


def _images(count: int, side: int, data_root: Path | None) -> tuple[Tensor, Tensor, str]:
    """CIFAR-10 where it is at hand, otherwise noise; repeated if more are asked for than exist."""
    if side == CIFAR_SIDE:
        try:
            data = load_dataset("cifar10", root=data_root, split="test")
        except InputError:
            pass
        else:
            chosen = torch.arange(count) % len(data)
            return data.images(chosen), data.labels[chosen], "CIFAR-10 test images"
    draw = generator(SEED, "images")
    pixels = torch.randint(256, (count, CHANNELS, side, side), generator=draw)
    labels = torch.randint(CLASSES, (count,), generator=draw)
    return pixels.float() / 255, labels, "uniform noise"


@torch.no_grad()
def _settle(model: nn.Module, images: Tensor, *, draw: torch.Generator) -> None:
    """Make a new network behave like a trained one, whatever its weights are worth.

    BatchNorm gets the statistics of some images, so that no layer's output explodes, and scales
    and biases are scattered, since loss-landscapes divides by them.
    """
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.add_(torch.randn(parameter.shape, generator=draw), alpha=SCATTER)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # a plain mean over the batches seen
    model.train()(images)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    model.eval()


def _grid(work: Work) -> Tensor:
    if work.kind == "training":
        return torch.arange(work.points, dtype=torch.float32)[:, None]
    reach = [1.0] * len(work.axes)
    if work.kind == "poses":
        rotation, right, down = LIMITS
        reach = [rotation, right * work.side, down * work.side]
    axes = [
        torch.linspace(-r, r, n) if n > 1 else torch.zeros(1)
        for r, n in zip(reach, work.axes, strict=True)
    ]
    return torch.cartesian_prod(*axes).view(work.points, -1)
