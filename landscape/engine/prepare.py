"""How a network is best run on inputs of one size: its form, and how many fit into the memory."""

import copy
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from landscape.engine.compute import PRECISIONS, Compute, arithmetic
from landscape.engine.folding import Folding
from landscape.engine.memory import MARGIN, bytes_per_image, free_memory
from landscape.engine.watching import LAYERS, Observation, observe
from landscape.errors import InputError
from landscape.typing import Inputs

log = logging.getLogger("landscape.engine")

TOLERANCE = 1e-3  # of the largest output; folding moves them by rounding, a mistake by far more


@dataclass(frozen=True)
class Prepared:
    """What was settled.

    Attributes:
        module: what runs.
        folding: the BatchNorm layers it does without.
        memory_format: of images and weights.
        memory: bytes that activations may take.
        most_images: or other examples, that fit into one forward pass.
    """

    module: nn.Module
    folding: Folding
    memory_format: torch.memory_format
    memory: int
    most_images: int


@torch.no_grad()
def prepare(
    plain: nn.Module,
    inputs: Inputs,
    compute: Compute,
    *,
    keep: Collection[str] = (),
    enough: int,
) -> Prepared:
    """Try channels-last, fold what can be folded, and see how much memory an example takes.

    Args:
        plain: the private copy; only its memory format is changed.
        inputs: a few, on its device and of its type.
        compute: precision and bounds.
        keep: names of BatchNorm modules that must not be folded.
        enough: examples in one pass that are as good as any number.
    """
    if len(inputs) == 1:
        inputs = torch.cat([inputs, inputs])  # what works for one need not work for more
    with arithmetic(inputs.device, "fp32"):
        memory_format, outputs = _settle_format(plain, inputs)
        inputs = inputs.contiguous(memory_format=memory_format)
        seen = _observe(plain, inputs, keep)
        module, folding = _fold(plain, inputs, seen, outputs)
    module = _with_cast_layers(module, plain, PRECISIONS[compute.precision])
    module.to(memory_format=memory_format)
    memory = compute.memory or free_memory(inputs.device) // 2
    with arithmetic(inputs.device, compute.precision):
        most = _most_images(module, inputs, seen, memory, enough)
    return Prepared(module, folding, memory_format, memory, most)


def _settle_format(module: nn.Module, inputs: Inputs) -> tuple[torch.memory_format, Any]:
    """Channels-last, which is faster, unless the model does not work with it; and what it gives."""
    if inputs.ndim != 4:
        return torch.contiguous_format, module(inputs)
    try:
        module.to(memory_format=torch.channels_last)
        return torch.channels_last, module(inputs.contiguous(memory_format=torch.channels_last))
    except RuntimeError as error:
        # `features.view(n, -1)`, common in published models, needs rows that are contiguous.
        if "view size" not in str(error):
            raise
        module.to(memory_format=torch.contiguous_format)
    return torch.contiguous_format, module(inputs)


def _observe(plain: nn.Module, inputs: Inputs, keep: Collection[str]) -> Observation | None:
    try:
        return observe(plain, inputs, keep=keep)
    except Exception as error:  # a model may do with its tensors whatever it likes
        log.info("the model cannot be watched (%s)", error)
        return None


def _fold(
    plain: nn.Module, inputs: Inputs, seen: Observation | None, outputs: Any
) -> tuple[nn.Module, Folding]:
    """A folded copy, or the module itself where nothing can be folded without changing it."""
    if seen is None or not seen.pairs:
        return plain, Folding()
    folded, folding = copy.deepcopy(plain), Folding(seen.pairs)
    try:
        folding.apply(folded)
        difference = (folded(inputs) - outputs).abs().max()
        same = bool(difference <= TOLERANCE * outputs.abs().max())
    except Exception as error:  # a model may look into its layers in any way
        log.info("BatchNorm not folded (%s)", error)
        return plain, Folding()
    if same:
        return folded, folding
    log.info("BatchNorm not folded: the model does not compute the same without it")
    return plain, Folding()


def _most_images(
    module: nn.Module, inputs: Inputs, seen: Observation | None, memory: int, enough: int
) -> int:
    """How many examples fit into the memory at once.

    Finding what is alive at once costs a second; what is written in all is known and often enough.
    """
    most = int(memory / (MARGIN * seen.bytes_per_image)) if seen else 0
    if most < enough:
        most = int(memory / (MARGIN * bytes_per_image(module, inputs)))
    return max(1, most)


def _with_cast_layers(module: nn.Module, plain: nn.Module, dtype: torch.dtype | None) -> nn.Module:
    """Weights of matrix products in `dtype` once and for all, instead of at every pass."""
    if dtype is None:
        return module
    if module is plain:
        module = copy.deepcopy(plain)
    for layer in module.modules():
        if type(layer) in LAYERS:
            layer.to(dtype)
    return module


def private_copy(model: nn.Module, device: torch.device) -> nn.Module:
    """A copy in evaluation mode that learns nothing, on a device.

    Raises:
        InputError: the model cannot be copied.
    """
    try:
        twin = copy.deepcopy(model)
    except Exception as error:  # whatever the user's modules do when they are copied
        raise InputError(
            f"the model cannot be copied ({error}); surfaces work on a copy so that yours is "
            "never changed, so make copy.deepcopy(model) work"
        ) from error
    for parameter in twin.parameters():
        parameter.grad = None
    return twin.to(device).eval().requires_grad_(False)


def placed(model: nn.Module, device: torch.device) -> nn.Module:
    """The model itself where it is on a device already, else a copy there."""
    own = next((p.device for p in model.parameters()), device)
    return model if own == device else copy.deepcopy(model).to(device)
