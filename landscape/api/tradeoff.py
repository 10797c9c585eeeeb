"""Trade-offs between clean and attacked accuracy in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from landscape.api.common import stored
from landscape.attacks import Attack, make_attack
from landscape.engine import Compute
from landscape.processes import ALONE, Group
from landscape.surfaces import TradeoffSurface, gather
from landscape.surfaces.tradeoff import Load


def tradeoff(
    load: Load,
    images: Any,
    labels: Any = None,
    *,
    networks: Mapping[str, str],
    seeds: Sequence[int],
    epochs: Sequence[int],
    attacks: Mapping[str, Attack | str],
    seed: int = 0,
    precision: str = "fp32",
    device: str | None = None,
    memory: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
    group: Group = ALONE,
    identity: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Accuracy on images as they are and under attack, of several networks, epoch by epoch.

    Args:
        load: gives a network by its name, the seed of its training, and how many epochs it took:
            `train(keep_every=1)` keeps them.
        images: as of `spatial_surface`.
        labels: (N,) class indices.
        networks: titles of the networks by their names.
        seeds: of the trainings.
        epochs: after which they are looked at.
        attacks: by the names they have in figures: themselves, or as `make_attack` reads them.
        seed: of the attacks, the same at every point.
        precision: "fp32" (the models' own), "tf32" on NVIDIA GPUs, or "bf16" for previews.
        device: where to compute; the models' own device by default.
        memory: bytes that the activations of a forward pass may take; half of what is free by
            default.
        out: the HDF5 file to write, and to continue if it holds a part of this.
        overwrite: replace whatever file is at `out`, once the new one is whole.
        progress: show points per second and time left on standard error.
        group: processes that compute it together, `landscape.processes.joined()` under torchrun:
            each calls this alike, and the first one has the dataset and the file.
        identity: what names networks and data in the file, JSON values.

    Returns:
        A dataset, in memory unless it is large, with
        `accuracy` (a share) and `loss` [nats] over the dimensions
        (network, seed, epoch, attack), of which the first attack is none.

    Raises:
        InputError: something of the input cannot be used; the message says what and why.
    """
    images, labels = gather(images, labels)
    made = {n: make_attack(a) if isinstance(a, str) else a for n, a in attacks.items()}
    surface = TradeoffSurface(
        load,
        images,
        labels,
        networks=networks,
        seeds=seeds,
        epochs=epochs,
        attacks=made,
        seed=seed,
        compute=Compute(device and group.place(device), precision, memory, compile="never"),
        identity=identity or {},
    )
    return stored(surface, out, overwrite, progress, group)
