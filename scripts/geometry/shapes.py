"""The surfaces around the networks, and numbers that say sharper or less convex."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float

import landscape
from geometry.models import BASE, SEED, Work
from landscape.attacks import make_attack
from landscape.curvature import curvature_along, sharpness
from landscape.directions.random import gaussian
from landscape.engine import Compute, Network
from landscape.files import atomic_write
from landscape.measures.convexity import share_bent_down
from landscape.models import Checkpoint
from landscape.weights import normalize, weights_of

CLEAN, OWN = "clean", "own"
DATA = {CLEAN: "test images as they are", OWN: "test images under the attack it was trained with"}
ADAPTIVE, EPSILON = 0.002, 5e-4  # radii: of Kwon et al. 2021's measure, of Keskar et al. 2017's


@dataclass(frozen=True)
class Shape:
    """How sharp one network is on one set of images, with as many values as there are directions.

    Attributes:
        curvature: d' H d along filter-normalized directions.
        rise: of the loss at the edge of each plane above that at its centre, nats, mean.
        bent_down: share of each plane with a negative eigenvalue.
        adaptive: rise within the adaptive radius, nats.
        epsilon: relative rise within the epsilon radius, percent.
    """

    curvature: list[float]
    rise: list[float]
    bent_down: list[float]
    adaptive: float
    epsilon: float


def cases(work: Work) -> list[tuple[str, str]]:
    """Networks and the images they are looked at with; the base has no attack of its own."""
    names = [BASE, *work.budget.attacks]
    return [(n, CLEAN) for n in names] + [(n, OWN) for n in names if n != BASE]


def planes(work: Work, name: str, checkpoint: Checkpoint, data: str) -> list[xr.Dataset]:
    """Planes around one network, along directions that the seeds give all networks alike."""
    budget = work.budget
    images = _images(work)
    steps = np.linspace(-1, 1, budget.side)
    return [
        landscape.weight_surface(
            checkpoint.model,
            images.images(),
            images.labels,
            alpha=steps,
            beta=steps,
            seed=seed,
            attack=budget.attacks[name] if data == OWN else None,
            device=work.device,
            out=plane_file(work, name, data, seed),
            progress=True,
            identity=work.identity(checkpoint),
        )
        for seed in range(budget.seeds)
    ]


def plane_file(work: Work, name: str, data: str, seed: int) -> Path:
    """Where a plane is kept."""
    folder = work.out / "planes"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}-{data}-{seed}.h5"


def shape_of(work: Work, name: str, checkpoint: Checkpoint, data: str) -> Shape:
    """The numbers of one network on one set of images, computed unless they are there."""
    around = planes(work, name, checkpoint, data)
    file = work.out / "planes" / f"{name}-{data}.json"
    known = {"weights": checkpoint.sha256, "budget": repr(work.budget)}
    if file.exists():
        stored = json.loads(file.read_text())
        if stored.pop("of") == known:
            return Shape(**stored)
    images, labels = _images(work).images(), _images(work).labels
    if data == OWN:
        runner = Network(checkpoint.model, Compute(work.device))
        attack, draws = make_attack(work.budget.attacks[name]), landscape.generator(SEED, "attack")
        images = attack(runner, images, labels, generator=draws).images.cpu()
    model, compute = checkpoint.model, Compute(work.device)
    boxes = {
        scale: sharpness(model, images, labels, radius=radius, scale=scale, compute=compute)
        for scale, radius in (("adaptive", ADAPTIVE), ("epsilon", EPSILON))
    }
    shape = Shape(
        curvature=curvature_along(model, images, labels, _directions(work, model)).tolist(),
        rise=[_rise(plane.loss) for plane in around],
        bent_down=[share_bent_down(plane.loss) for plane in around],
        adaptive=boxes["adaptive"].rise,
        epsilon=boxes["epsilon"].relative,
    )
    with atomic_write(file) as temporary:
        temporary.write_text(json.dumps({**vars(shape), "of": known}, indent=1), encoding="utf-8")
    return shape


def _images(work: Work) -> landscape.data.ImageSet:
    every = landscape.load_dataset(work.budget.dataset, root=work.data_root)
    return every.subset(work.budget.surface_images, generator=landscape.generator(SEED, "surface"))


def _directions(work: Work, model: torch.nn.Module) -> list[Mapping[str, torch.Tensor]]:
    weights = weights_of(model)
    found = []
    for number in range(work.budget.curves):
        draws = landscape.generator(SEED, "curvature", number)
        found.append(normalize(gaussian(weights, generator=draws), weights))
    return found


def _rise(loss: xr.DataArray) -> float:
    """How much higher the plane's outermost points lie than its centre, mean."""
    values: Float[np.ndarray, "x y"] = loss.values
    edge = np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])
    centre = values[values.shape[0] // 2, values.shape[1] // 2]
    return float(edge.mean() - centre)


def compare(work: Work, networks: Mapping[str, Checkpoint]) -> dict[tuple[str, str], Shape]:
    """Every network on every set of images that concerns it."""
    return {(n, data): shape_of(work, n, networks[n], data) for n, data in cases(work)}
