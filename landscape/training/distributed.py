"""What several processes that train together do with a batch, its gradients and buffers."""

import os
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from landscape.engine import leaves_some_out
from landscape.processes import Group
from landscape.typing import Images


def share(positions: Tensor, group: Group) -> Tensor:
    """This process' part of a batch: every so-manieth image, or none if there are too few.

    Nobody gets a single image unless the batch is one: BatchNorm cannot learn from it.
    """
    sharing = min(group.size, max(1, len(positions) // 2))
    return positions[group.rank :: sharing] if group.rank < sharing else positions[:0]


def averaging(model: nn.Module, example: Images, group: Group) -> nn.Module:
    """The model such that a backward pass leaves the mean of all processes' gradients.

    Args:
        model: the same in all of them.
        example: two images or more, on its device.
        group: all of them.
    """
    if group.size == 1:
        return model
    return DistributedDataParallel(
        model, find_unused_parameters=group.any(leaves_some_out(model, example))
    )


def gathering(model: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """Within the block a pass of what `averaging` gave leaves the mean only if it is the last.

    Before that a process adds up its own gradients, and nothing travels.
    """
    if last or not isinstance(model, DistributedDataParallel):
        return nullcontext()
    return model.no_sync()


def restarted() -> bool:
    """Whether torchrun starts this command again because a process of it has died."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def align(model: nn.Module, group: Group) -> None:
    """Take over the first process' buffers, such as the running statistics of BatchNorm.

    DDP does so before every pass; this is for who looks at the network between two of them.
    """
    kinds: dict[torch.dtype, list[Tensor]] = {}
    for buffer in model.buffers() if group.size > 1 else ():
        kinds.setdefault(buffer.dtype, []).append(buffer.detach())
    for buffers in kinds.values():
        flat = torch.cat([buffer.reshape(-1) for buffer in buffers])
        dist.broadcast(flat, src=0)
        parts = flat.split([buffer.numel() for buffer in buffers])
        for buffer, part in zip(buffers, parts, strict=True):
            buffer.copy_(part.view_as(buffer))
