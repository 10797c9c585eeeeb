"""Random directions."""

import torch

from landscape.typing import Weights


def gaussian(weights: Weights, *, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Independent standard normal numbers for every weight (Li et al. 2018, sec. 4).

    Drawn in float32 on the CPU, so that a seed means the same on every device and in float64.
    """
    return {
        name: torch.randn(weight.shape, generator=generator, dtype=torch.float32).to(weight)
        for name, weight in weights.items()
    }
