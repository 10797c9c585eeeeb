"""How finished networks fare when images are moved, and what their spatial surfaces are like."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

import landscape
from fragility.curves import Trained
from fragility.report import spread, table
from fragility.settings import DEPTHS
from fragility.study import SEED, Work
from landscape.attacks import Attack, RandomPose, make_attack
from landscape.engine import Compute
from landscape.evaluation import Evaluation
from landscape.measures.maxima import local_maxima
from landscape.measures.roughness import spectrum, total_variation
from landscape.numerics import Mean
from landscape.plots import write_together
from landscape.spatial import SpatialLimits

LIMIT = 4  # pixels that images are shifted by when it is asked whether predictions agree
ATTACKS: dict[str, Attack] = {
    "natural": make_attack("natural"),
    "random": make_attack("random"),
    "worst of 10": make_attack("worst-of-10"),
    "worst of 100": make_attack("random:k=100"),
    "grid": make_attack("grid-first"),
    "worst of 100, 90° and 8 px": RandomPose(100, SpatialLimits(90.0, 8.0, 8.0)),
}
"""The last one is to leave next to nothing: the claims are about attacks that a network cannot
hide from, since they climb no gradient, but they may look at too few poses."""
FEW = {name: ATTACKS[name] for name in ("natural", "worst of 10")} | {
    "grid": make_attack("grid-first:rotations=3,shifts=3")
}
"""With the budget smoke."""
EDGES = ("circular", "zeros")
POSE = ["rotation", "shift_x", "shift_y"]


@dataclass(frozen=True)
class Finding:
    """What was measured of one network of one seed.

    Attributes:
        attacked: under every attack, and what images made against another network do.
        consistency: of predictions in two places, by what comes in at the edges.
        turned: the surface over rotation and shift right.
        shifted: the surface over both shifts, in steps of a fraction of a pixel.
    """

    attacked: Sequence[Evaluation]
    consistency: Mapping[str, Mean]
    turned: xr.Dataset
    shifted: xr.Dataset


def _power(finding: Finding, frequency: float) -> xr.DataArray:
    """The power of the loss at a frequency of the shift right, in cycles per pixel."""
    found = spectrum(finding.shifted.loss, "shift_x")
    return found.sel(frequency=frequency, method="nearest")


def grids(budget: str) -> dict[str, dict[str, np.ndarray]]:
    """The axes of the two surfaces; shifts end just before 4 pixels, after whole periods of one."""
    fine, coarse = (64, 17) if budget != "smoke" else (16, 3)
    still = np.zeros(1)
    turns, across = np.linspace(-30, 30, 4 * coarse - 7), np.linspace(-2, 2, coarse)
    return {
        "turned": {"rotation": turns, "shift_x": _shifts(fine // 2), "shift_y": still},
        "shifted": {"rotation": still, "shift_x": _shifts(fine), "shift_y": across},
    }


def _shifts(count: int) -> np.ndarray:
    return np.arange(-count // 2, count // 2) * (2 * LIMIT / count)


def looked_at(work: Work, networks: Trained, budget: str) -> dict[tuple[str, int], Finding]:
    """Every network, attacked by poses and swept, as far as it is not there yet."""
    depth = DEPTHS[budget]
    test, few = work.images("test", depth.images), work.images("test", depth.surfaces)
    every, names = work.images("test", depth.shifted), list(work.study.variants)
    found = {}
    for (name, seed), result in networks.items():
        model, sha256 = result.checkpoint.model, result.checkpoint.sha256
        other = networks[names[names.index(name) ^ 1], seed].checkpoint.model
        identity = {"model": name, "weights_sha256": sha256, "dataset": work.study.dataset}
        folder = work.out / name / str(seed)
        attacked = landscape.evaluate(
            model,
            test,
            None,
            ATTACKS if budget != "smoke" else FEW,
            seed=SEED,
            shown_to={names[names.index(name) ^ 1]: other},
            device=work.device,
            precision=work.precision,
            compile="never",
            out=folder / "tested",
            identity=identity,
            show_progress=True,
        )
        consistency = {
            edges: landscape.shift_consistency(
                model,
                every.images(),
                limit=LIMIT,
                generator=landscape.generator(SEED, "consistency"),
                edges=edges,
                compute=Compute(work.device, work.precision, compile="never"),
            )
            for edges in EDGES
        }
        surfaces = {
            kind: landscape.spatial_surface(
                model,
                few.images(),
                few.labels,
                **grid,
                device=work.device,
                compile="never",
                out=folder / f"{kind}.h5",
                progress=True,
                identity=identity,
                image_ids=few.indices.tolist(),
                classes=few.classes,
            )
            for kind, grid in grids(budget).items()
        }
        found[name, seed] = Finding(attacked, consistency, **surfaces)
    return found


ROUGHNESS: dict[str, Callable[[Finding], xr.DataArray]] = {
    "maxima, rotation x shift": lambda f: local_maxima(f.turned.loss).sum(POSE),
    "maxima, shift x shift": lambda f: local_maxima(f.shifted.loss).sum(POSE),
    "variation, nats/°": lambda f: total_variation(f.turned.loss, "rotation"),
    "variation, nats/px": lambda f: total_variation(f.shifted.loss, "shift_x"),
    "times up or down in 8 px": lambda f: total_variation(f.shifted.loss, "shift_x", relative=True),
    **{
        f"power at {name} cycles/px": partial(_power, frequency=frequency)
        for name, frequency in (("1/4", 0.25), ("1/2", 0.5), ("1", 1.0))
    },
}
"""Of the surfaces of one network; their means over images and lines are what is told."""


def page(work: Work, found: Mapping[tuple[str, int], Finding]) -> str:
    """The tables; numbers are means over seeds with their standard errors."""
    attacked, transfer, agreed, rough = [], [], [], []
    titles = {name: variant.title for name, variant in work.study.variants.items()}
    for name, title in titles.items():
        findings = [finding for (n, _), finding in found.items() if n == name]
        attacked.append([title, *_accuracies(findings, "")])
        other = next(row.tested_on for row in findings[0].attacked if row.tested_on)
        transfer.append([f"{title}, shown to {titles[other]}", *_accuracies(findings, other)])
        agreed.append([title, *(_consistency(findings, edges) for edges in EDGES)])
        values = {
            measure: np.array([float(of(finding).mean()) for finding in findings])
            for measure, of in ROUGHNESS.items()
        }
        rough.append([title, *(spread(column, 1, 3) for column in values.values())])
    rows = [row for row in next(iter(found.values())).attacked if not row.tested_on]
    images, attacks = rows[0].images, [row.attack for row in rows]
    return "\n".join(
        [
            table([f"accuracy, %, {images} images", *attacks], attacked),
            table(["images made against", *attacks], transfer),
            table(["shift consistency, %", *EDGES], agreed),
            table(["surfaces", *ROUGHNESS], rough),
        ]
    )


def _accuracies(findings: Sequence[Finding], tested_on: str) -> list[str]:
    rows = [[row for row in f.attacked if row.tested_on == tested_on] for f in findings]
    return [
        spread(np.array([row.accuracy for row in column])) for column in zip(*rows, strict=True)
    ]


def _consistency(findings: Sequence[Finding], edges: str) -> str:
    return spread(np.array([finding.consistency[edges].value for finding in findings]), digits=2)


def draw(work: Work, found: Mapping[tuple[str, int], Finding]) -> list[Path]:
    """The surfaces of the first seed side by side on one scale, and their spectra."""
    files = []
    for kind in grids("smoke"):
        surfaces = {
            work.study.variants[name].title: getattr(finding, kind)
            for (name, seed), finding in found.items()
            if seed == 0
        }
        files += write_together(surfaces, stem=work.out / kind)
    return files
