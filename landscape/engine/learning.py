"""The forward and backward pass of a network that learns."""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from landscape.engine.allocator import keep_memory
from landscape.engine.compiling import compiled
from landscape.engine.compute import Compute, arithmetic
from landscape.engine.threads import threads, usable_threads
from landscape.losses import predicted
from landscape.typing import Images, Labels

log = logging.getLogger("landscape.engine")


class LearningPass:
    """Mean cross-entropy of a batch, and its gradient with respect to a network's weights.

    The network is the caller's own: a pass adds to the `.grad` of its parameters and, in training
    mode, moves the running statistics of BatchNorm.
    """

    def __init__(self, model: nn.Module, compute: Compute) -> None:
        """Look at the machine; nothing is run yet.

        Args:
            model: on the device and in the memory format in which it learns.
            compute: the precision is taken from it.
        """
        keep_memory()
        self._model, self._precision = model, compute.precision
        self._device = compute.device_for(model)
        self._threads = usable_threads()
        self._fast: Any = None
        self._fast_size = 0

    def compile(self, images: Images, labels: Labels) -> None:
        """From here on run batches of this many images compiled.

        Others, like the rest of an epoch, run as they are, and so do all if the compilation fails,
        which the log tells. The batch itself leaves nothing behind in the network.

        Args:
            images: as those that follow.
            labels: likewise.
        """

        def trial(run: Any) -> None:
            with _unchanged(self._model, self._device):
                self._pass(run, images, labels, 1.0)

        with self._settings():
            self._fast = compiled(self._model, trial)
        self._fast_size = 0 if self._fast is None else len(images)

    def __call__(
        self, images: Images, labels: Labels, *, weight: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """One pass.

        Args:
            images: on the model's device, in its memory format.
            labels: on the same device.
            weight: factor of the gradient, where these images are a part of a batch; 0: none.

        Returns:
            The mean loss [nats] and the number of correct predictions, as scalars on the device.
        """
        run = self._fast if len(images) == self._fast_size else self._model
        with self._settings():
            return self._pass(run, images, labels, weight)

    def _pass(
        self, run: Any, images: Images, labels: Labels, weight: float
    ) -> tuple[Tensor, Tensor]:
        logits = run(images)
        loss = F.cross_entropy(logits.float(), labels)
        with torch.autocast(self._device.type, enabled=False):  # backward keeps forward's types
            loss.backward(torch.full_like(loss, weight))
        correct = (predicted(logits.detach()) == labels).sum()
        return loss.detach(), correct

    @contextmanager
    def _settings(self) -> Iterator[None]:
        with arithmetic(self._device, self._precision), threads(self._threads):
            yield


@contextmanager
def _unchanged(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Put back gradients, buffers and the state of the random numbers after the block."""
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    model.zero_grad(set_to_none=True)
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        for parameter, gradient in gradients:
            parameter.grad = gradient
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)


@dataclass(frozen=True)
class Savings:
    """What compiling saves of the operations between matrix products, forward and backward.

    Attributes:
        operation: seconds per operation and batch, for starting it.
        value: seconds per value that an operation writes, for the way to memory and back.
    """

    operation: float
    value: float


# Nominal figures, not measured on the machine at hand: a training that goes on must decide as it
# did when it began. The CPU's are those of two cores (docs/benchmarks.md); a GPU's are estimates
# from the time it takes to start a kernel and from the rate of its memory.
SAVINGS = {"cpu": Savings(10e-6, 2.5e-9), "cuda": Savings(20e-6, 1e-11)}
BASE_SECONDS, SECONDS_PER_OPERATION = 10.0, 0.5  # of compilation, with nothing cached
MARGIN = 2.0  # by which a gain from nominal figures must exceed its price
PRODUCTS = frozenset({"convolution", "addmm", "mm", "bmm", "baddbmm"})  # not what is compiled


def learning_pays(model: nn.Module, example: Images, *, images: int, batches: int) -> bool:
    """Whether compiling the passes of a whole training saves more time than it takes.

    A function of its arguments alone, never of a clock, and told in the log.

    Args:
        model: stays as it is.
        example: a few images, on the model's device.
        images: that the whole training sees.
        batches: in which it sees them.
    """
    savings = SAVINGS.get(example.device.type)
    if savings is None:
        return False
    twin = copy.deepcopy(model).eval()
    with torch.no_grad(), _Writes() as writes:
        twin(example)
    price = BASE_SECONDS + SECONDS_PER_OPERATION * writes.operations
    per_image = writes.values / len(example)
    saved = batches * writes.operations * savings.operation + images * per_image * savings.value
    pays: bool = saved > MARGIN * price
    log.info(
        "training runs %s: compiling takes about %.0f s and saves about %.0f s",
        "compiled" if pays else "as it is",
        price,
        saved,
    )
    return pays


def leaves_some_out(model: nn.Module, example: Images) -> bool:
    """Whether there are parameters that a network learns without.

    Args:
        model: stays as it is.
        example: two images or more, on the model's device.
    """
    twin = copy.deepcopy(model).train()
    twin.zero_grad(set_to_none=True)
    with torch.random.fork_rng([example.device] if example.device.type == "cuda" else []):
        twin(example).sum().backward()
    return any(p.grad is None for p in twin.parameters() if p.requires_grad)


class _Writes(TorchDispatchMode):
    """Counts operations other than matrix products and views, and the values that they write."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = self.values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view and func.overloadpacket.__name__ not in PRODUCTS:
            written = result[0] if isinstance(result, tuple) else result
            size = written.numel() if isinstance(written, Tensor) else 0
            self.operations += size > 0
            self.values += size
        return result
