"""Why gradient ascent gets stuck: dense surfaces, the ways it goes on them, and their maxima."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import nn

import landscape
from landscape.attacks import Ascent, FirstOrder
from landscape.data import ImageSet
from landscape.engine import Network
from landscape.files import atomic_write
from landscape.measures.maxima import local_maxima
from landscape.plots.prepare import worst_pose
from landscape.plots.style import LOSS_COLOURS, WORST, new_figure, page_width, style
from landscape.spatial import SpatialLimits

ROTATIONS, SHIFTS = 121, 41
COUNTED, DRAWN = 24, 4  # images
WAYS, STEPS = 6, 200
NEAR = 0.9  # of the highest loss on the surface: there a way has arrived
SHOWN = ("standard", "worst10-30")
START = {"marker": "o", "color": "white", "markeredgecolor": "black", "markersize": 3}
END = {"marker": "X", "color": "#ff9f1c", "markeredgecolor": "black", "markersize": 5}


@dataclass(frozen=True)
class Finding:
    """What gradient ascent does on the surfaces of a model.

    Attributes:
        images: how many were looked at.
        maxima: local maxima of each image's surface.
        arrived: share of the ways, over all images, whose best pose has at least 90 % of the
            highest loss on the surface.
    """

    images: int
    maxima: list[int]
    arrived: float


def draw(models: Mapping[str, nn.Module], test: ImageSet, out: Path, *, seed: int) -> list[Path]:
    """The loss over rotation and shift right, the ways of gradient ascent on it, and a count.

    The attack is held to the plane, so that its ways lie on what is drawn.

    Args:
        models: by recipe; those in `SHOWN` are looked at.
        test: images to choose from.
        out: the folder; gets why.png, why.pdf and why.json.
        seed: of the choice and of the starts.
    """
    some = test.subset(min(COUNTED, len(test)), generator=landscape.generator(seed, "why"))
    shown = [name for name in SHOWN if name in models] or list(models)[:2]
    findings = {}
    with style():
        figure = new_figure(page_width(), 1.75 * len(shown) + 0.5)
        axes = figure.subplots(len(shown), min(DRAWN, len(some)), squeeze=False)
        for row, name in zip(axes, shown, strict=True):
            surface, ascent = _looked_at(models[name], some, out / name / "plane.h5", seed)
            maxima = local_maxima(surface.loss).sum(["rotation", "shift_x", "shift_y"])
            arrived = _arrived(surface, ascent)
            findings[name] = Finding(len(some), maxima.values.tolist(), float(arrived.mean()))
            for i, ax in enumerate(row):
                _panel(ax, surface.isel(image=i), ascent.trajectory[:, :, i])
                ax.set_title(f"{int(maxima[i])} maxima, {arrived[:, i].sum()} of {WAYS} arrive")
                ax.tick_params(labelbottom=ax in axes[-1], labelleft=i == 0)
            row[0].set_ylabel(f"{name}\nshift right [px]")
        for ax in axes[-1]:
            ax.set_xlabel("rotation [°]")
        marks = [("start", START), (f"end of {STEPS} steps", END), ("worst pose", WORST)]
        handles = [Line2D([], [], ls="", label=label, **mark) for label, mark in marks]
        figure.legend(handles=handles, ncols=3, loc="outside upper center")
        files = [out / f"why{ending}" for ending in (".png", ".pdf")]
        for file in files:
            figure.savefig(file)
    with atomic_write(out / "why.json") as temporary:
        told = {name: asdict(finding) for name, finding in findings.items()}
        temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return [*files, out / "why.json"]


def _looked_at(
    model: nn.Module, images: ImageSet, file: Path, seed: int
) -> tuple[xr.Dataset, Ascent]:
    """The dense surface, and gradient ascent from a few poses of each image."""
    reach = 0.1 * images.shape[2]
    surface = landscape.spatial_surface(
        model,
        images.images(),
        images.labels,
        rotation=np.linspace(-30, 30, ROTATIONS),
        shift_x=np.linspace(-reach, reach, SHIFTS),
        shift_y=[0.0],
        out=file,
        progress=True,
    )
    attack = FirstOrder(steps=STEPS, restarts=WAYS, limits=SpatialLimits(30.0, reach, 0.0))
    draws = landscape.generator(seed, "ways")
    return surface, attack(Network(model), images.images(), images.labels, generator=draws)


def _arrived(surface: xr.Dataset, ascent: Ascent) -> np.ndarray:
    """Of each way from each image: whether it came near the highest loss."""
    top = surface.loss.max(["rotation", "shift_x", "shift_y"]).values
    best: np.ndarray = ascent.trajectory_loss.amax(dim=1).cpu().numpy()
    return best >= NEAR * top


def _panel(ax: Axes, surface: xr.Dataset, ways: torch.Tensor) -> None:
    loss = surface.loss.isel(shift_y=0).transpose("shift_x", "rotation")
    ax.pcolormesh(surface.rotation, surface.shift_x, loss, cmap=LOSS_COLOURS, shading="nearest")
    for way in ways:
        rotation, shift = way[:, 0].cpu(), way[:, 1].cpu()
        ax.plot(rotation, shift, color="white", lw=0.8)
        ax.plot(rotation[0], shift[0], **START)
        ax.plot(rotation[-1], shift[-1], **END)
    worst = worst_pose(surface)
    ax.plot(worst.rotation, worst.shift_x, clip_on=False, **WORST)
