"""What every epoch is worth, and whether robustness is what it looks like."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import xarray as xr

import landscape
from fragility.settings import DEPTHS
from fragility.study import SEED, Variant, Work
from landscape.attacks import PGD
from landscape.engine import Compute
from landscape.evaluation import Masking, Sign, masking
from landscape.files import atomic_write
from landscape.models import load_checkpoint
from landscape.training import TrainResult

Trained = Mapping[tuple[str, int], TrainResult]


def tradeoff(work: Work, networks: Trained) -> xr.Dataset:
    """Clean accuracy and accuracy under every attack, over networks, seeds and epochs."""
    study, test = work.study, work.images("test")
    epochs = sorted(set.intersection(*(set(result.kept) for result in networks.values())) - {0})

    def load(name: str, seed: int, epoch: int) -> Any:
        return load_checkpoint(networks[name, seed].kept[epoch]).model

    return landscape.tradeoff(
        load,
        test.images(),
        test.labels,
        networks={name: variant.title for name, variant in study.variants.items()},
        seeds=range(study.seeds),
        epochs=epochs,
        attacks=study.attacks,
        seed=SEED,
        device=work.device,
        precision=work.precision,
        out=work.out / "tradeoff.h5",
        progress=True,
        identity={
            "model": f"{len(study.variants)} networks",
            "dataset": study.dataset,
            "variants": {name: _described(variant) for name, variant in study.variants.items()},
            "training_images": len(work.images("train")),
            "weights_sha256": {
                f"{name}, seed {seed}": result.checkpoint.sha256
                for (name, seed), result in networks.items()
            },
        },
    )


def _described(variant: Variant) -> dict[str, Any]:
    plain = {**vars(variant), "training": variant.training.as_dict()}
    return dict(json.loads(json.dumps(plain, default=dict)))


def signs(
    work: Work, networks: Trained, budget: str, *, radius: float, epochs: Mapping[str, int]
) -> dict[str, Masking]:
    """Signs of masked gradients in each network, of the first seed.

    The images of the transfer attack are made against the first network, and against the second
    for the first.

    Args:
        work: what is compared.
        networks: every one of them.
        budget: how closely to look.
        radius: of the attack, in [0, 1].
        epochs: after which each network is looked at.
    """
    depth, found = DEPTHS[budget], {}
    test = work.images("test", depth.masking)
    names = list(work.study.variants)
    models = {n: load_checkpoint(networks[n, 0].kept[epochs[n]]) for n in names}
    for number, name in enumerate(names):
        other = models[names[0] if number else names[1]]
        steps, restarts = depth.longer
        known = {
            "weights": [models[name].sha256, other.sha256],
            "data": test.sha256,
            "radius": radius,
            "longer": list(depth.longer),
            "precision": work.precision,
        }
        file = work.out / "masking" / f"{name}.json"
        stored = _recalled(file, known)
        if stored is None:
            stored = masking(
                models[name].model,
                test.images(),
                test.labels,
                attack=PGD(eps=radius, step=radius / 4),
                seed=SEED,
                source=other.model,
                steps=steps,
                restarts=restarts,
                compute=Compute(work.device, work.precision, compile="never"),
            )
            _remember(file, known, stored)
        found[name] = stored
    return found


def _recalled(file: Path, known: Mapping[str, Any]) -> Masking | None:
    if not file.exists():
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))
    if stored.pop("of") != known:
        return None
    signs = tuple(Sign(s["claim"], s["holds"], tuple(s["numbers"])) for s in stored["signs"])
    return Masking(stored["images"], stored["accuracy"], signs)


def _remember(file: Path, known: Mapping[str, Any], found: Masking) -> None:
    with atomic_write(file) as temporary:
        text = json.dumps({**asdict(found), "of": dict(known)}, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")
