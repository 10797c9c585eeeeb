"""The network whose surfaces are swept."""

from pathlib import Path

import landscape
from landscape.models import ModelSpec, build_model, save_checkpoint


def untrained(path: Path) -> None:
    """Write a small network; what it has learned does not matter here."""
    spec = ModelSpec("cnn", classes=10, channels=1)
    model = build_model(spec, generator=landscape.generator(0))
    told = {"data": {"name": "digits"}}
    save_checkpoint(path, model, spec, configuration=told, provenance={})
