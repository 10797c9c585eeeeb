"""This package on the same work, through its engine and its training."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.plain import LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, Done, Repetition
from benchmarks.work import SEED, Job
from landscape.engine import Compute, Network, WeightPoints
from landscape.spatial import Warp
from landscape.training import TrainConfig
from landscape.training.learner import Learner

SEEN = 30 * 50_000  # images of the training whose steps are measured: 30 epochs of CIFAR-10


def weights(job: Job, compute: Compute) -> Repetition:
    """Every point of a plane by `WeightPoints`."""
    network = Network(job.model, compute)
    count = len(job.images)
    network.expect(job.work.points * count, unit=count)
    points_of = WeightPoints(network, job.images, job.labels, job.directions)

    def run(points: Tensor) -> Done:
        rows = [[points_of.measure(point)["loss"].value] for point in points.tolist()]
        return Done(len(points) * len(job.images), rows, network.passes.size)

    return run


def poses(job: Job, compute: Compute) -> Repetition:
    """Every pose of a grid by `Network.score_poses`; loss, margin and prediction are all kept."""
    network = Network(job.model, compute)
    count = len(job.images)
    network.expect(job.work.points * count, unit=count, grouped=True)

    def run(points: Tensor) -> Done:
        scored = list(network.score_poses(job.images, job.labels, points, Warp()))
        losses = torch.stack([scores.loss for scores in scored])
        losses.max(dim=0)
        return Done(len(points) * len(job.images), losses.tolist(), network.passes.size)

    return run


def training(job: Job, compute: Compute, *, adversary: str | None = None) -> Repetition:
    """Steps of `landscape.train`, out of the middle of a training of usual length."""
    data = job.image_set()
    config = TrainConfig(
        epochs=max(1, SEEN // len(data)),
        batch_size=job.work.images,
        learning_rate=LEARNING_RATE,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
        adversary=adversary,
        precision="bf16" if compute.precision == "bf16" else "fp32",
    )
    device = torch.device(job.work.device)
    learner = Learner(job.model, data, config, seed=SEED, device=device, compile=compute.compile)
    learner.prepare()
    batches = _batches(learner)

    def run(points: Tensor) -> Done:
        seen = 0
        for _ in points:
            positions = next(batches)
            learner.take_step(positions)
            seen += len(positions)
        learner.collect()
        return Done(seen, micro_batch=job.work.images)

    return run


def _batches(learner: Learner) -> Iterator[Tensor]:
    while True:
        yield from learner.rest_of_epoch()
