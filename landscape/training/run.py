"""A learner and the folder it reports to, from the first step to the trained network."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from landscape.data import ImageSet
from landscape.errors import InputError
from landscape.interrupt import Asked
from landscape.models import (
    Checkpoint,
    ModelSpec,
    load_checkpoint,
    save_checkpoint,
    weights_sha256,
)
from landscape.numerics import RunningMean
from landscape.processes import Group, shared_stop
from landscape.progress import Progress
from landscape.progress import progress as progress_bar
from landscape.provenance import provenance
from landscape.training.learner import Learner
from landscape.training.metrics import EpochMetrics, MetricsLog, read_metrics
from landscape.training.state import RunFolder, write_settings, write_state

COLLECT_EVERY = 32  # steps between two looks at the losses; every look makes a GPU wait
AGREE_EVERY = 4  # passes between two questions to all processes whether to stop
VALIDATION_BATCH = 1024  # images read at once; the network takes them in smaller parts


@dataclass(frozen=True, eq=False)
class TrainResult:
    """A finished training run.

    Attributes:
        path: the checkpoint's file.
        checkpoint: what it holds, in evaluation mode on the CPU.
        history: every epoch.
        kept: files of the model along the way, by epoch; 0 is the one that training began with.
    """

    path: Path
    checkpoint: Checkpoint
    history: tuple[EpochMetrics, ...]
    kept: Mapping[int, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A learner and the folder it reports to, which is that of the group's first process."""

    folder: RunFolder
    spec: ModelSpec
    settings: dict[str, Any]
    learner: Learner
    validation: ImageSet | None
    checkpoint_every: int
    kept: range
    workers: int | None
    group: Group

    def start(self, device: str) -> None:
        """Write what a run needs before its first step, in place of what there was."""
        self.group.on_first(self.folder.make_room)
        self.keep(0)
        about = {**self.settings, "provenance": provenance(device=device)}
        self.group.on_first(lambda: write_settings(self.folder.settings, about))
        self.save()  # last: with it there is a run to go on with

    def keep(self, epoch: int) -> None:
        """Write the model as it is, if that is wanted after so many epochs."""
        if epoch in self.kept:
            self.save_model(self.folder.epoch(epoch))

    def refuse_lost_epochs(self) -> None:
        """Raise if epochs that are over were to be kept and were not."""
        over = (epoch for epoch in self.kept if epoch <= self.learner.epoch)
        files = [self.folder.epoch(epoch) for epoch in over]
        lost = self.group.on_first(lambda: [file.name for file in files if not file.exists()])
        if lost:
            raise InputError(
                f"the run in {self.folder.path} did not keep {', '.join(lost)} when it was there; "
                "give another --out, or --overwrite to start anew"
            )

    def save(self) -> None:
        """Write the state that training goes on from."""
        state = self.learner.state()
        self.group.on_first(lambda: write_state(self.folder.state, self.settings, state))

    def finish(self, description: str, *, show: bool) -> None:
        """Take all steps that are left."""
        learner, course = self.learner, self.learner.course
        total = course.images_per_epoch * course.epochs
        left = sum(map(len, learner.rest_of_epoch()))  # once each, however often they are seen
        done = course.images_per_epoch * (learner.epoch + 1) - left
        with (
            torch.random.fork_rng(devices=learner.random_devices),
            shared_stop(self.group) as asked,
            self.log() as log,
            progress_bar(total, description, unit="images", enabled=show, done=done) as bar,
        ):
            if not learner.finished:
                learner.prepare()
            with course.reading_ahead(learner.step, self.workers):
                while not learner.finished:
                    epoch = learner.epoch + 1
                    self.finish_epoch(bar, asked)
                    self.close_epoch(epoch, log, bar)
                    self.keep(epoch)
                    if epoch % self.checkpoint_every == 0 or epoch == course.epochs:
                        self.save()
            self.stop_if(asked)

    def log(self) -> MetricsLog | nullcontext[None]:
        """Where the first process writes down the epochs."""
        if not self.group.leads:
            return nullcontext()
        return MetricsLog(self.folder.metrics, self.folder.events, step=self.learner.step)

    def finish_epoch(self, bar: Progress, asked: Asked) -> None:
        """Take the steps that are left of the present epoch."""
        learner = self.learner
        agree_every = max(1, AGREE_EVERY // learner.course.accumulate)
        for positions in learner.rest_of_epoch():
            if self.group.size == 1 or learner.step % agree_every == 0:
                self.stop_if(asked)
            learner.take_step(positions)
            if learner.step % COLLECT_EVERY == 0:
                learner.collect()
            bar.advance(len(positions))

    def stop_if(self, asked: Asked) -> None:
        """Save and raise after Ctrl-C or SIGTERM."""
        if stop := asked():
            self.save()
            raise stop(
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
                images_per_second=round(self.learner.course.images_per_epoch / totals.seconds, 1),
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

    def save_model(self, file: Path) -> None:
        """Write the network as it is."""
        about = provenance(device=str(self.learner.device))
        self.group.on_first(
            lambda: save_checkpoint(
                file,
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
            kept = {epoch: self.folder.epoch(epoch) for epoch in self.kept}
            trained = load_checkpoint(self.folder.model, spec=self.spec)
            return TrainResult(self.folder.model, trained, history, kept)
        model = self.learner.model.cpu().eval()
        sha256 = weights_sha256(model)
        about = provenance(device=device)
        checkpoint = Checkpoint(model, self.spec, self.settings, about, sha256)
        return TrainResult(self.folder.model, checkpoint, history)
