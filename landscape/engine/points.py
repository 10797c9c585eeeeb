"""Running one network with many weights: the points of a line or plane around the trained ones."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from landscape.engine.network import Network
from landscape.numerics import Mean, RunningMean
from landscape.typing import Images, Labels, Weights
from landscape.weights import weights_of

BatchNorm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class WeightPoints:
    """The loss of a network as a function of coefficients along fixed directions.

    The network's private weights are overwritten at every point by centre + sum of coefficients
    times directions, never accumulated.
    """

    def __init__(
        self,
        network: Network,
        images: Images,
        labels: Labels,
        directions: Sequence[Weights],
        *,
        recompute_batchnorm: bool = False,
    ) -> None:
        """Place data and directions beside the network.

        Args:
            network: its weights become this object's to move.
            images: the data set on which every point is evaluated.
            labels: one per image.
            directions: one tensor per parameter each, in the order of the coefficients.
            recompute_batchnorm: measure BatchNorm statistics anew at every point, on these images,
                instead of keeping the trained ones.
        """
        network.logits(images[:1])  # settles the memory format, which replaces the weights
        self._network = network
        self._images, self._labels = network.place(images), labels.to(network.device)
        weights = weights_of(network.module)
        self._weights = list(weights.values())
        self._centre = [weight.clone() for weight in self._weights]
        self._directions = [
            [torch.empty_like(weight).copy_(d[name]) for name, weight in weights.items()]
            for d in directions
        ]
        norms = [m for m in network.module.modules() if isinstance(m, BatchNorm)]
        self._batchnorms = norms if recompute_batchnorm else []

    @torch.no_grad()
    def measure(self, coefficients: Sequence[float]) -> Mapping[str, Mean]:
        """Mean loss and accuracy, with standard errors, at one point."""
        torch._foreach_copy_(self._weights, self._centre)
        for coefficient, direction in zip(coefficients, self._directions, strict=True):
            torch._foreach_add_(self._weights, direction, alpha=float(coefficient))
        if self._batchnorms:
            self._recompute_batchnorm()
        loss, accuracy = RunningMean(), RunningMean()
        scores = self._network.score(self._images, self._labels)
        loss.add(scores.loss.cpu().numpy())
        accuracy.add((scores.prediction == self._labels).double().cpu().numpy())
        return {"loss": loss.result(), "accuracy": accuracy.result()}

    def _recompute_batchnorm(self) -> None:
        """One pass in training mode; running statistics become means over the micro-batches.

        The batches are of nearly equal size, since a single image has no variance, and each weighs
        as many as it has images.
        """
        for norm in self._batchnorms:
            norm.reset_running_stats()
            norm.train()
        seen = 0
        batches = math.ceil(len(self._images) / self._network.micro_batch)
        for part in self._images.tensor_split(batches):
            seen += len(part)
            for norm in self._batchnorms:
                norm.momentum = len(part) / seen
            self._network.logits(part)
        for norm in self._batchnorms:
            norm.eval()
