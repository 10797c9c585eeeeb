"""Small networks, and files that hold no surface, made by the package."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

from landscape.directions.curve import straight
from landscape.models import ModelSpec, build_model, save_checkpoint
from landscape.rng import generator
from landscape.store import (
    load_surface,
    write_li_directions,
    write_li_projection,
    write_li_surface,
)
from landscape.training.state import write_state

SETTINGS = {"model": {"name": "lenet5"}, "seed": 0}
SPEC = ModelSpec("cnn", classes=10, channels=1)


def network() -> nn.Module:
    """A small convolutional network for images of 8 x 8 pixels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 3)
        )


def moved(seed: int) -> nn.Module:
    """The same network with other weights."""
    model = network()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator(seed))
    return model


def _li_surface(folder: Path) -> Path:
    path = folder / "li.h5"
    write_li_surface(load_surface(folder / "weights.h5"), path, dir_file="directions.h5")
    return path


def _li_directions(folder: Path) -> Path:
    path = folder / "li-directions.h5"
    tensors = [parameter.detach().numpy() for parameter in network().parameters()]
    write_li_directions({"alpha": tensors, "beta": tensors}, path)
    return path


def _li_projection(folder: Path) -> Path:
    path = folder / "li-projection.h5"
    write_li_projection({"alpha": np.arange(4.0), "beta": np.ones(4)}, path)
    return path


def _checkpoint(folder: Path) -> Path:
    path = folder / "model.pt"
    model = build_model(SPEC, generator=generator(0))
    about = {"data": {"name": "digits"}}
    save_checkpoint(path, model, SPEC, configuration=about, provenance={"commit": "0"})
    return path


def _state_dict(folder: Path) -> Path:
    path = folder / "state-dict.pth"
    torch.save(build_model(SPEC, generator=generator(0)).state_dict(), path)
    return path


def _legacy(folder: Path) -> Path:
    path = folder / "legacy.pth"
    state = build_model(SPEC, generator=generator(0)).state_dict()
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path


def _safetensors(folder: Path) -> Path:
    path = folder / "weights.safetensors"
    state = build_model(SPEC, generator=generator(0)).state_dict()
    safetensors.torch.save_file(state, path)
    return path


def _state(folder: Path) -> Path:
    path = folder / "state.pt"
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    weights = {"weights": model.state_dict(), "optimizer": optimizer.state_dict()}
    write_state(path, SETTINGS, {"step": 3, "totals": {"loss": 1.0}, **weights})
    return path


def _curve_file(folder: Path) -> Path:
    path = folder / "curve.pt"
    straight(network(), moved(1), bends=1).save(path)
    return path


OTHERS: tuple[tuple[str, str, Callable[[Path], Path]], ...] = (
    ("Li: surface", "li", _li_surface),
    ("Li: directions", "li", _li_directions),
    ("Li: projection", "li", _li_projection),
    ("checkpoint", "checkpoint", _checkpoint),
    ("state dict", "checkpoint", _state_dict),
    ("state dict, before PyTorch 1.6", "checkpoint", _legacy),
    ("safetensors", "checkpoint", _safetensors),
    ("training state", "state", _state),
    ("curve", "curve", _curve_file),
)
