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
    "DATASETS": "landscape.data",
    "InputError": "landscape.errors",
    "MODELS": "landscape.models",
    "ModelSpec": "landscape.models",
    "PLOTS": "landscape.plots",
    "RECIPES": "landscape.training",
    "TrainConfig": "landscape.training",
    "curvature_along": "landscape.curvature",
    "evaluate": "landscape.evaluation",
    "generator": "landscape.rng",
    "local_maxima": "landscape.measures.maxima",
    "load_checkpoint": "landscape.models",
    "load_dataset": "landscape.data",
    "load_surface": "landscape.store",
    "make_attack": "landscape.attacks",
    "load_attacked": "landscape.evaluation",
    "masking": "landscape.evaluation",
    "open_surface": "landscape.store",
    "plot": "landscape.api",
    "plots_for": "landscape.plots",
    "recipe_config": "landscape.training",
    "rotate_shift": "landscape.spatial",
    "share_bent_down": "landscape.measures.convexity",
    "sharpness": "landscape.curvature",
    "shift_consistency": "landscape.evaluation",
    "spatial_surface": "landscape.api",
    "spectrum": "landscape.measures.roughness",
    "total_variation": "landscape.measures.roughness",
    "tradeoff": "landscape.api",
    "train": "landscape.training",
    "with_attacked": "landscape.evaluation",
    "weight_surface": "landscape.api",
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
