"""Running one network over many inputs, on a copy of the caller's model, without gradients."""

import copy
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape.engine.allocator import keep_memory
from landscape.errors import InputError
from landscape.registry import lookup
from landscape.spatial import Warp
from landscape.typing import Images, Labels, Logits, PerExample, PerExampleFlag
from landscape.weights import refuse_nonfinite

PRECISIONS: dict[str, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16}
"""`fp32` computes in the model's own precision; `bf16` autocasts matrix products."""

MICRO_BATCH = 128  # images in one forward pass; larger ones leave the cache


@dataclass(frozen=True)
class Scores:
    """What a network makes of each labelled image.

    Attributes:
        loss: cross-entropy, nats.
        margin: logit of the true class minus the largest other logit; negative if misclassified.
        prediction: the class of the largest logit; -1, which is no class, if a logit is nan.
    """

    loss: PerExample
    margin: PerExample
    prediction: PerExampleFlag

    @classmethod
    def of(cls, logits: Logits, labels: Labels) -> "Scores":
        """Scores from logits, computed in float64 so that only the network rounds."""
        logits = logits.double()
        true = logits.gather(1, labels[:, None])[:, 0]
        others = logits.scatter(1, labels[:, None], -math.inf)
        loss = torch.logsumexp(logits, dim=1) - true
        prediction = logits.argmax(dim=1).masked_fill(logits.isnan().any(dim=1), -1)
        return cls(loss=loss, margin=true - others.amax(dim=1), prediction=prediction)


class Network:
    """A private copy of a model, in evaluation mode, on one device.

    Attributes:
        module: the copy; its weights may be moved (see `landscape.engine.points`).
        memory_format: channels last, unless the model turned out not to work with it.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        device: str | torch.device | None = None,
        precision: str = "fp32",
        micro_batch: int = MICRO_BATCH,
    ) -> None:
        """Copy the model.

        Args:
            model: takes images and returns logits.
            device: where to compute; the model's own device unless given.
            precision: a name in `PRECISIONS`.
            micro_batch: images in one forward pass.

        Raises:
            InputError: the model cannot be copied, has weights that are not finite, or the device
                or precision is not known here.
        """
        keep_memory()
        lookup(PRECISIONS, precision, kind="precision")
        if micro_batch < 1:
            raise InputError(f"expected a batch of at least one image, got {micro_batch}")
        refuse_nonfinite(model.state_dict(), "the model")
        self.device = _device(device, model)
        self.precision, self.micro_batch = precision, micro_batch
        self.memory_format = torch.channels_last
        self.module = _private_copy(model, self.device).to(memory_format=self.memory_format)
        self.dtype = next((p.dtype for p in self.module.parameters()), torch.float32)

    def place(self, images: Images) -> Images:
        """The images on the network's device, in its precision and memory format."""
        return images.to(self.device, self.dtype, memory_format=self.memory_format)

    @torch.no_grad()
    def logits(self, images: Images) -> Logits:
        """The network's outputs, micro-batch by micro-batch.

        Raises:
            InputError: the model does not return one row of logits per image.
        """
        with self._autocast():
            parts = [self._forward(part) for part in images.split(self.micro_batch)]
        logits = torch.cat(parts)
        if logits.ndim != 2 or len(logits) != len(images):
            raise InputError(
                f"expected logits of shape ({len(images)}, classes) from the model, "
                f"got {tuple(logits.shape)}"
            )
        return logits

    def _forward(self, images: Images) -> Tensor:
        try:
            return self.module(self.place(images))  # type: ignore[no-any-return]
        except RuntimeError as error:
            # `features.view(n, -1)`, common in published models, needs rows that are contiguous.
            if self.memory_format == torch.contiguous_format or "view size" not in str(error):
                raise
        self.memory_format = torch.contiguous_format
        self.module.to(memory_format=self.memory_format)
        return self._forward(images)

    def score(self, images: Images, labels: Labels) -> Scores:
        """Loss, margin and prediction of each image."""
        logits = self.logits(images)
        refuse_foreign_labels(labels, classes=logits.shape[1])
        return Scores.of(logits, labels.to(self.device, torch.int64))

    def score_poses(
        self, images: Images, labels: Labels, poses: Tensor, warp: Warp
    ) -> Iterator[Scores]:
        """The scores of all images in each pose, pose by pose.

        Few images are warped into several poses at once, so that every forward pass is full.

        Args:
            images: (N, C, H, W).
            labels: (N,).
            poses: (P, 3), each shared by all images.
            warp: how a pose is applied.
        """
        images = images.to(self.device, self.dtype)
        together = max(1, self.micro_batch // len(images))
        for group in poses.split(together):
            moved = torch.cat([warp(images, pose) for pose in group])
            scores = self.score(moved, labels.repeat(len(group)))
            columns = (scores.loss, scores.margin, scores.prediction)
            for loss, margin, prediction in zip(
                *(column.split(len(images)) for column in columns), strict=True
            ):
                yield Scores(loss, margin, prediction)

    def _autocast(self) -> AbstractContextManager[object]:
        dtype = PRECISIONS[self.precision]
        return torch.autocast(self.device.type, dtype) if dtype else nullcontext()


def refuse_foreign_labels(labels: Labels, *, classes: int) -> None:
    """Raise if a label is not a class of the model.

    Raises:
        InputError: with the range of the labels and the number of classes.
    """
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise InputError(
            f"expected labels from 0 to {classes - 1} (the model has {classes} outputs), "
            f"got labels from {low} to {high}"
        )


def _device(device: str | torch.device | None, model: nn.Module) -> torch.device:
    if device is None:
        return next((p.device for p in model.parameters()), torch.device("cpu"))
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"the device {device!r} cannot be used here ({str(error).splitlines()[0]}); try cpu"
        ) from error
    return chosen


def _private_copy(model: nn.Module, device: torch.device) -> nn.Module:
    try:
        twin = copy.deepcopy(model)
    except Exception as error:  # whatever the user's modules do when they are copied
        raise InputError(
            f"the model cannot be copied ({error}); surfaces work on a copy so that yours is "
            "never changed, so make copy.deepcopy(model) work"
        ) from error
    for parameter in twin.parameters():
        parameter.grad = None
    return twin.to(device).eval().requires_grad_(False)
