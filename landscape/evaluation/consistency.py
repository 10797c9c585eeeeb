"""Whether a network says the same of an image wherever it is shown (Zhang 2019)."""

import torch
from jaxtyping import Int
from torch import Generator, Tensor, nn

from landscape.engine import Compute, Network
from landscape.errors import InputError
from landscape.losses import predicted
from landscape.numerics import Mean, RunningMean
from landscape.registry import lookup
from landscape.spatial import PADDINGS, Warp
from landscape.typing import Images

CIRCULAR = "circular"
DEFAULT = Compute()


def shift_consistency(
    model: nn.Module,
    images: Images,
    *,
    limit: int,
    generator: Generator,
    pairs: int = 1,
    edges: str = CIRCULAR,
    compute: Compute = DEFAULT,
) -> Mean:
    """How often an image is taken for the same class in two random places (Zhang 2019).

    Args:
        model: takes images and returns logits; evaluated as a copy in evaluation mode.
        images: (N, C, H, W).
        limit: whole pixels that an image is shifted by at most, in each direction.
        generator: of the shifts.
        pairs: of places, for each image.
        edges: "circular": what leaves on one side comes in on the other, and nothing is lost; or
            what lies outside, a name in `landscape.spatial.PADDINGS`.
        compute: where and how.

    Returns:
        The share of pairs that agree, in [0, 1], with its standard error over images. What is nan
        is taken for no class, and agrees with nothing.

    Raises:
        InputError: no images or pairs, a limit out of range, or edges that are not known.
    """
    lookup(dict.fromkeys((CIRCULAR, *PADDINGS)), edges, kind="edges")
    side = min(images.shape[-2:])
    if len(images) == 0 or pairs < 1 or not 0 <= limit < side:
        raise InputError(
            f"expected images, one or more pairs and a limit from 0 to {side - 1} pixels, got "
            f"{len(images)} images, pairs={pairs}, limit={limit}"
        )
    network = Network(model, compute)
    # Image by image, so that the shifts do not depend on how a data set is cut into batches.
    moves = torch.randint(-limit, limit + 1, (len(images), pairs, 2, 2), generator=generator)
    agreed = torch.zeros(len(images), dtype=torch.float64)
    for pair in range(pairs):
        seen = [_predicted(network, images, moves[:, pair, place], edges) for place in (0, 1)]
        agreed += ((seen[0] == seen[1]) & (seen[0] >= 0)).double() / pairs
    mean = RunningMean()
    mean.add(agreed.numpy())
    return mean.result()


def _predicted(
    network: Network, images: Images, moves: Int[Tensor, "batch 2"], edges: str
) -> Int[Tensor, " batch"]:
    logits = torch.cat(
        [
            network.logits(_shifted(part, by, edges))
            for part, by in zip(
                images.split(network.passes.size), moves.split(network.passes.size), strict=True
            )
        ]
    )
    return predicted(logits).cpu()


def _shifted(images: Images, moves: Int[Tensor, "batch 2"], edges: str) -> Images:
    """Each image shifted by (x, y) whole pixels, right and down."""
    if edges != CIRCULAR:
        poses = torch.cat([torch.zeros(len(moves), 1), moves.float()], dim=1)
        return Warp(padding=edges)(images, poses)
    height, width = images.shape[-2:]
    x, y = moves.to(images.device).unbind(dim=1)
    rows = (torch.arange(height, device=images.device) - y[:, None]) % height
    columns = (torch.arange(width, device=images.device) - x[:, None]) % width
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return images.movedim(1, -1)[batch, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
