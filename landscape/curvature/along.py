"""The second derivative of a mean loss along directions in weight space."""

import copy
import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import nn

from landscape.typing import Images, Labels, Weights
from landscape.weights import inner

BATCH = 128  # images in a product; a Hessian needs several times the memory of a forward pass


def curvature_along(
    model: nn.Module, images: Images, labels: Labels, directions: Sequence[Weights]
) -> Float[np.ndarray, " directions"]:
    """The curvature d' H d, with H the Hessian of the mean cross-entropy at the model's weights.

    In evaluation mode, by exact products (curvlinops; Pearlmutter 1994). With filter-normalized
    directions (Li et al. 2018) it does not depend on the scale of the filters, and compares
    networks. Of a ReLU network it tells of the piece of the loss that the weights lie in.

    Args:
        model: stays as it is.
        images: (N, C, H, W), on the model's device.
        labels: (N,).
        directions: one tensor per parameter each.

    Returns:
        Nats per squared unit of each direction.
    """
    with warnings.catch_warnings():
        # Of what is loaded at first use, here and in torch's forward mode.
        warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)
        from curvlinops import HessianLinearOperator

        twin = copy.deepcopy(model).eval().requires_grad_(True)
        parameters = dict(twin.named_parameters())
        hessian = HessianLinearOperator(
            twin,
            nn.CrossEntropyLoss(),
            list(parameters.values()),
            list(zip(images.split(BATCH), labels.split(BATCH), strict=True)),
            check_deterministic=False,  # it is in evaluation mode
        )
        found = []
        for direction in directions:
            along = {name: direction[name].to(p) for name, p in parameters.items()}
            products = hessian @ list(along.values())
            found.append(inner(along, dict(zip(parameters, products, strict=True))))
    return np.array(found)
