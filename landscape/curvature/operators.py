"""Matrices of second derivatives of a mean loss, known by their products with vectors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.curvature.gradient import BATCH
from landscape.engine.allocator import keep_memory
from landscape.engine.compute import Compute, arithmetic
from landscape.engine.folding import put
from landscape.engine.passes import Passes
from landscape.engine.prepare import private_copy
from landscape.engine.scores import checked_rows, refuse_unfit
from landscape.engine.threads import threads, usable_threads
from landscape.errors import InputError
from landscape.losses import LossLike, make_loss
from landscape.registry import lookup
from landscape.typing import Inputs, Targets, Weights
from landscape.weights import unflatten

FIRST = 8  # examples on which a loss is tried

Vector = Float[Tensor, " parameters"]
Parts = Sequence[Tensor]
"""A vector of as many numbers as there are weights, in pieces of the shapes of the weights."""

LossOf = Callable[[Tensor], Tensor]
"""From the outputs for some examples to their mean loss."""


def _hessian(outputs: Tensor, loss: LossOf, weights: Parts, vector: Parts) -> Parts:
    gradient = _derivative([loss(outputs)], weights, again=True)
    return _derivative(gradient, weights, vector)


def _gauss_newton(outputs: Tensor, loss: LossOf, weights: Parts, vector: Parts) -> Parts:
    """J' B J v, where J v is the derivative of J' u, which is linear in u."""
    u = torch.zeros_like(outputs, requires_grad=True)
    moved = _derivative(_derivative([outputs], weights, [u], again=True), [u], vector)
    apart = outputs.detach().requires_grad_()
    slope = _derivative([loss(apart)], [apart], again=True)
    return _derivative([outputs], weights, _derivative(slope, [apart], moved))


MATRICES: dict[str, Callable[[Tensor, LossOf, Parts, Parts], Parts]] = {
    "hessian": _hessian,
    "ggn": _gauss_newton,
}
"""By name, the product of a matrix with a vector. "hessian": of the loss with respect to the
weights (Pearlmutter 1994). "ggn": the generalized Gauss-Newton matrix J' B J, with J the derivative
of the outputs and B the Hessian of the loss in the outputs (Schraudolph 2002); it has no negative
eigenvalue where the loss is convex in the outputs, as cross-entropy and squared error are."""


class Curvature:
    """A matrix of second derivatives of the mean loss over all examples, at a network's weights.

    `curvature @ vector` multiplies it by a vector, batch by batch, without ever forming it. The
    weights are those of a private copy in evaluation mode, in float32, or in float64 if the model
    has weights in float64. Weights that the loss does not depend on have zeros.

    Both derivatives are taken backwards. Forward mode lacks operations such as GroupNorm, and under
    `vmap`, as in `torch.func.hessian` and curvlinops, its second derivatives by the weights of a
    LayerNorm are wrong without a word (torch 2.14; see pytorch/functorch issue 534).

    Attributes:
        twin: the copy; its weights may be overwritten.
        weights: its parameters by name, shared ones once.
        device: where it is.
        dtype: of the weights and of the products.
        size: the number of weights, and so of rows and columns.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        targets: Targets,
        *,
        matrix: str = "hessian",
        loss: LossLike = "cross-entropy",
        batch: int = BATCH,
    ) -> None:
        """Copy the model, and try the loss on a few examples.

        Args:
            model: stays as it is; decides the device.
            inputs: (N, ...), on any device; what is not whole numbers takes the model's precision.
            targets: (N, ...), likewise.
            matrix: a name in `MATRICES`.
            loss: see `LossLike`; for "ggn" it should be convex in the outputs.
            batch: examples in a pass, fewer where they do not fit into the memory; the result does
                not depend on it.

        Raises:
            InputError: names that are not known, examples and targets that do not fit together or
                the model, or a loss that is no mean over examples.
        """
        self._multiply = lookup(MATRICES, matrix, kind="matrix of second derivatives")
        self._loss = make_loss(loss)
        refuse_unpaired(inputs, targets)
        if batch < 1:
            raise InputError(f"expected at least one example in a pass, got batch={batch}")
        if not any(True for _ in model.parameters()):
            raise InputError("expected a model with weights to differentiate by, got one without")
        keep_memory()
        self.device = Compute().device_for(model)
        self._passes = Passes(batch, self.device)
        self.twin = private_copy(model, self.device)
        exact = any(p.dtype == torch.float64 for p in self.twin.parameters())
        self.dtype = torch.float64 if exact else torch.float32
        self.twin.to(self.dtype)
        self.weights = dict(self.twin.named_parameters())
        self.size = sum(weight.numel() for weight in self.weights.values())
        self._inputs, self._targets = inputs, targets
        next(self._passes.over(min(FIRST, len(inputs)), self._try))

    def _try(self, chosen: slice) -> None:
        """Refuse a network and a loss that have no second derivative for the first examples."""
        inputs, targets = self._examples(chosen)
        self.twin.requires_grad_(False)
        outputs = checked_rows(self.twin(inputs), len(inputs))  # no graph: nothing learns yet
        refuse_unfit(self._loss, outputs, self._targets.to(targets))
        self.twin.requires_grad_(True)
        with _twice_differentiable(self.twin, self.device), _told():
            value = self._loss.mean(self.twin(inputs), targets)
            _refuse_cut(_derivative([value], list(self.weights.values()), again=True))

    def __matmul__(self, vector: Vector) -> Vector:
        """The product with a vector, in the order of `named_parameters()`.

        Raises:
            InputError: the network has operations that cannot be differentiated twice, or not even
                a single example fits into the memory.
        """
        parts, count = list(self.named(vector).values()), len(self._inputs)
        total = [torch.zeros_like(part) for part in parts]
        with _twice_differentiable(self.twin, self.device), _told():
            for examples, product in self._passes.over(count, partial(self._of_batch, parts)):
                for sum_, part in zip(total, product, strict=True):
                    sum_.add_(part, alpha=examples / count)
        return torch.cat([part.reshape(-1) for part in total])

    def _of_batch(self, vector: Parts, batch: slice) -> tuple[int, Parts]:
        """How many examples, and the product with their matrix; a pass leaves nothing behind."""
        inputs, targets = self._examples(batch)
        outputs = checked_rows(self.twin(inputs), len(inputs))
        loss = partial(self._loss.mean, targets=targets)
        weights = list(self.weights.values())
        return len(inputs), self._multiply(outputs, loss, weights, vector)

    def named(self, vector: Vector) -> dict[str, Tensor]:
        """A vector in pieces of the names, shapes and type of the weights.

        Raises:
            InputError: there are not as many numbers as weights.
        """
        return unflatten(vector, self.weights)

    def put(self, state: Weights) -> None:
        """Overwrite weights and buffers of the copy, by name; others stay as they are."""
        put(self.twin, state)

    def finite(self) -> bool:
        """Whether all weights are."""
        return all(bool(weight.detach().isfinite().all()) for weight in self.weights.values())

    def _examples(self, chosen: slice) -> tuple[Tensor, Tensor]:
        inputs, targets = self._inputs[chosen], self._targets[chosen]
        whole = torch.bool if targets.dtype == torch.bool else torch.int64
        return (
            inputs.to(self.device, self.dtype if inputs.is_floating_point() else None),
            targets.to(self.device, self.dtype if targets.is_floating_point() else whole),
        )


def refuse_unpaired(inputs: Inputs, targets: Targets) -> None:
    """Raise unless there are examples, and a target for each.

    Raises:
        InputError: with their numbers.
    """
    if len(inputs) != len(targets) or not len(inputs):
        raise InputError(
            "expected at least one example and a target for each, got "
            f"{len(inputs)} inputs and {len(targets)} targets"
        )


def _derivative(
    values: Parts, by: Parts, vector: Parts | None = None, *, again: bool = False
) -> Parts:
    """The derivative of the inner product of values and a vector; zero where there is no way.

    Args:
        values: what is differentiated.
        by: with respect to what.
        vector: one tensor per value; none: a single number is differentiated.
        again: whether the result will be differentiated.
    """
    along = [None] * len(values) if vector is None else list(vector)
    # The gradient of a loss that is linear somewhere has constants in it.
    pairs = [(v, a) for v, a in zip(values, along, strict=True) if v.requires_grad]
    if not pairs:
        return [torch.zeros_like(one) for one in by]
    found: Parts = torch.autograd.grad(
        [v for v, _ in pairs],
        by,
        [a for _, a in pairs],
        create_graph=again,
        allow_unused=True,
        materialize_grads=True,
    )
    return found


def _refuse_cut(gradient: Parts) -> None:
    """Raise if some gradient was made by a function that may be differentiated only once.

    PyTorch says so where it comes upon one, but not where only some derivatives are asked for: it
    would take that gradient for a constant.
    """
    met: set[Any] = set()
    ahead: list[Any] = [part.grad_fn for part in gradient]
    while ahead:
        node = ahead.pop()
        if node is None or node in met:
            continue
        if node.name() == "torch::autograd::Error":
            raise RuntimeError("marked with @once_differentiable")
        met.add(node)
        ahead.extend(following for following, _ in node.next_functions)


@contextmanager
def _twice_differentiable(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Full precision, and of each operation the form that has a second derivative."""
    with ExitStack() as stack:
        stack.enter_context(arithmetic(device, "fp32"))
        stack.enter_context(threads(usable_threads()))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if device.type == "cuda" and any(isinstance(m, nn.RNNBase) for m in module.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield


@contextmanager
def _told() -> Iterator[None]:
    """Say what can be done about an operation that has no second derivative."""
    try:
        yield
    except RuntimeError as error:
        said = (str(error).splitlines() or [""])[0]
        if "derivative" in said or "differentia" in said:
            raise InputError(
                f"expected a network and a loss that can be differentiated twice, got an operation "
                f"that cannot ({said}); put another in its place"
            ) from error
        raise
