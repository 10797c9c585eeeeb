"""The second derivative of a mean loss along directions in weight space."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import nn

from landscape.curvature.gradient import BATCH
from landscape.curvature.operators import Curvature
from landscape.losses import LossLike
from landscape.typing import Inputs, Targets
from landscape.weights import direction_of, flatten, inner


def curvature_along(
    model: nn.Module,
    inputs: Inputs,
    targets: Targets,
    directions: Sequence[Any],
    *,
    loss: LossLike = "cross-entropy",
    matrix: str = "hessian",
) -> Float[np.ndarray, " directions"]:
    """The curvature d' H d, with H the Hessian of a mean loss at the model's weights.

    In evaluation mode, by exact products (Pearlmutter 1994). With filter-normalized directions (Li
    et al. 2018) it does not depend on the scale of the filters, and compares networks. Of a ReLU
    network it tells of the piece of the loss that the weights lie in.

    Args:
        model: stays as it is.
        inputs: (N, ...).
        targets: (N, ...).
        directions: each a flat vector, a mapping by parameter name, or one tensor per parameter.
        loss: see `LossLike`.
        matrix: a name in `MATRICES`.

    Returns:
        In units of the loss (nats, of cross-entropy) per squared unit of each direction.

    Raises:
        InputError: what `Curvature` raises, or a direction does not fit or is not finite.
    """
    curvature = Curvature(model, inputs, targets, matrix=matrix, loss=loss, batch=BATCH)
    found = []
    for direction in directions:
        along = direction_of(direction, curvature.weights)
        product = curvature @ flatten(along)
        found.append(inner(along, curvature.named(product)))
    return np.array(found)
