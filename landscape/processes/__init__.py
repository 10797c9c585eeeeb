"""Several processes that work together, as `torchrun` starts them."""

from landscape.processes.board import Board
from landscape.processes.group import (
    ALONE,
    Group,
    deferred_stop,
    heard_signals,
    is_loss_of_another,
    joined,
)

__all__ = [
    "ALONE",
    "Board",
    "Group",
    "deferred_stop",
    "heard_signals",
    "is_loss_of_another",
    "joined",
]
