"""How a gradient moves the weights."""

from typing import Any

import torch
from torch import nn

from landscape.training.config import TrainConfig

ADAPTIVE: dict[str, type[torch.optim.Adam]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
FUSED = ("cpu", "cuda")  # devices on which a step of all weights is one kernel


def make_optimizer(
    model: nn.Module, config: TrainConfig, device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer that a training is set to have.

    Args:
        model: whose parameters it moves.
        config: its name and settings.
        device: where these are.
    """
    parameters, fused = _decaying(model, config), device.type in FUSED
    if config.optimizer in ADAPTIVE:
        return ADAPTIVE[config.optimizer](parameters, lr=config.learning_rate, fused=fused)
    return torch.optim.SGD(
        parameters,
        lr=config.learning_rate,
        momentum=config.momentum,
        nesterov=config.nesterov,
        fused=fused,
    )


def _decaying(model: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """All parameters in groups by how much they decay; biases and BatchNorm have one axis."""
    weights = [p for p in model.parameters() if p.ndim > 1 or config.decay == "all"]
    others = [p for p in model.parameters() if p.ndim <= 1 and config.decay != "all"]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
