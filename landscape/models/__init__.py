"""Networks by name, and checkpoints that hold them.

To add one, write a class or function that takes `(classes, channels, mean, std)` and a line in
`build.MODELS`.
"""

from landscape.models.build import MODELS, ModelFactory, ModelSpec, build_model
from landscape.models.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
    weights_sha256,
)
from landscape.models.contents import write_contents
from landscape.models.layers import Normalize, default_statistics

__all__ = [
    "MODELS",
    "Checkpoint",
    "ModelFactory",
    "ModelSpec",
    "Normalize",
    "build_model",
    "default_statistics",
    "load_checkpoint",
    "save_checkpoint",
    "weights_sha256",
    "write_contents",
]
