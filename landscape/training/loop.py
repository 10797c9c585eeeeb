"""The training loop: there is one."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from landscape.data import ImageSet
from landscape.engine import Compute, Network, refuse_foreign_labels
from landscape.errors import InputError
from landscape.files import atomic_write
from landscape.interrupt import deferred_interrupt
from landscape.models import Checkpoint, ModelSpec, build_model, load_checkpoint, save_checkpoint
from landscape.numerics import RunningMean
from landscape.progress import Progress
from landscape.progress import progress as progress_bar
from landscape.provenance import provenance
from landscape.rng import generator
from landscape.training.config import TrainConfig
from landscape.training.learner import Learner
from landscape.training.metrics import EpochMetrics, MetricsLog, read_metrics
from landscape.training.state import RunFolder, read_state, write_state

COLLECT_EVERY = 32  # steps between two looks at the losses; every look makes a GPU wait
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
) -> TrainResult:
    """Train a network from scratch, or go on with a run that was interrupted.

    The folder `out` gets `model.pt` (the checkpoint, at the end), `state.pt` (to go on from),
    `metrics.jsonl`, `config.json` and, where TensorBoard is installed, `tensorboard/`. If it holds
    a run of the same settings, that run is finished, and ends with the weights it would have had
    without a pause: bit for bit on a CPU with the same number of threads and the same `compile`.
    PyTorch's global random state is left as it was.

    Args:
        spec: the network.
        data: what it learns from, kept in the order of a fresh permutation every epoch.
        config: how it learns.
        out: the folder of the run.
        validation: scored after every epoch, for information alone.
        seed: of weights, order, augmentation and random layers, each drawn independently.
        device: e.g. "cpu", "cuda", "cuda:1".
        checkpoint_every: epochs between two saves of the state; it is also saved at the start, on
            Ctrl-C and at the end.
        progress: show it on standard error.
        overwrite: start anew even if `out` holds a run.
        compile: `torch.compile` "always", "never", or where it saves more time than it takes.

    Raises:
        InputError: the folder holds another run or a damaged state, model and data do not fit, the
            device cannot be used, or the training diverges.
        KeyboardInterrupt: after Ctrl-C, once the state is saved; its message says how to go on.
    """
    if checkpoint_every < 1:
        raise InputError(f"checkpoint_every is at least 1 epoch, got {checkpoint_every}")
    folder = RunFolder(Path(out))
    settings = _settings(spec, data, config, validation, seed)
    if overwrite:
        folder.clear()
    state = read_state(folder.state, settings) if folder.has_run() else None
    model = build_model(spec, generator=generator(seed, "weights"))
    trial = _trial(model, data, Compute(device, config.precision, compile=compile))
    learner = Learner(
        model,
        data,
        config,
        seed=seed,
        device=trial.device,
        memory_format=trial.memory_format,
        compile=compile,
    )
    run = _Run(folder, settings, learner, validation, checkpoint_every)
    if state is None:
        run.start(device)
    else:
        learner.restore(state)
    if learner.step < learner.total_steps or not folder.model.exists():
        run.finish(f"training {spec.name} on {data.name}", show=progress)
        save_checkpoint(
            folder.model,
            learner.model,
            spec,
            configuration=settings,
            provenance=provenance(device=device),
        )
    history = tuple(read_metrics(folder.metrics))
    return TrainResult(folder.model, load_checkpoint(folder.model), history)


@dataclass(frozen=True)
class _Run:
    """A learner and the folder it reports to."""

    folder: RunFolder
    settings: dict[str, Any]
    learner: Learner
    validation: ImageSet | None
    checkpoint_every: int

    def start(self, device: str) -> None:
        """Write what a run needs before its first step."""
        self.save()
        about = {**self.settings, "provenance": provenance(device=device)}
        with atomic_write(self.folder.settings) as temporary:
            temporary.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    def save(self) -> None:
        write_state(self.folder.state, self.settings, self.learner.state())

    def finish(self, description: str, *, show: bool) -> None:
        """Take all steps that are left."""
        learner = self.learner
        total = learner.images_per_epoch * learner.epochs
        done = learner.images_per_epoch * learner.epoch + learner.totals.images
        with (
            torch.random.fork_rng(devices=learner.random_devices),
            deferred_interrupt() as interrupted,
            MetricsLog(self.folder.metrics, self.folder.events, step=learner.step) as log,
            progress_bar(total, description, unit="images", enabled=show, done=done) as bar,
        ):
            if learner.step < learner.total_steps:
                learner.prepare()
            while learner.step < learner.total_steps:
                epoch = learner.epoch + 1
                self.finish_epoch(bar, interrupted)
                log.add(self.close_epoch(epoch))
                bar.note(log.history[-1].summary())
                if epoch % self.checkpoint_every == 0 or epoch == learner.epochs:
                    self.save()
            self.stop_if(interrupted)

    def finish_epoch(self, bar: Progress, interrupted: Callable[[], bool]) -> None:
        """Take the steps that are left of the present epoch."""
        for positions in self.learner.rest_of_epoch():
            self.stop_if(interrupted)
            self.learner.take_step(positions)
            if self.learner.step % COLLECT_EVERY == 0:
                self.learner.collect()
            bar.advance(len(positions))

    def stop_if(self, interrupted: Callable[[], bool]) -> None:
        if interrupted():
            self.save()
            raise KeyboardInterrupt(
                f"training stopped at step {self.learner.step} of {self.learner.total_steps}; "
                f"the state is in {self.folder.state}, the same command goes on from there"
            )

    def close_epoch(self, epoch: int) -> EpochMetrics:
        """The figures of the epoch whose last step has just been taken."""
        totals = self.learner.close_epoch()
        loss, accuracy = self.validate()
        return EpochMetrics(
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

    def validate(self) -> tuple[float, float] | tuple[None, None]:
        """Mean loss and accuracy over the validation images."""
        if self.validation is None:
            return None, None
        network = self.learner.network()
        loss, accuracy = RunningMean(), RunningMean()
        for images, labels in self.validation.batches(VALIDATION_BATCH):
            scores = network.score(images, labels)
            loss.add(scores.loss.cpu().numpy())
            accuracy.add((scores.prediction.cpu() == labels).double().numpy())
        return loss.mean, accuracy.mean


def _settings(
    spec: ModelSpec, data: ImageSet, config: TrainConfig, validation: ImageSet | None, seed: int
) -> dict[str, Any]:
    """All that decides about the weights and metrics of a run, as JSON gives it back."""
    settings = {
        "model": asdict(spec),
        "data": _described(data),
        "validation": None if validation is None else _described(validation),
        "training": config.as_dict(),
        "seed": seed,
    }
    return dict(json.loads(json.dumps(settings)))


def _described(data: ImageSet) -> dict[str, Any]:
    return {"name": data.name, "split": data.split, "images": len(data), "sha256": data.sha256}


def _trial(model: nn.Module, data: ImageSet, compute: Compute) -> Network:
    """The model, seen to work on the device on such images and labels."""
    network = Network(model, replace(compute, compile="never"))
    logits = network.logits(data.images(slice(0, 2)))
    refuse_foreign_labels(data.labels, classes=logits.shape[1])
    return network
