"""BatchNorm merged into the layer before it, where that changes nothing but the time it takes.

In evaluation mode BatchNorm is a fixed scale and shift per channel, so that a convolution or linear
layer whose output nothing else reads can do it in passing: W' = s W, b' = s (b - mean) + beta with
s = gamma / sqrt(var + eps). The map from W, b and beta to W' and b' is affine, hence a step along a
direction stays one; it is not where gamma or the statistics move.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape.typing import Weights


@dataclass(frozen=True)
class Pair:
    """The names of a layer and of the BatchNorm behind it, and what the BatchNorm divides by."""

    layer: str
    norm: str
    eps: float


class Folding:
    """The pairs of a network that are folded, as a map from its weights to those of the folded one.

    Names are those of `named_parameters` and `named_buffers`. A folded network has the same, less
    those of the BatchNorm layers, and a bias in every folded layer.
    """

    def __init__(self, pairs: Collection[Pair] = ()) -> None:
        self.pairs = tuple(pairs)

    def apply(self, module: nn.Module) -> None:
        """Fold in place."""
        weights = self.weights(state_of(module))
        for pair in self.pairs:
            layer = module.get_submodule(pair.layer)
            for name in ("weight", "bias"):
                folded = weights[f"{pair.layer}.{name}"]
                setattr(layer, name, nn.Parameter(folded, requires_grad=False))
            parent, _, last = pair.norm.rpartition(".")
            setattr(module.get_submodule(parent), last, nn.Identity())

    def weights(self, state: Weights) -> dict[str, Tensor]:
        """The folded weights and buffers from the plain ones, see `state_of`."""
        folded = self._others(state)
        for pair in self.pairs:
            scale = _scale(pair, state)
            bias = _get(state, f"{pair.layer}.bias", like=scale)
            beta = _get(state, f"{pair.norm}.bias", like=scale)
            mean = state[f"{pair.norm}.running_mean"].double()
            shift = (bias - mean) * scale + beta
            self._put(folded, pair, state, scale, shift)
        return folded

    def direction(self, direction: Weights, state: Weights) -> dict[str, Tensor]:
        """A direction in the folded weights; `state` are the plain ones it starts from."""
        folded = self._others(direction)
        for pair in self.pairs:
            scale = _scale(pair, state)
            bias = _get(direction, f"{pair.layer}.bias", like=scale)
            beta = _get(direction, f"{pair.norm}.bias", like=scale)
            self._put(folded, pair, direction, scale, bias * scale + beta)
        return folded

    def _others(self, state: Weights) -> dict[str, Tensor]:
        gone = tuple(f"{pair.norm}." for pair in self.pairs)
        return {name: tensor for name, tensor in state.items() if not name.startswith(gone)}

    def _put(
        self, folded: dict[str, Tensor], pair: Pair, source: Weights, scale: Tensor, shift: Tensor
    ) -> None:
        weight = source[f"{pair.layer}.weight"]
        across = scale.view(-1, *[1] * (weight.ndim - 1))
        folded[f"{pair.layer}.weight"] = (weight.double() * across).to(weight)
        folded[f"{pair.layer}.bias"] = shift.to(weight)


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers of a module by name, detached and not copied."""
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {name: tensor.detach() for name, tensor in named.items()}


def put(module: nn.Module, state: Weights) -> None:
    """Overwrite weights and buffers of a private copy, by name; others stay as they are."""
    held = state_of(module)
    for name, value in state.items():
        held[name].copy_(value)


def _scale(pair: Pair, state: Mapping[str, Tensor]) -> Tensor:
    spread = (state[f"{pair.norm}.running_var"].double() + pair.eps).rsqrt()
    gamma = state.get(f"{pair.norm}.weight")
    return spread if gamma is None else gamma.double() * spread


def _get(weights: Weights, name: str, *, like: Tensor) -> Tensor:
    tensor = weights.get(name)
    return torch.zeros_like(like) if tensor is None else tensor.double()
