"""Loss landscapes of image classifiers: over poses of the input, and around trained weights.

    import landscape

    s = landscape.spatial_surface(model, images, labels, out="poses.h5")
    w = landscape.weight_surface(model, images, labels, out="plane.h5")
    landscape.plot(w)

Everything here is loaded when it is first used, so that reading and drawing a stored surface, and
`landscape --help`, do not wait for torch.
"""

from importlib import import_module, metadata
from typing import Any

PUBLIC = {
    "ATTACKS": "landscape.attacks",
    "average_sharpness": "landscape.curvature",
    "barrier": "landscape.measures.barrier",
    "complete_part": "landscape.store",
    "connect": "landscape.training.curve",
    "curvature_along": "landscape.curvature",
    "curve_surface": "landscape.api",
    "DATASETS": "landscape.data",
    "eigenpairs": "landscape.curvature",
    "evaluate": "landscape.evaluation",
    "generator": "landscape.rng",
    "InputError": "landscape.errors",
    "load_attacked": "landscape.evaluation",
    "load_checkpoint": "landscape.models",
    "load_curve": "landscape.directions.curve",
    "load_dataset": "landscape.data",
    "load_surface": "landscape.store",
    "local_maxima": "landscape.measures.maxima",
    "make_attack": "landscape.attacks",
    "masking": "landscape.evaluation",
    "minima": "landscape.measures.minima",
    "MODELS": "landscape.models",
    "ModelSpec": "landscape.models",
    "open_surface": "landscape.store",
    "plot": "landscape.api",
    "PLOTS": "landscape.plots",
    "plots_for": "landscape.plots",
    "read_li_surface": "landscape.store",
    "recipe_config": "landscape.training",
    "RECIPES": "landscape.training",
    "rotate_shift": "landscape.spatial",
    "share_bent_down": "landscape.measures.convexity",
    "sharpness": "landscape.curvature",
    "shift_consistency": "landscape.evaluation",
    "spatial_surface": "landscape.api",
    "spectral_density": "landscape.curvature",
    "spectrum": "landscape.measures.roughness",
    "straight": "landscape.directions.curve",
    "total_variation": "landscape.measures.roughness",
    "trace": "landscape.curvature",
    "tradeoff": "landscape.api",
    "train": "landscape.training",
    "TrainConfig": "landscape.training",
    "weight_surface": "landscape.api",
    "with_attacked": "landscape.evaluation",
    "write_exports": "landscape.export",
    "write_li_surface": "landscape.store",
    "write_plots": "landscape.plots",
}
"""Every public name, and the module it lives in."""

__all__ = [*PUBLIC, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("landscape")
    if name not in PUBLIC:
        raise AttributeError(f"module 'landscape' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
