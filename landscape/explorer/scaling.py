"""The scale that the page asks for, as far as the values allow it."""

import numpy as np
from jaxtyping import Float

from landscape.explorer.words import number
from landscape.plots.scales import Scale, can_be_logarithmic, clipped_scale, scale_of


def chosen_scale(values: Float[np.ndarray, "..."], wanted: str, quantile: float) -> Scale:
    """The scale of a name in `state.SCALES`; linear where a logarithmic one is not possible.

    Args:
        values: all that are to be compared.
        wanted: the name.
        quantile: up to which a clipped scale goes.
    """
    if wanted == "clipped":
        return clipped_scale(values, quantile)
    if wanted == "auto":
        return scale_of(values)
    return scale_of(values, log=wanted == "log" and can_be_logarithmic(values))


def remark(scale: Scale, wanted: str) -> str:
    """What a reader must know of the scale; empty for nothing."""
    if scale.clipped:
        return f"cut off at {number(scale.high)}, the largest value is {number(scale.largest)}"
    if wanted == "log" and not scale.log:
        return "linear: these values have no logarithms"
    if wanted == "auto" and scale.log:
        return "logarithmic, as the values span more than two decades"
    return ""
