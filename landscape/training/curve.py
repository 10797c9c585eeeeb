"""Mode connectivity: training a curve of low loss between two networks."""

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, nn

from landscape.directions.curve import Curve, straight
from landscape.engine import Compute
from landscape.errors import InputError
from landscape.losses import LossLike, make_loss
from landscape.progress import progress as progress_bar
from landscape.training.curve_learner import CurveLearner, Descent
from landscape.typing import Inputs, Targets

DEFAULT = Compute()
SEEDS = 2**62


def connect(
    first: nn.Module,
    second: nn.Module,
    batches: Iterable[Any],
    *,
    epochs: int,
    learning_rate: float,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    loss: LossLike = "cross-entropy",
    generator: Generator,
    bends: int = 1,
    compute: Compute = DEFAULT,
    progress: bool = False,
) -> Curve:
    """Train a Bezier curve of low loss between two networks, whose ends stay where they are.

    The control points start evenly on the straight line. Every batch is learned from at a point of
    the curve that is drawn uniformly in t, by the network in training mode, so that BatchNorm goes
    by the batch: its statistics are to be measured anew wherever the curve is looked at (Garipov et
    al. 2018, "Loss surfaces, mode connectivity, and fast ensembling of DNNs"). All
    parameters learn, whether or not they require a gradient in the given networks, which stay as
    they are; so does PyTorch's global random state.

    Args:
        first: where the curve starts, at t = 0.
        second: where it ends, at t = 1; of the same architecture.
        batches: of (inputs, targets), gone through once an epoch: a list, a DataLoader,
            `landscape.training.batches.ImageBatches`. What has no length is counted first.
        epochs: passes over the batches.
        learning_rate: at its highest, see `landscape.training.curve_learner.curve_rate`.
        momentum: of the gradient, without dampening.
        weight_decay: L2 penalty of the point of the curve where a step is taken, not of the control
            points, as in the paper's code, whose default this is.
        loss: see `landscape.losses.make_loss`.
        generator: on the CPU, of all that is drawn: points of the curve, random layers, and what
            the batches take from PyTorch's global random state.
        bends: control points between the two ends.
        compute: device and precision; nothing is compiled.
        progress: show it on standard error.

    Returns:
        The curve, on the CPU.

    Raises:
        InputError: the networks are not of one architecture, a setting is out of range, the batches
            cannot be gone through again or do not suit the networks, or the training diverges.
    """
    for name, value in (("epochs", epochs), ("bends", bends)):
        if value < 1:
            raise InputError(f"{name} is at least 1, got {value}")
    line = straight(first, second, bends=bends)
    with _drawing_alone(compute.device_for(first)):
        count = _count(batches)
    descent = Descent(
        epochs * count, learning_rate, momentum, weight_decay, make_loss(loss), compute.precision
    )
    learner, history = CurveLearner(first, line, descent, compute), []
    with (
        _drawing_alone(learner.device),
        progress_bar(descent.steps, "training a curve", unit="batches", enabled=progress) as bar,
    ):
        for epoch in range(epochs):
            _seed(learner.device, int(torch.randint(SEEDS, (), generator=generator)))
            for batch in batches:
                t = float(torch.rand((), generator=generator, dtype=torch.float64))
                learner.step(*_pair(batch), t=t)
                bar.advance(1)
            history.append(learner.close_epoch())
            bar.note(f"epoch {epoch + 1}: loss {history[-1]:.4g}")
    return learner.curve(tuple(history))


def _count(batches: Iterable[Any]) -> int:
    """How many batches there are."""
    if isinstance(batches, Iterator):
        raise InputError(
            f"expected batches that can be gone through once an epoch, got a "
            f"{type(batches).__name__}, which is used up after one; give a list or a DataLoader"
        )
    try:
        count = len(batches) if isinstance(batches, Sized) else sum(1 for _ in batches)
    except TypeError:  # a DataLoader of a stream has a length that it does not know
        count = sum(1 for _ in batches)
    if count == 0:
        raise InputError("expected at least one batch of (inputs, targets), got none")
    return count


def _pair(batch: Any) -> tuple[Inputs, Targets]:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise InputError(
            f"expected batches of (inputs, targets), got a {type(batch).__name__}; give pairs of "
            "tensors or arrays"
        )
    inputs, targets = (torch.as_tensor(part) for part in batch)
    if not len(inputs) or len(inputs) != len(targets):
        raise InputError(
            f"expected a target for each of at least one input, got {len(targets)} for "
            f"{len(inputs)}"
        )
    return inputs, targets


@contextmanager
def _drawing_alone(device: torch.device) -> Iterator[None]:
    """Put PyTorch's global random state back after the block."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


def _seed(device: torch.device, seed: int) -> None:
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
