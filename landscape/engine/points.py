"""Running one network with many weights: the points of a line or plane around the trained ones."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from landscape.engine.folding import state_of
from landscape.engine.network import MICRO_BATCH, Network
from landscape.engine.scores import Scores, refuse_foreign_labels
from landscape.engine.watching import NORMS
from landscape.numerics import Mean, RunningMean
from landscape.typing import Images, Labels, PerExample, Weights


class WeightPoints:
    """The loss of a network as a function of coefficients along fixed directions.

    The network's private weights are overwritten at every point by centre + sum of coefficients
    times directions, never accumulated; those that no direction moves are left alone.
    """

    def __init__(
        self,
        network: Network,
        images: Images,
        labels: Labels,
        directions: Sequence[Weights],
        *,
        recompute_batchnorm: bool = False,
        attack: Callable[[Network, Images, Labels], Images] | None = None,
    ) -> None:
        """Place data and directions beside the network.

        Args:
            network: its weights become this object's to move.
            images: the data set on which every point is evaluated.
            labels: one per image.
            directions: one tensor per parameter each, in the order of the coefficients.
            recompute_batchnorm: measure BatchNorm statistics anew at every point, on these images,
                instead of keeping the trained ones.
            attack: what is made of the images at every point, on the network there.

        Raises:
            InputError: labels that the model has no output for.
        """
        plain = network.plain_state
        norms = [n for n, m in network.module.named_modules() if isinstance(m, NORMS)]
        keep = norms if recompute_batchnorm else _moved(norms, directions)
        network.prepare(images[:2], keep=keep)
        self._network, self._images, self._attack = network, network.keep_near(images), attack
        self._labels = labels.to(network.device, torch.int64)
        refuse_foreign_labels(labels, classes=network.logits(images[:1]).shape[1])
        self._batchnorms = [
            module
            for module in network.module.modules()
            if recompute_batchnorm and isinstance(module, NORMS)
        ]
        self._place(directions, plain)

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
        """Mean loss and accuracy, with standard errors, at one point."""
        self.move(coefficients)
        if self._batchnorms:
            self._recompute_batchnorm()
        scores = Scores.of(self._network.logits(self._seen()), self._labels)
        right = (scores.prediction == self._labels).double()
        loss, accuracy = RunningMean(), RunningMean()
        columns: Tensor = torch.stack([scores.loss, right]).cpu()  # one wait for a GPU
        loss.add(columns[0].numpy())
        accuracy.add(columns[1].numpy())
        return {"loss": loss.result(), "accuracy": accuracy.result()}

    def images_at(self, coefficients: Sequence[float]) -> Images:
        """The images that the network is shown at one point."""
        self.move(coefficients)
        return self._seen()

    def losses(self, coefficients: Sequence[float], images: Images) -> PerExample:
        """The losses of so many images at one point, those of the first labels, on the CPU."""
        self.move(coefficients)
        logits = self._network.logits(images)
        return Scores.of(logits, self._labels[: len(images)]).loss.cpu()

    def _seen(self) -> Images:
        if self._attack is None:
            return self._images
        return self._attack(self._network, self._images, self._labels)

    def _recompute_batchnorm(self) -> None:
        """One pass in training mode; running statistics become means over the batches.

        The batches are of nearly equal size, since a single image has no variance, and each weighs
        as many as it has images.
        """
        for norm in self._batchnorms:
            norm.reset_running_stats()
            norm.train()
        seen = 0
        for part in self._images.tensor_split(math.ceil(len(self._images) / self.batch)):
            seen += len(part)
            for norm in self._batchnorms:
                norm.momentum = len(part) / seen
            self._network.forward_whole(part)
        for norm in self._batchnorms:
            norm.eval()

    @property
    def batch(self) -> int:
        """Images from which BatchNorm statistics are taken together; the engine does not choose."""
        return self._network.compute.micro_batch or MICRO_BATCH


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
