"""What a researcher writes without a library: set the weights or move the images, run, repeat.

Eager PyTorch with its defaults: one batch, the default memory format, no autocast. The same loops
in float64 are the reference that all values are compared with.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.work import LIMITS, Job

BATCH = 128
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.1, 0.9, 5e-4
TRIES = 10  # poses of worst-of-10


@dataclass(frozen=True)
class Done:
    """What one repetition did.

    Attributes:
        images: how many images were scored, or trained on.
        values: one row per point of the grid: its loss, or the loss of each image; empty where a
            contestant computes something that cannot be compared point by point.
        micro_batch: images in one pass, where the contestant has chosen it.
    """

    images: int
    values: list[list[float]] = field(default_factory=list)
    micro_batch: int | None = None


Repetition = Callable[[Tensor], Done]
"""Computes some points of the grid, given as (points, axes)."""


def weight_loop(job: Job, *, batch: int | None = None) -> Repetition:
    """Every point: all weights set by name, all images (in batches, if told to), the mean loss."""
    centre = {name: p.detach().clone() for name, p in job.model.named_parameters()}
    parts = _batches(job, batch)

    @torch.no_grad()
    def run(points: Tensor) -> Done:
        losses = []
        for point in points.tolist():
            for name, parameter in job.model.named_parameters():
                steps = zip(point, job.directions, strict=True)
                parameter.copy_(centre[name] + sum(c * d[name] for c, d in steps))
            total = sum(F.cross_entropy(job.model(x), y, reduction="sum").item() for x, y in parts)
            losses.append([total / len(job.images)])
        return Done(len(points) * len(job.images), losses)

    return run


def li_loop(job: Job) -> Repetition:
    """In the style of Li et al.'s released code: parameter by parameter, a loader over the data."""
    parameters = list(job.model.parameters())
    weights = [p.data.clone() for p in parameters]
    directions = [list(direction.values()) for direction in job.directions]
    data = TensorDataset(job.images.cpu(), job.labels.cpu())
    loader = DataLoader(data, batch_size=BATCH, shuffle=False, num_workers=2)
    criterion = nn.CrossEntropyLoss()

    def run(points: Tensor) -> Done:
        losses = []
        for point in points.tolist():
            for parameter, weight, *steps in zip(parameters, weights, *directions, strict=True):
                change = sum(c * d for c, d in zip(point, steps, strict=True))
                parameter.data = weight + change
            total, correct = 0.0, 0
            with torch.no_grad():
                for images, labels in loader:
                    images, labels = images.to(job.work.device), labels.to(job.work.device)
                    outputs = job.model(images)
                    total += criterion(outputs, labels).item() * len(labels)
                    correct += int(outputs.argmax(1).eq(labels).sum().item())
            losses.append([total / len(data)])
        return Done(len(points) * len(data), losses)

    return run


def pose_loop(job: Job, *, batch: int | None = None) -> Repetition:
    """Every pose: all images warped in one batch and scored; each image's worst pose is kept."""
    parts = _batches(job, batch)

    @torch.no_grad()
    def run(points: Tensor) -> Done:
        rows = []
        worst = torch.full((len(job.images),), -math.inf, device=job.work.device)
        for pose in points.to(job.images):
            scored = [
                F.cross_entropy(job.model(_warped(x, pose.expand(len(x), 3))), y, reduction="none")
                for x, y in parts
            ]
            loss = torch.cat(scored)
            worst = torch.maximum(worst, loss)
            rows.append(loss)
        return Done(len(points) * len(job.images), torch.stack(rows).tolist())

    return run


def training_loop(job: Job, *, worst_of: int = 0) -> Repetition:
    """The usual loop: a shuffling loader, cross-entropy, SGD with momentum.

    Args:
        job: what to train on.
        worst_of: how many random poses are tried on each image, in evaluation mode, before a step
            on the worst of them; 0 trains on the images as they are.
    """
    data = TensorDataset(job.images.cpu(), job.labels.cpu())
    loader = DataLoader(data, batch_size=job.work.images, shuffle=True)
    batches: Iterator[tuple[Tensor, Tensor]] = cycle(loader)
    model = job.model.train()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
    )

    def run(points: Tensor) -> Done:
        seen = 0
        for _ in points:
            images, labels = (part.to(job.work.device) for part in next(batches))
            if worst_of:
                images = _worst_of(model, images, labels, worst_of)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            seen += len(labels)
        return Done(seen)

    return run


@torch.no_grad()
def _worst_of(model: nn.Module, images: Tensor, labels: Tensor, tries: int) -> Tensor:
    model.eval()
    rotation, right, down = LIMITS
    reach = images.new_tensor([rotation, right * images.shape[-1], down * images.shape[-2]])
    worst, found = images, images.new_full((len(images),), -math.inf)
    for _ in range(tries):
        moved = _warped(images, (2 * torch.rand(len(images), 3).to(images) - 1) * reach)
        loss = F.cross_entropy(model(moved), labels, reduction="none")
        worse = loss > found
        worst = torch.where(worse[:, None, None, None], moved, worst)
        found = torch.where(worse, loss, found)
    model.train()
    return worst


def _warped(images: Tensor, poses: Tensor) -> Tensor:
    """Square images rotated about the centre, then shifted; bilinear, black outside."""
    angle = torch.deg2rad(poses[:, 0])
    cos, sin = angle.cos(), angle.sin()
    right, down = (poses[:, 1:] * (2 / images.shape[-1])).unbind(dim=1)
    rows = (cos, -sin, sin * down - cos * right, sin, cos, -sin * right - cos * down)
    matrices = torch.stack(rows, dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _batches(job: Job, batch: int | None) -> list[tuple[Tensor, Tensor]]:
    size = batch or len(job.images)
    return list(zip(job.images.split(size), job.labels.split(size), strict=True))
