"""What happens in a forward pass: who reads which output, and how much memory is written."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from landscape.engine.folding import Pair
from landscape.typing import Inputs

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)

ASKING = frozenset({"__get__", "__len__", "dim", "size", "numel", "is_floating_point"})
"""Functions that read the shape or kind of a tensor, if no tensor is their result."""


def has_batchnorm(model: nn.Module) -> bool:
    """Whether a network has BatchNorm layers that keep statistics."""
    return any(isinstance(m, NORMS) and m.running_mean is not None for m in model.modules())


def bn_between(model: nn.Module) -> str:
    """What BatchNorm goes by between networks unless it is said: measured anew, if there is any.

    The statistics of either end fit no other network.
    """
    return "recompute" if has_batchnorm(model) else "frozen"


@dataclass(frozen=True)
class Observation:
    """What one forward pass showed.

    Attributes:
        pairs: layers that could take in the BatchNorm behind them.
        bytes_per_image: all that was written for one image, which bounds what is alive at once.
    """

    pairs: tuple[Pair, ...]
    bytes_per_image: int


def observe(module: nn.Module, images: Inputs, *, keep: Collection[str] = ()) -> Observation:
    """Watch one forward pass of a module in evaluation mode.

    A layer and a BatchNorm are a pair if both are used once, nothing but the BatchNorm reads the
    layer's output, its statistics are fixed, and their weights are no one else's.

    Args:
        module: is run once.
        images: what it is run on.
        keep: names of BatchNorm modules that must stay.
    """
    with torch.no_grad(), _Watch(module) as watch:
        module(images)
    named, shared = dict(module.named_modules()), _shared_parameters(module)
    pairs = []
    for layer, readers in watch.readers.items():
        norm = named.get(readers[0]) if len(readers) == 1 and readers[0] else None
        if norm is None or readers[0] in keep or watch.calls[readers[0]] != 1:
            continue
        touched = {id(p) for m in (named[layer], norm) for p in m.parameters()}
        if watch.calls[layer] == 1 and not touched & shared:
            pairs.append(Pair(layer, readers[0], float(norm.eps)))
    return Observation(tuple(pairs), max(1, watch.written // len(images)))


class _Watch(TorchFunctionMode):
    """Who reads the outputs of the layers that could take a BatchNorm in."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.calls: dict[str, int] = {}
        self.readers: dict[str, list[str]] = {}  # by layer: the BatchNorm, or "" for anyone else
        self.written = 0  # bytes
        self._outputs: dict[int, tuple[str, Tensor]] = {}  # kept, so that no id is used twice
        self._norm = ""
        self._handles: list[Any] = []
        for name, child in module.named_modules():
            if child._forward_hooks or child._forward_pre_hooks:
                continue  # someone else looks at its input or output
            if type(child) in LAYERS:
                self._handles.append(child.register_forward_hook(partial(self._layer_done, name)))
            elif type(child) in NORMS and _is_fixed(child):
                before = partial(self._norm_starts, name)
                self._handles.append(child.register_forward_pre_hook(before))
                self._handles.append(child.register_forward_hook(self._norm_done))

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        read = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if made or getattr(func, "__name__", "") not in ASKING:
            self._note(read)
        old = {tensor.untyped_storage().data_ptr() for tensor in read}
        new = {s.data_ptr(): s.nbytes() for s in (tensor.untyped_storage() for tensor in made)}
        self.written += sum(size for where, size in new.items() if where not in old)
        return result

    def _note(self, read: list[Tensor]) -> None:
        for tensor in read:
            if id(tensor) in self._outputs:
                readers = self.readers[self._outputs[id(tensor)][0]]
                if self._norm not in readers:
                    readers.append(self._norm)

    def _layer_done(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        self.readers.setdefault(name, [])
        self._outputs[id(output)] = (name, output)

    def _norm_starts(self, name: str, module: nn.Module, inputs: Any) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        self._norm = name

    def _norm_done(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._norm = ""


def _is_fixed(norm: nn.Module) -> bool:
    return not norm.training and norm.running_mean is not None


def _shared_parameters(module: nn.Module) -> set[int]:
    seen: set[int] = set()
    every = [id(p) for _, p in module.named_parameters(remove_duplicate=False)]
    return {i for i in every if i in seen or seen.add(i)}  # type: ignore[func-returns-value]
