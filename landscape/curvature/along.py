"""The second derivative of a mean loss along directions in weight space."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from landscape.curvature.operators import BATCH, Curvature
from landscape.losses import LossLike
from landscape.typing import Inputs, Targets, Weights
from landscape.weights import inner


def curvature_along(
    model: nn.Module,
    images: Inputs,
    labels: Targets,
    directions: Sequence[Weights],
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
        images: (N, ...), or any other inputs of the model.
        labels: (N, ...), or any other targets of the loss.
        directions: one tensor per parameter each.
        loss: see `LossLike`.
        matrix: a name in `MATRICES`.

    Returns:
        In units of the loss (nats, of cross-entropy) per squared unit of each direction.

    Raises:
        InputError: what `Curvature` raises.
    """
    curvature = Curvature(model, images, labels, matrix=matrix, loss=loss, batch=BATCH)
    found = []
    for direction in directions:
        along = {name: direction[name].to(weight) for name, weight in curvature.weights.items()}
        product = curvature @ torch.cat([part.reshape(-1) for part in along.values()])
        found.append(inner(along, curvature.named(product)))
    return np.array(found)
