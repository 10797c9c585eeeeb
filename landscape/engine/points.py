"""Running one network with many weights: the points of a line, plane or volume around its own."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from landscape.engine.folding import state_of
from landscape.engine.network import MICRO_BATCH, Network
from landscape.engine.scores import refuse_unfit
from landscape.engine.watching import NORMS
from landscape.losses import LOSSES, Loss, correct
from landscape.numerics import Mean, RunningMean
from landscape.typing import Inputs, Outputs, PerExample, Targets, Weights

Metric = Callable[[Outputs, Targets], PerExample]
Attacking = Callable[[Network, Inputs, Targets], Inputs]

CROSS_ENTROPY = LOSSES["cross-entropy"]
ACCURACY: Mapping[str, Metric] = {"accuracy": correct}
FIRST = 64  # examples on which a loss is tried


@dataclass(frozen=True)
class Sample:
    """Data on which every point is measured.

    Attributes:
        inputs: (N, ...).
        targets: (N, ...).
        attack: what is made of the inputs at every point, on the network there.
    """

    inputs: Inputs
    targets: Targets
    attack: Attacking | None = None

    def seen(self, network: Network) -> Inputs:
        """The inputs that the network is shown as it is now."""
        return self.inputs if self.attack is None else self.attack(network, *self.pair)

    @property
    def pair(self) -> tuple[Inputs, Targets]:
        """Inputs and targets."""
        return self.inputs, self.targets


class WeightPoints:
    """The loss of a network as a function of coefficients along fixed directions.

    The network's private weights are overwritten at every point by centre + sum of coefficients
    times directions, never accumulated; those that no direction moves are left alone.

    Attributes:
        batch: examples whose BatchNorm statistics are taken together. They change with it, so it is
            the caller's, or the usual one, whatever the engine chooses for passes.
    """

    def __init__(
        self,
        network: Network,
        inputs: Inputs,
        targets: Targets,
        directions: Sequence[Weights],
        *,
        loss: Loss = CROSS_ENTROPY,
        metrics: Mapping[str, Metric] = ACCURACY,
        recompute_batchnorm: bool = False,
        attack: Attacking | None = None,
        others: Mapping[str, Sample] | None = None,
    ) -> None:
        """Place data and directions beside the network.

        Args:
            network: its weights become this object's to move.
            inputs: the data set on which every point is evaluated.
            targets: one per example.
            directions: one tensor per parameter each, in the order of the coefficients.
            loss: of outputs and targets.
            metrics: what else is counted per example, by name.
            recompute_batchnorm: measure BatchNorm statistics anew at every point, on these inputs
                or, if there are others called "train", on those, instead of keeping the trained
                ones.
            attack: what is made of the inputs at every point, on the network there.
            others: further data, by the name that precedes their fields.

        Raises:
            InputError: targets that the model has no output for, or a loss that is no mean.
        """
        plain = network.plain_state
        norms = [n for n, m in network.module.named_modules() if isinstance(m, NORMS)]
        keep = norms if recompute_batchnorm else _moved(norms, directions)
        network.prepare(inputs[:2], keep=keep)
        self._network, self.batch = network, network.compute.micro_batch or MICRO_BATCH
        self._columns: dict[str, Metric] = {"loss": loss, **metrics}
        given = {"": Sample(inputs, targets, attack), **(others or {})}
        self._samples = {name: self._near(sample) for name, sample in given.items()}
        for sample in self._samples.values():
            refuse_unfit(loss, network.outputs(sample.inputs[:FIRST]), sample.targets)
        self._batchnorms = [
            module
            for module in network.module.modules()
            if recompute_batchnorm and isinstance(module, NORMS)
        ]
        self._place(directions, plain)

    def _near(self, sample: Sample) -> Sample:
        targets = sample.targets.to(self._network.device)
        return Sample(self._network.keep_near(sample.inputs), targets, sample.attack)

    def _place(self, directions: Sequence[Weights], plain: Weights) -> None:
        """Lay out centre and directions of the weights that move, as one list of tensors each."""
        network = self._network
        centre, targets = network.folding.weights(plain), state_of(network.module)
        steps = [
            network.folding.direction(_like(direction, plain), plain) for direction in directions
        ]
        names = [name for name in targets if any(name in s and s[name].any() for s in steps)]
        self._weights = [targets[name] for name in names]
        self._centre = [centre[name].clone() for name in names]
        self._steps = [[step[name].to(centre[name]) for name in names] for step in steps]
        # Where the network computes in fewer bits than its weights have, points are formed apart.
        apart = any(weight.dtype != network.dtype for weight in self._weights)
        self._formed = [c.clone() for c in self._centre] if apart else self._weights

    @torch.no_grad()
    def move(self, coefficients: Sequence[float]) -> None:
        """Set the weights of the point with these coefficients."""
        if not self._weights:
            return
        torch._foreach_copy_(self._formed, self._centre)
        for coefficient, step in zip(coefficients, self._steps, strict=True):
            torch._foreach_add_(self._formed, step, alpha=float(coefficient))
        if self._formed is not self._weights:
            torch._foreach_copy_(self._weights, self._formed)

    @torch.no_grad()
    def measure(self, coefficients: Sequence[float]) -> Mapping[str, Mean]:
        """Means with standard errors at one point: `loss`, metrics, and those of other data.

        The names of the latter are like "train_loss".
        """
        self.go_to(coefficients)
        found = {}
        for name, sample in self._samples.items():
            for column, mean in self._means(sample).items():
                found[f"{name}_{column}" if name else column] = mean
        return found

    def go_to(self, coefficients: Sequence[float]) -> None:
        """Be at a point: set its weights and, where they are measured anew, its statistics."""
        self.move(coefficients)
        if self._batchnorms:
            self._recompute_batchnorm()

    def _means(self, sample: Sample) -> dict[str, Mean]:
        columns = partial(self._columns_of, sample.targets)
        rows = self._network.outputs(sample.seen(self._network), columns).cpu()
        means = {}
        for name, column in zip(self._columns, rows.T, strict=True):
            running = RunningMean()
            running.add(column.numpy())
            means[name] = running.result()
        return means

    def _columns_of(self, targets: Tensor, outputs: Outputs, part: slice) -> Tensor:
        chosen = targets[part]
        return torch.stack([of(outputs, chosen) for of in self._columns.values()], dim=1)

    def inputs_at(self, coefficients: Sequence[float]) -> Inputs:
        """The inputs that the network is shown at one point."""
        self.go_to(coefficients)
        return self._samples[""].seen(self._network)

    def statistics(self) -> dict[str, Tensor]:
        """The buffers of the BatchNorm layers that are measured anew, as they are now."""
        state = state_of(self._network.module)
        measured = {id(b) for norm in self._batchnorms for b in norm.buffers()}
        named = dict(self._network.module.named_buffers())
        return {name: state[name].clone() for name, b in named.items() if id(b) in measured}

    @torch.no_grad()
    def losses(self, coefficients: Sequence[float], inputs: Inputs) -> PerExample:
        """The losses of so many inputs at one point, those of the first targets, on the CPU."""
        self.go_to(coefficients)
        targets, loss = self._samples[""].targets, self._columns["loss"]
        return self._network.outputs(inputs, lambda o, part: loss(o, targets[part])).cpu()

    def _recompute_batchnorm(self) -> None:
        """One pass in training mode; running statistics become means over the batches.

        The batches are of nearly equal size, since a single example has no variance, and each
        weighs as many as it has examples.
        """
        for norm in self._batchnorms:
            norm.reset_running_stats()
            norm.train()
        inputs = self._samples["train" if "train" in self._samples else ""].inputs
        seen = 0
        for part in inputs.tensor_split(math.ceil(len(inputs) / self.batch)):
            seen += len(part)
            for norm in self._batchnorms:
                norm.momentum = len(part) / seen
            self._network.forward_whole(part)
        for norm in self._batchnorms:
            norm.eval()

    @property
    def precision(self) -> str:
        """Of the network."""
        return self._network.precision


def _moved(norms: Sequence[str], directions: Sequence[Weights]) -> list[str]:
    """The BatchNorm layers whose scale a direction moves: folding them is not linear."""
    scales = [f"{norm}.weight" for norm in norms]
    return [
        norm
        for norm, scale in zip(norms, scales, strict=True)
        if any(scale in direction and direction[scale].any() for direction in directions)
    ]


def _like(direction: Weights, plain: Weights) -> dict[str, Tensor]:
    return {name: tensor.to(plain[name]) for name, tensor in direction.items()}
