"""The training loop: there is one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from landscape.data import ImageSet
from landscape.engine import Compute, Network, refuse_foreign_labels
from landscape.errors import InputError
from landscape.models import (
    ModelSpec,
    build_model,
    weights_sha256,
)
from landscape.processes import joined
from landscape.rng import generator
from landscape.training.config import TrainConfig
from landscape.training.distributed import restarted
from landscape.training.learner import Learner
from landscape.training.run import Run, TrainResult
from landscape.training.state import (
    RunFolder,
    read_state,
    run_settings,
)


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
    keep_every: int = 0,
) -> TrainResult:
    """Train a network, or go on with a run that was interrupted.

    The folder `out` gets `model.pt` (the checkpoint, at the end), `state.pt` (to go on from),
    `metrics.jsonl`, `config.json`, with `keep_every` also `epochs/`, and, where TensorBoard is
    installed, `tensorboard/`. If it holds a run of the same settings, that run is finished, and
    ends with the weights it would have had without a pause: bit for bit on a CPU with the same
    number of threads and the same `compile`. PyTorch's global random state is left as it was.

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
        overwrite: start anew even if `out` holds a run; one that is trained stays in
            `out/replaced` until the new one is, also when that diverges or is stopped.
        compile: `torch.compile` "always", "never", or where it saves more time than it takes.
        workers: processes that read images on disk ahead of their use, in each of those that train;
            None: a core each, at most 8. The weights do not depend on it.
        start: the network to begin with, one that `spec` describes: fine-tuning. None: one with
            random weights.
        keep_every: keep the model as it is at the start and after every so many epochs, a
            checkpoint each: what is learned when, and the trajectory. 0: keep none.

    Raises:
        InputError: the folder holds another run, a damaged state, or a run that did not keep what
            is asked for; model and data do not fit, the device cannot be used, or the training
            diverges.
        KeyboardInterrupt: after Ctrl-C, once the state is saved; its message says how to go on.
    """
    if checkpoint_every < 1:
        raise InputError(f"checkpoint_every is at least 1 epoch, got {checkpoint_every}")
    for name, value in (("workers", workers or 0), ("keep_every", keep_every)):
        if value < 0:
            raise InputError(f"{name} is a number, 0 or more, got {value}")
    folder = RunFolder(Path(out))
    group = joined()
    device = group.place(device)
    settings = run_settings(spec, data, config, validation, seed=seed, processes=group.size)
    if start is not None:
        settings["start"] = weights_sha256(start)
    group.refuse_differences(settings)
    state = group.on_first(lambda: _state_there(folder, settings, overwrite=overwrite))
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
    kept = range(0, config.epochs + 1, keep_every) if keep_every else range(0)
    run = Run(folder, spec, settings, learner, validation, checkpoint_every, kept, workers, group)
    if state is None:
        run.start(device)
    else:
        learner.restore(state)
        run.refuse_lost_epochs()
    if not learner.finished or not group.on_first(folder.model.exists):
        run.finish(f"training {spec.name} on {data.name}", show=progress and group.leads)
        run.save_model(folder.model)
    group.on_first(folder.forget_replaced)
    return run.result(device)


def _state_there(
    folder: RunFolder, settings: dict[str, Any], *, overwrite: bool
) -> dict[str, Any] | None:
    """What training goes on from, if anything.

    A command that torchrun starts again goes on with what it began, even if it was to overwrite
    what was there before that.
    """
    if overwrite and not restarted():
        return None
    try:
        return read_state(folder.state, settings) if folder.has_run() else None
    except InputError:
        if overwrite:
            return None
        raise


def _trial(model: nn.Module, data: ImageSet, compute: Compute) -> Network:
    """The model, seen to work on the device on such images and labels."""
    network = Network(model, replace(compute, compile="never"))
    logits = network.logits(data.images(slice(0, 2)))
    refuse_foreign_labels(data.labels, classes=logits.shape[1])
    return network
