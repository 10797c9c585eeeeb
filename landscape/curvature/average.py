"""How much higher a loss becomes, on average, when noise is added to the weights."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from landscape.curvature.boxes import SCALES
from landscape.curvature.operators import FIRST, refuse_unpaired
from landscape.engine import Compute, Network
from landscape.engine.prepare import private_copy
from landscape.engine.scores import refuse_unfit
from landscape.errors import InputError
from landscape.losses import LossLike, make_loss
from landscape.numerics import RunningMean
from landscape.registry import lookup
from landscape.rng import generator
from landscape.typing import Inputs, Outputs, PerExample, Targets
from landscape.weights import weights_of

DEFAULT = Compute()


@dataclass(frozen=True)
class AverageSharpness:
    """What noise does to a mean loss.

    Attributes:
        loss: mean loss at the weights.
        rise: by how much it is higher under noise, the mean over the draws.
        standard_error: of the rise, over the draws; nan of a single one.
        draws: of the noise.
    """

    loss: float
    rise: float
    standard_error: float
    draws: int


def average_sharpness(
    model: nn.Module,
    inputs: Inputs,
    targets: Targets,
    *,
    radius: float,
    scale: str = "adaptive",
    draws: int = 20,
    loss: LossLike = "cross-entropy",
    seed: int = 0,
    compute: Compute = DEFAULT,
) -> AverageSharpness:
    """The mean rise of a mean loss under Gaussian noise on all weights.

    E[L(w + radius scale(w) e)] - L(w), e standard normal (Andriushchenko et al. 2023, "A modern
    look at the relationship between sharpness and generalization"). For a small radius it
    is half the square of the radius times the trace of the Hessian, in units of the scale. Each
    draw of the noise is used with either sign, so that the slope of the loss adds no error. The
    same seed is the same noise at every radius, and for every network of the same architecture.

    Args:
        model: evaluated as a copy in evaluation mode.
        inputs: (N, ...).
        targets: (N, ...).
        radius: standard deviation of the noise, in units of the scale.
        scale: a name in `SCALES`.
        draws: of the noise.
        loss: see `LossLike`.
        seed: of the noise.
        compute: where and how.

    Raises:
        InputError: names that are not known, numbers out of range, or a loss that does not fit.
    """
    reach, of = lookup(SCALES, scale, kind="scale of a change of weights"), make_loss(loss)
    if not 0 <= radius < float("inf") or draws < 1:
        raise InputError(
            f"expected a finite radius, not negative, and at least one draw, got {radius} and "
            f"{draws}"
        )
    refuse_unpaired(inputs, targets)
    network = Network(model, compute)
    network.expect(len(inputs) * (2 * draws + 1))
    targets = targets.to(network.device)
    refuse_unfit(of, network.outputs(inputs[:FIRST]), targets)

    def each(outputs: Outputs, part: slice) -> PerExample:
        return of(outputs, targets[part])

    before = float(network.outputs(inputs, each).mean())
    twin, rises = private_copy(model, network.device), RunningMean()
    centre = {name: weight.clone() for name, weight in weights_of(twin).items()}
    noise = generator(seed, "noise")
    for _ in range(draws):
        steps = {
            name: radius * reach(weight) * torch.randn(weight.shape, generator=noise).to(weight)
            for name, weight in centre.items()
        }
        after = 0.0
        for sign in (1, -1):
            for name, weight in weights_of(twin).items():
                weight.copy_(centre[name] + sign * steps[name])
            network.refresh(twin)
            after += float(network.outputs(inputs, each).mean()) / 2
        rises.add(np.array([after - before]))
    mean = rises.result()
    return AverageSharpness(before, mean.value, mean.standard_error, draws)
