"""Small files of every kind that the package reads, made by the package."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import xarray as xr

import landscape
from fuzzing.networks import OTHERS, moved, network
from landscape import store
from landscape.attacks import make_attack
from landscape.data import ImageSet
from landscape.directions.curve import straight
from landscape.rng import generator

IMAGES = torch.rand(5, 1, 8, 8, generator=generator(1))
LABELS = torch.tensor([0, 1, 2, 0, 1])
CLASSES = ("zero", "one", "two")


@dataclass(frozen=True)
class Seed:
    """A file to mutate.

    Attributes:
        kind: for the table.
        path: of the file.
        family: which readers it is for: "surface", "li", "checkpoint", "state" or "curve".
        layout: of a surface: what its writer would be asked to go on with.
    """

    kind: str
    path: Path
    family: str
    layout: store.Layout | None = field(default=None, repr=False)


def make_seeds(folder: Path, only: tuple[str, ...] = ()) -> list[Seed]:
    """Make the files.

    Args:
        folder: for them.
        only: kinds that are wanted; all by default.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # processes that are forked later have no others
    found = list(_surfaces(folder, only))
    others = [one for one in OTHERS if not only or one[0] in only]
    found += [Seed(kind, make(folder), family) for kind, family, make in others]
    return [seed for seed in found if not only or seed.kind in only]


def _surfaces(folder: Path, only: tuple[str, ...]) -> Iterator[Seed]:
    wanted = {kind.partition(": ")[2] for kind in only} | {"weights"}  # which others are made of
    for name, make in SURFACES.items():
        if only and name not in wanted:
            continue
        path = folder / f"{name}.h5"
        make(path)
        layout = layout_of(path)
        yield Seed(f"surface: {name}", path, "surface", layout)
        part = folder / f"{name}-part.h5"
        _fill(part, layout, store.load_surface(path))
        yield Seed(f"unfinished: {name}", part, "surface", layout)
        if name in ("weights", "spatial"):
            old = folder / f"{name}-old.h5"
            _older(part if name == "spatial" else path, old)
            yield Seed(f"schema 1: {name}", old, "surface", layout)


def _spatial(path: Path) -> None:
    grid = {"rotation": [-10, 0, 10], "shift_x": [-1, 0, 1], "shift_y": [-1, 1]}
    landscape.spatial_surface(
        network(), IMAGES[:3], LABELS[:3], **grid, out=path, compile="never", classes=CLASSES
    )


def _weights(path: Path, **changes: Any) -> None:
    chosen: dict[str, Any] = {"alpha": 5, "beta": 3, **changes}
    landscape.weight_surface(network(), IMAGES, LABELS, out=path, compile="never", **chosen)


def _adaptive(path: Path) -> None:
    _weights(path, alpha=33, beta=33, budget=100)


def _line(path: Path) -> None:
    others = {str(i): moved(i) for i in range(4)}
    _weights(path, alpha=5, beta=None, directions="trajectory", checkpoints=others)


def _volume(path: Path) -> None:
    _weights(path, alpha=3, beta=3, gamma=3, fields=("accuracy", "gradient_norm"))


def _curve(path: Path) -> None:
    curve = straight(network(), moved(1))
    landscape.curve_surface(network(), curve, IMAGES, LABELS, t=5, out=path, compile="never")


def _tradeoff(path: Path) -> None:
    landscape.tradeoff(
        lambda name, seed, epoch: moved(seed + epoch),
        IMAGES,
        LABELS,
        networks={"a": "First", "b": "Second"},
        seeds=[0, 1],
        epochs=[1, 2],
        attacks={"worst of 2": "random:k=2"},
        out=path,
    )


def attacked_images() -> ImageSet:
    """The images that the file of an attack is about."""
    pixels = (255 * IMAGES).to(torch.uint8)
    return ImageSet("made-up", "test", pixels, LABELS, CLASSES, torch.arange(len(LABELS)))


def _attack(path: Path) -> None:
    data = attacked_images()
    attack = {path.stem: make_attack("random")}
    landscape.evaluate(
        network(), data, None, attack, seed=0, out=path.parent, keep_images=True, compile="never"
    )


SURFACES: dict[str, Callable[[Path], None]] = {
    "spatial": _spatial,
    "weights": _weights,
    "adaptive": _adaptive,
    "line": _line,
    "volume": _volume,
    "curve": _curve,
    "trade-off": _tradeoff,
    "attack": _attack,
}


def layout_of(path: Path) -> store.Layout:
    """What a finished surface says of itself, as its writer would be told."""
    data = store.load_surface(path)
    known = store.facts(data)
    swept, items = store.swept_axes(data), tuple(known["items"])
    axes = {str(name): _axis(data[name]) for name in data.dims if name in data.coords}
    fields, constants = [], []
    for name, values in data.data_vars.items():
        words = values.attrs.get("long_name", "")
        if name == "done":
            continue
        if "units" in values.attrs:
            own = tuple(axes[str(d)] for d in values.dims if d not in (*swept, *items))
            unit = values.attrs["units"]
            fields.append(store.Field(str(name), str(values.dtype), unit, words, own))
        else:
            dims = tuple(map(str, values.dims))
            constants.append(store.Constant(str(name), dims, values.values, words))
    with h5py.File(path, locking=False) as file:
        directions = store.load_directions(path) if "directions" in file else {}
        named = json.loads(file["directions/parameters"][()]) if directions else []
    configuration = known["configuration"]
    own = {"landscape_schema", "kind", "complete", "items", "configuration", "facts_crc32"}
    return store.Layout(
        kind=known["kind"],
        points=tuple(axes[name] for name in swept),
        items=tuple(axes[name] for name in items),
        fields=tuple(fields),
        constants=tuple(constants),
        configuration=configuration,
        about={n: v for n, v in known.items() if n not in own and n not in configuration},
        directions=directions,
        parameters={name: tuple(shape) for name, shape in named},
    )


def _axis(values: xr.DataArray) -> store.Axis:
    words = values.attrs
    return store.Axis(str(values.name), values.values, words["units"], words["long_name"])


def _fill(path: Path, layout: store.Layout, data: xr.Dataset) -> None:
    """A file that is half full."""
    with store.SurfaceWriter(path, layout) as writer:
        pending = writer.pending()
        indices = pending[: (len(pending) + 1) // 2]
        where = np.unravel_index(indices, layout.grid_shape)
        names = [axis.name for axis in layout.points]
        columns = {f.name: data[f.name].transpose(*names, ...).values[where] for f in layout.fields}
        writer.write(indices, columns)


def _older(source: Path, target: Path) -> None:
    """The same surface as schema 1 had it: the structure of HDF5 1.6, and no checksums."""
    with (
        h5py.File(source, "r", locking=False) as old,
        h5py.File(target, "w", libver=("earliest", "v108")) as new,
    ):
        new.attrs.update({n: v for n, v in old.attrs.items() if n != "facts_crc32"})
        new.attrs["landscape_schema"] = 1
        named = {n: d for n, d in _datasets(old).items() if n != "crc32"}
        for name, data in named.items():
            packed = {"compression": "gzip"} if data.chunks else {}
            copy = new.create_dataset(name, data=data[()], **packed)
            copy.attrs.update({n: data.attrs[n] for n in ("units", "long_name") if n in data.attrs})
            if data.is_scale:
                copy.make_scale(data.attrs["NAME"])
        for name, data in named.items():
            for dim, scales in zip(new[name].dims, data.dims, strict=True):
                for scale in scales.values():
                    dim.attach_scale(new[scale.name])


def _datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    found: dict[str, h5py.Dataset] = {}
    file.visititems(lambda n, o: found.update({n: o}) if isinstance(o, h5py.Dataset) else None)
    return found
