"""Random directions."""

from collections.abc import Sequence

import torch

from landscape.directions.base import Around, Drawn
from landscape.rng import generator
from landscape.typing import Weights


def random(around: Around, axes: Sequence[str]) -> Drawn:
    """Independent standard normal numbers, with a generator of its own for every axis.

    Source: Li et al. 2018, sec. 4.
    """
    vectors = [
        gaussian(around.weights, generator=generator(around.seed, "direction", axis))
        for axis in axes
    ]
    return Drawn(vectors)


def gaussian(weights: Weights, *, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """A standard normal number for every weight.

    Drawn in float32 on the CPU, so that a seed means the same on every device and in float64.
    """
    return {
        name: torch.randn(weight.shape, generator=generator, dtype=torch.float32).to(weight)
        for name, weight in weights.items()
    }
