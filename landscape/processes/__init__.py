"""Several processes that work together, as `torchrun` starts them."""

from landscape.processes.board import Board
from landscape.processes.group import (
    ALONE,
    Group,
    heard_signals,
    is_loss_of_another,
    joined,
    shared_stop,
)

__all__ = [
    "ALONE",
    "Board",
    "Group",
    "heard_signals",
    "is_loss_of_another",
    "joined",
    "shared_stop",
]
