"""The direction in which a loss rises most steeply."""

import copy
from collections.abc import Sequence

from landscape.curvature.gradient import mean_gradient
from landscape.directions.base import Around, Drawn
from landscape.errors import InputError
from landscape.weights import norm


def gradient(around: Around, axes: Sequence[str]) -> Drawn:
    """The gradient of the mean loss at the centre, of length one.

    Raises:
        InputError: it is asked for more than one axis, or it vanishes or is not finite.
    """
    if len(axes) > 1:
        raise InputError(
            f"there is one gradient, and {len(axes)} axes; give it to one of them, as in "
            "directions=['gradient', 'random']"
        )
    model, inputs, targets = around.network()
    found = mean_gradient(copy.deepcopy(model).eval(), inputs, targets, around.loss)
    length = norm(found)
    if not 0 < length < float("inf"):
        raise InputError(
            f"the gradient at the trained weights has the norm {length:g}, so that it is no "
            "direction; choose another one"
        )
    unit = {name: (tensor / length).to(around.weights[name]) for name, tensor in found.items()}
    return Drawn([unit], ["along the gradient"], {"gradient_norm": length})
