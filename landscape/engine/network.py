"""Running one network over many inputs, on a copy of the caller's model."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from landscape.engine.allocator import keep_memory
from landscape.engine.calibration import PassPlan
from landscape.engine.compute import Compute, arithmetic, tell_if_slow
from landscape.engine.folding import Folding, state_of
from landscape.engine.passes import Passes
from landscape.engine.prepare import Prepared, prepare, private_copy
from landscape.engine.scores import (
    OBJECTIVES,
    Objective,
    Scores,
    check_logits,
    checked_rows,
    refuse_foreign_labels,
)
from landscape.engine.threads import threads, usable_threads
from landscape.engine.tuning import Job, Tuned, tune
from landscape.spatial import Warp
from landscape.typing import Images, Inputs, Labels, Logits, Outputs
from landscape.weights import refuse_diverged

DEFAULT = Compute()
MICRO_BATCH = 128  # images in one forward pass, unless calibration finds better

Render = Callable[[Tensor, slice], Images]
"""From the variables of some examples, and where these stand in the batch, to their images."""

Reduce = Callable[[Tensor, slice], Tensor]
"""From the outputs of some examples, and where these stand among all, to what is wanted of them."""


class Network:
    """A private copy of a model, in evaluation mode, on one device.

    The first images decide how it runs: memory format, folded layers, and how many fit into a
    forward pass. What `expect` announces decides whether calibration and compilation pay.

    Attributes:
        device: where it runs.
        dtype: of its weights, and of what `logits` is computed from.
        module: the copy that runs; its weights may be moved (see `landscape.engine.points`).
        folding: which layers of `module` took in a BatchNorm, and how weights translate.
        passes: of one size, which is as many images as calibration and memory allow.
    """

    def __init__(self, model: nn.Module, compute: Compute = DEFAULT) -> None:
        """Copy the model.

        Args:
            model: takes images and returns logits; with `outputs` alone, any inputs and outputs.
            compute: device, precision and bounds.

        Raises:
            InputError: the model cannot be copied, has weights that are not finite, or the device
                or precision cannot be used here.
        """
        keep_memory()
        self.device = compute.device_for(model)
        refuse_diverged(model, "the model")
        self.compute, self.precision = compute, compute.precision
        tell_if_slow(self.precision, self.device)
        self.module = self._plain = private_copy(model, self.device)
        self.folding, self.memory_format = Folding(), torch.contiguous_format
        self.dtype = next((p.dtype for p in self.module.parameters()), torch.float32)
        self._threads, self._job = usable_threads(), Job()
        self._prepared: Prepared | None = None
        self.passes = Passes(self._first_size(), self.device)
        self._tuned: Tuned | None = None

    def expect(self, images: int, *, unit: int = 0, grouped: bool = False) -> None:
        """Say what will be run from here on, so that it can be run at its best.

        Args:
            images: in all, poses and weights counted each.
            unit: images that are run together; 0 if not known.
            grouped: whether several units may share a pass.
        """
        self._job, self._tuned = Job(images, unit, grouped), None

    def prepare(self, inputs: Inputs, *, keep: Collection[str] = ()) -> None:
        """Settle how such inputs are run; happens by itself when the first ones come.

        Args:
            inputs: at least one, of the size of all that follow.
            keep: names of BatchNorm modules that must not be folded.
        """
        wanted = self.compute.micro_batch or MICRO_BATCH
        with threads(self._threads):
            ready = prepare(
                self._plain,
                self._near(inputs[:2]),
                self.compute,
                keep=keep,
                enough=wanted,
            )
        self._prepared, self._tuned = ready, None
        self.module, self.folding = ready.module, ready.folding
        self.memory_format = ready.memory_format
        self.passes.size = self._first_size()

    def refresh(self, model: nn.Module) -> None:
        """Take over the present weights and buffers of a model of the same architecture."""
        state = state_of(model)
        for module, new in (
            (self._plain, state),
            (self.module, self.folding.weights(state)),
        ):
            old = state_of(module)
            torch._foreach_copy_(list(old.values()), [new[name] for name in old])
            if self.module is self._plain:
                return

    def altered(self, change: Callable[[nn.Module], nn.Module]) -> "Network":
        """Another network, run alike, of a changed copy of the model; this one stays as it is."""
        return Network(change(self._plain), self.compute)

    def facts(self) -> dict[str, Any]:
        """How the passes were run, for the file of what they gave; JSON values."""
        return {
            "micro_batch": self.passes.size,
            "threads": self._threads,
            "folded_layers": len(self.folding.pairs),
            "compiled": self._tuned is not None and self._tuned.fast_size > 0,
        }

    @property
    def plain_state(self) -> dict[str, Tensor]:
        """Weights and buffers before folding and casting, by the names they have in the model."""
        return state_of(self._plain)

    def place(self, inputs: Inputs) -> Inputs:
        """The inputs on the network's device; what is not whole numbers, in its precision.

        Images are brought into its memory format.
        """
        near = self._near(inputs)
        return near.contiguous(memory_format=self.memory_format) if near.ndim == 4 else near

    def _near(self, inputs: Inputs) -> Inputs:
        return inputs.to(self.device, self.dtype if inputs.is_floating_point() else None)

    def keep_near(self, inputs: Inputs) -> Inputs:
        """The inputs placed once for many passes, unless they take too much memory for that."""
        self.settle(inputs)
        assert self._prepared is not None
        size = inputs.numel() * self.dtype.itemsize
        return self.place(inputs) if size <= self._prepared.memory else inputs

    def logits(self, images: Images) -> Logits:
        """The network's outputs, micro-batch by micro-batch.

        Raises:
            InputError: the model does not return one row of logits per image, or not even a single
                image fits into the memory.
        """
        logits = self.outputs(images)
        check_logits(logits, len(images))
        return logits

    def outputs(self, inputs: Inputs, reduce: Reduce | None = None) -> Outputs:
        """What the network makes of any inputs, or what is wanted of that, in micro-batches.

        Args:
            inputs: (N, ...).
            reduce: from outputs to what is kept, one row per example.

        Raises:
            InputError: the model does not return a tensor with a row per example, or not even a
                single example fits into the memory.
        """
        self.settle(inputs)
        run = partial(self._rows, inputs, reduce)
        with torch.no_grad(), self._settings():
            return torch.cat(list(self.passes.over(len(inputs), run)))

    def score(self, images: Images, labels: Labels) -> Scores:
        """Loss, margin and prediction of each image."""
        logits = self.logits(images)
        refuse_foreign_labels(labels, classes=logits.shape[1])
        return Scores.of(logits, labels.to(self.device, torch.int64))

    def score_poses(
        self, images: Images, labels: Labels, poses: Tensor, warp: Warp
    ) -> Iterator[Scores]:
        """The scores of all images in each pose, pose by pose.

        Few images are warped into several poses at once, so that every forward pass is full; of
        many, no more are warped at once than a pass takes.

        Args:
            images: (N, C, H, W).
            labels: (N,).
            poses: (P, 3), each shared by all images.
            warp: how a pose is applied.
        """
        self.settle(images)
        images, labels = images.to(self.device, self.dtype), labels.to(self.device, torch.int64)
        parts = images.split(self.passes.size)
        together = max(1, self.passes.size // len(images))
        for number, group in enumerate(poses.split(together)):
            if len(parts) == 1:
                logits = self.logits(torch.cat([warp(images, pose) for pose in group]))
            else:
                logits = torch.cat([self.logits(warp(part, group[0])) for part in parts])
            if number == 0:  # every look at the labels makes a GPU wait
                refuse_foreign_labels(labels, classes=logits.shape[1])
            yield from Scores.of(logits, labels.repeat(len(group))).split(len(images))

    def gradients(
        self, variables: Tensor, render: Render, labels: Labels, objective: str = "cross-entropy"
    ) -> tuple[Scores, Tensor]:
        """Each example's scores, and the gradient of an objective in its own variables.

        Args:
            variables: (N, ...), what an attack moves: pixels, poses, a flow.
            render: makes images of them, differentiably.
            labels: (N,).
            objective: a name in `OBJECTIVES`.
        """
        self.settle(render(variables[:2], slice(0, 2)).detach())
        labels = labels.to(self.device, torch.int64)
        run = partial(self._gradient, variables, render, labels, OBJECTIVES[objective])
        with torch.enable_grad(), self._settings():
            logits, gradients = zip(*self.passes.over(len(variables), run), strict=True)
        return Scores.of(torch.cat(logits), labels), torch.cat(gradients)

    def forward_whole(self, inputs: Inputs) -> Outputs:
        """The outputs of one forward pass over all inputs, for layers that look across a batch."""
        with torch.no_grad(), self._settings():
            return self.module(self.place(inputs))  # type: ignore[no-any-return]

    def settle(self, inputs: Inputs) -> None:
        """Prepare, calibrate and compile what has not been yet; happens by itself.

        Args:
            inputs: at least one, of the size of all that follow.
        """
        if self._prepared is None:
            self.prepare(inputs)
        if self._tuned is None and self._prepared is not None:
            with torch.no_grad(), self._settings():
                self._tuned = tune(
                    self.module,
                    self.place(inputs[: self.passes.size]),
                    self.compute,
                    PassPlan(self._first_size(), usable_threads()),
                    most=self._prepared.most_images,
                    job=self._job,
                )
            self.passes.size, self._threads = self._tuned.micro_batch, self._tuned.threads

    def _first_size(self) -> int:
        wanted = self.compute.micro_batch or MICRO_BATCH
        return min(wanted, self._prepared.most_images) if self._prepared else wanted

    def _rows(self, inputs: Inputs, reduce: Reduce | None, part: slice) -> Tensor:
        rows = checked_rows(self._run(inputs[part]), part.stop - part.start)
        if reduce is None:
            return rows
        with torch.autocast(self.device.type, enabled=False):
            return reduce(rows, part)

    def _gradient(
        self, variables: Tensor, render: Render, labels: Tensor, rise: Objective, part: slice
    ) -> tuple[Tensor, Tensor]:
        moved = variables[part].detach().requires_grad_()
        logits = self.module(self.place(render(moved, part)))
        check_logits(logits, len(moved))
        if part.start == 0:  # every look at the labels makes a GPU wait
            refuse_foreign_labels(labels, classes=logits.shape[1])
        (gradient,) = torch.autograd.grad(rise(logits, labels[part]).sum(), moved)
        return logits.detach(), gradient

    def _run(self, inputs: Inputs) -> Any:
        assert self._tuned is not None
        placed = self.place(inputs)
        whole = len(inputs) == self._tuned.fast_size
        return self._tuned.fast(placed) if whole else self.module(placed)

    @contextmanager
    def _settings(self) -> Iterator[None]:
        with arithmetic(self.device, self.precision), threads(self._threads):
            yield
