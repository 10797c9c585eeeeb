"""Accuracy of a model under attacks."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from landscape.attacks import Attack
from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.numerics import RunningMean, wilson_interval
from landscape.progress import progress
from landscape.rng import generator
from landscape.typing import Images, Labels

BATCH = 500  # images attacked together


@dataclass(frozen=True)
class Evaluation:
    """One row of a table: how a model fares under one attack.

    Attributes:
        attack: its name.
        accuracy: share of images that are still classified correctly.
        interval: 95 % Wilson interval of the accuracy.
        loss: mean cross-entropy at the poses found, nats.
        images: how many were attacked.
        evaluations: forward passes per image.
    """

    attack: str
    accuracy: float
    interval: tuple[float, float]
    loss: float
    images: int
    evaluations: int


def evaluate(
    model: nn.Module,
    images: Images,
    labels: Labels,
    attacks: Mapping[str, Attack],
    *,
    seed: int,
    device: str | None = None,
    precision: str = "fp32",
    memory: int | None = None,
    compile: str = "auto",
    show_progress: bool = False,
) -> list[Evaluation]:
    """Attack every image with every attack.

    Args:
        model: takes images and returns logits; evaluated as a copy in evaluation mode.
        images: (N, C, H, W).
        labels: (N,).
        attacks: by the name they have in the table.
        seed: of the random attacks; each attack has a generator of its own.
        device: where to compute; the model's own device by default.
        precision: "fp32" (the model's own), "tf32" on NVIDIA GPUs, or "bf16".
        memory: bytes that the activations of a forward pass may take; half of what is free by
            default.
        compile: `torch.compile` "always", "never", or where it saves more time than it takes.
        show_progress: show images per second on standard error.

    Returns:
        One row per attack, in the order given.

    Raises:
        InputError: no images, not as many labels, or labels the model has no output for.
    """
    if len(images) == 0 or len(labels) != len(images):
        raise InputError(
            "expected one or more images and a label for each, "
            f"got {len(images)} images and {len(labels)} labels"
        )
    network = Network(model, Compute(device, precision, memory, compile=compile))
    evaluations = sum(attack.evaluations for attack in attacks.values())
    network.expect(len(images) * evaluations, unit=min(BATCH, len(images)))
    return [
        _evaluate_one(network, images, labels, name, attack, seed, show_progress)
        for name, attack in attacks.items()
    ]


def _evaluate_one(
    network: Network,
    images: Images,
    labels: Labels,
    name: str,
    attack: Attack,
    seed: int,
    show_progress: bool,
) -> Evaluation:
    draws: torch.Generator = generator(seed, "attack", name)
    loss, correct, evaluations = RunningMean(), 0, 0
    with progress(len(images), name, unit="images", enabled=show_progress) as bar:
        for x, y in zip(images.split(BATCH), labels.split(BATCH), strict=True):
            result = attack(network, x, y, generator=draws)
            loss.add(result.loss.double().cpu().numpy())
            correct += int((~result.success).sum())
            evaluations = result.evaluations
            bar.advance(len(x))
    return Evaluation(
        attack=name,
        accuracy=correct / len(images),
        interval=wilson_interval(correct, len(images)),
        loss=loss.mean,
        images=len(images),
        evaluations=evaluations,
    )
