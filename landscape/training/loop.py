"""The training loop: there is one."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from landscape.data import ImageSet
from landscape.engine import Compute, Network, refuse_foreign_labels
from landscape.errors import InputError
from landscape.models import (
    Checkpoint,
    ModelSpec,
    build_model,
    load_checkpoint,
    save_checkpoint,
    weights_sha256,
)
from landscape.numerics import RunningMean
from landscape.progress import Progress
from landscape.progress import progress as progress_bar
from landscape.provenance import provenance
from landscape.rng import generator
from landscape.training.config import TrainConfig
from landscape.training.distributed import Group, deferred_stop, joined
from landscape.training.learner import Learner
from landscape.training.metrics import EpochMetrics, MetricsLog, read_metrics
from landscape.training.state import (
    RunFolder,
    read_state,
    run_settings,
    write_settings,
    write_state,
)

COLLECT_EVERY = 32  # steps between two looks at the losses; every look makes a GPU wait
AGREE_EVERY = 4  # steps between two questions to all processes whether to stop
VALIDATION_BATCH = 1024  # images read at once; the network takes them in smaller parts


@dataclass(frozen=True, eq=False)
class TrainResult:
    """A finished training run.

    Attributes:
        path: the checkpoint's file.
        checkpoint: what it holds, in evaluation mode on the CPU.
        history: every epoch.
    """

    path: Path
    checkpoint: Checkpoint
    history: tuple[EpochMetrics, ...]


def train(
    spec: ModelSpec,
    data: ImageSet,
    config: TrainConfig,
    *,
    out: Path,
    validation: ImageSet | None,
    seed: int,
    device: str,
    checkpoint_every: int,
    progress: bool,
    overwrite: bool,
    compile: str = "auto",
    workers: int | None = None,
    start: nn.Module | None = None,
) -> TrainResult:
    """Train a network, or go on with a run that was interrupted.

    The folder `out` gets `model.pt` (the checkpoint, at the end), `state.pt` (to go on from),
    `metrics.jsonl`, `config.json` and, where TensorBoard is installed, `tensorboard/`. If it holds
    a run of the same settings, that run is finished, and ends with the weights it would have had
    without a pause: bit for bit on a CPU with the same number of threads and the same `compile`.
    PyTorch's global random state is left as it was.

    Where `torchrun` has started several processes, all of them call this alike and train the
    network together (docs/decisions/0014-training-on-many-devices.md). The first writes all files;
    the others need not see the folder.

    Args:
        spec: the network.
        data: what it learns from, kept in the order of a fresh permutation every epoch.
        config: how it learns.
        out: the folder of the run.
        validation: scored after every epoch, for information alone.
        seed: of weights, order, augmentation and random layers, each drawn independently.
        device: e.g. "cpu", "cuda", "cuda:1"; under `torchrun` "cuda" is a GPU for each process.
        checkpoint_every: epochs between two saves of the state; it is also saved at the start, on
            Ctrl-C and at the end.
        progress: show it on standard error.
        overwrite: start anew even if `out` holds a run.
        compile: `torch.compile` "always", "never", or where it saves more time than it takes.
        workers: processes that read images on disk ahead of their use, in each of those that train;
            None: a core each, at most 8. The weights do not depend on it.
        start: the network to begin with, one that `spec` describes: fine-tuning. None: one with
            random weights.

    Raises:
        InputError: the folder holds another run or a damaged state, model and data do not fit, the
            device cannot be used, or the training diverges.
        KeyboardInterrupt: after Ctrl-C, once the state is saved; its message says how to go on.
    """
    if checkpoint_every < 1:
        raise InputError(f"checkpoint_every is at least 1 epoch, got {checkpoint_every}")
    if workers is not None and workers < 0:
        raise InputError(f"workers is a number of processes, 0 or more, got {workers}")
    folder = RunFolder(Path(out))
    group = joined()
    device = group.place(device)
    settings = run_settings(spec, data, config, validation, seed=seed, processes=group.size)
    if start is not None:
        settings["start"] = weights_sha256(start)
    group.refuse_differences(settings)
    goes_on = group.on_first(lambda: not overwrite and folder.has_run())
    state = group.on_first(lambda: read_state(folder.state, settings)) if goes_on else None
    model = build_model(spec, generator=generator(seed, "weights"))
    if start is not None:
        model.load_state_dict(start.state_dict())
    trial = _trial(model, data, Compute(device, config.precision, compile=compile))
    learner = Learner(
        model,
        data,
        config,
        seed=seed,
        device=trial.device,
        memory_format=trial.memory_format,
        compile=compile,
        group=group,
    )
    run = _Run(folder, spec, settings, learner, validation, checkpoint_every, workers, group)
    if state is None:
        run.start(device)
    else:
        learner.restore(state)
    if not learner.finished or not group.on_first(folder.model.exists):
        run.finish(f"training {spec.name} on {data.name}", show=progress and group.leads)
        run.save_model(device)
    return run.result(device)


@dataclass(frozen=True)
class _Run:
    """A learner and the folder it reports to, which is that of the group's first process."""

    folder: RunFolder
    spec: ModelSpec
    settings: dict[str, Any]
    learner: Learner
    validation: ImageSet | None
    checkpoint_every: int
    workers: int | None
    group: Group

    def start(self, device: str) -> None:
        """Write what a run needs before its first step, in place of what there was."""
        self.group.on_first(self.folder.clear)
        self.save()
        about = {**self.settings, "provenance": provenance(device=device)}
        self.group.on_first(lambda: write_settings(self.folder.settings, about))

    def save(self) -> None:
        state = self.learner.state()
        self.group.on_first(lambda: write_state(self.folder.state, self.settings, state))

    def finish(self, description: str, *, show: bool) -> None:
        """Take all steps that are left."""
        learner, course = self.learner, self.learner.course
        total = course.images_per_epoch * course.epochs
        done = course.images_per_epoch * learner.epoch + learner.totals.images
        with (
            torch.random.fork_rng(devices=learner.random_devices),
            deferred_stop(self.group) as interrupted,
            self.log() as log,
            progress_bar(total, description, unit="images", enabled=show, done=done) as bar,
        ):
            if not learner.finished:
                learner.prepare()
            with course.reading_ahead(learner.step, self.workers):
                while not learner.finished:
                    epoch = learner.epoch + 1
                    self.finish_epoch(bar, interrupted)
                    self.close_epoch(epoch, log, bar)
                    if epoch % self.checkpoint_every == 0 or epoch == course.epochs:
                        self.save()
            self.stop_if(interrupted)

    def log(self) -> MetricsLog | nullcontext[None]:
        """Where the first process writes down the epochs."""
        if not self.group.leads:
            return nullcontext()
        return MetricsLog(self.folder.metrics, self.folder.events, step=self.learner.step)

    def finish_epoch(self, bar: Progress, interrupted: Callable[[], bool]) -> None:
        """Take the steps that are left of the present epoch."""
        learner = self.learner
        for positions in learner.rest_of_epoch():
            if self.group.size == 1 or learner.step % AGREE_EVERY == 0:
                self.stop_if(interrupted)
            learner.take_step(positions)
            if learner.step % COLLECT_EVERY == 0:
                learner.collect()
            bar.advance(len(positions))

    def stop_if(self, interrupted: Callable[[], bool]) -> None:
        if interrupted():
            self.save()
            raise KeyboardInterrupt(
                f"training stopped at step {self.learner.step} of {self.learner.course.steps}; "
                f"the state is in {self.folder.state}, the same command goes on from there"
            )

    def close_epoch(self, epoch: int, log: MetricsLog | None, bar: Progress) -> None:
        """Write down the figures of the epoch whose last step has just been taken."""
        totals = self.learner.close_epoch()
        if log is None:
            return
        loss, accuracy = self.validate()
        log.add(
            EpochMetrics(
                epoch=epoch,
                step=self.learner.step,
                learning_rate=self.learner.learning_rate(self.learner.step - 1),
                train_loss=totals.loss / totals.images,
                train_accuracy=totals.correct / totals.images,
                validation_loss=loss,
                validation_accuracy=accuracy,
                seconds=round(totals.seconds, 3),
                images_per_second=round(totals.images / totals.seconds, 1),
            )
        )
        bar.note(log.history[-1].summary())

    def validate(self) -> tuple[float, float] | tuple[None, None]:
        """Mean loss and accuracy over the validation images."""
        if self.validation is None:
            return None, None
        network = self.learner.network()
        loss, accuracy = RunningMean(), RunningMean()
        for images, labels in self.validation.batches(VALIDATION_BATCH, workers=self.workers):
            scores = network.score(images, labels)
            loss.add(scores.loss.cpu().numpy())
            accuracy.add((scores.prediction.cpu() == labels).double().numpy())
        return loss.mean, accuracy.mean

    def save_model(self, device: str) -> None:
        """Write the trained network."""
        about = provenance(device=device)
        self.group.on_first(
            lambda: save_checkpoint(
                self.folder.model,
                self.learner.model,
                self.spec,
                configuration=self.settings,
                provenance=about,
            )
        )

    def result(self, device: str) -> TrainResult:
        """What was trained; the other processes have it without the file."""
        history = self.group.on_first(lambda: tuple(read_metrics(self.folder.metrics)))
        if self.group.leads:
            return TrainResult(self.folder.model, load_checkpoint(self.folder.model), history)
        model = self.learner.model.cpu().eval()
        sha256 = weights_sha256(model)
        about = provenance(device=device)
        checkpoint = Checkpoint(model, self.spec, self.settings, about, sha256)
        return TrainResult(self.folder.model, checkpoint, history)


def _trial(model: nn.Module, data: ImageSet, compute: Compute) -> Network:
    """The model, seen to work on the device on such images and labels."""
    network = Network(model, replace(compute, compile="never"))
    logits = network.logits(data.images(slice(0, 2)))
    refuse_foreign_labels(data.labels, classes=logits.shape[1])
    return network
