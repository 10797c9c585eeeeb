"""The folder of a training run, and the state from which training goes on."""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from landscape.data import ImageSet
from landscape.errors import InputError
from landscape.files import atomic_write
from landscape.models import ModelSpec
from landscape.models.contents import digest_of, read_contents, write_contents
from landscape.runs import METRICS, SETTINGS
from landscape.training.config import TrainConfig

log = logging.getLogger("landscape.training")

FORMAT = "landscape-training-state"
VERSION = 1
SEAL = "sha256"
"""Of all else in the file; states that were written before there was one are read as they are."""
BEFORE = {"processes": "1", "training.accumulate": "1"}  # what is left out, or came later


@dataclass(frozen=True)
class RunFolder:
    """The files of one training run."""

    path: Path

    @property
    def state(self) -> Path:
        """Weights, momentum and step, as of the last complete save."""
        return self.path / "state.pt"

    @property
    def model(self) -> Path:
        """The trained model; it exists once training is complete."""
        return self.path / "model.pt"

    @property
    def epochs(self) -> Path:
        """The folder of the weights that are kept along the way."""
        return self.path / "epochs"

    def epoch(self, number: int) -> Path:
        """The model after so many epochs; 0 is the one that training began with."""
        return self.epochs / f"{number:04d}.pt"

    @property
    def metrics(self) -> Path:
        """One JSON object per epoch."""
        return self.path / METRICS

    @property
    def settings(self) -> Path:
        """All settings of the run, for reading."""
        return self.path / SETTINGS

    @property
    def events(self) -> Path:
        """TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def replaced(self) -> "RunFolder":
        """The trained run that was here before, until the new one is whole."""
        return RunFolder(self.path / "replaced")

    @property
    def _parts(self) -> tuple[Path, ...]:
        """All files and folders; the model last, so that with it goes or comes a whole run."""
        return (self.state, self.metrics, self.settings, self.epochs, self.events, self.model)

    def has_run(self) -> bool:
        """Whether there is a state to go on from.

        Raises:
            InputError: there is a trained model without one.
        """
        if self.model.exists() and not self.state.exists():
            raise InputError(
                f"{self.path} holds model.pt without the state.pt that tells how it was trained; "
                "give another --out, or --overwrite to lose it"
            )
        return self.state.exists()

    def make_room(self) -> None:
        """Move a trained run that is here to `replaced`, and delete another; other files stay.

        A kill in between leaves the run in both folders together: the next call moves the rest.
        """
        if self.model.exists():
            if self.replaced.model.exists():
                self.replaced.clear()
            self.replaced.path.mkdir(exist_ok=True)
            for part in filter(Path.exists, self._parts):
                part.rename(self.replaced.path / part.name)
            log.info("the trained run stays in %s until the new one is whole", self.replaced.path)
        self.clear()

    def clear(self) -> None:
        """Delete the run that is here; other files stay."""
        for part in self._parts:
            if part.is_dir():
                shutil.rmtree(part)
            part.unlink(missing_ok=True)

    def forget_replaced(self) -> None:
        """Delete the run that was here before, now that there is a whole one in its place."""
        self.replaced.clear()
        with suppress(OSError):  # there is none, or it holds other files
            self.replaced.path.rmdir()


def run_settings(
    spec: ModelSpec,
    data: ImageSet,
    config: TrainConfig,
    validation: ImageSet | None,
    *,
    seed: int,
    processes: int,
) -> dict[str, Any]:
    """All that decides about the weights and metrics of a run, as JSON gives it back.

    The number of processes is left out where there is one: it was, when there could be no more.
    """
    settings = {
        "model": asdict(spec),
        "data": _described(data),
        "validation": None if validation is None else _described(validation),
        "training": config.as_dict(),
        "seed": seed,
        **({"processes": processes} if processes > 1 else {}),
    }
    return dict(json.loads(json.dumps(settings)))


def _described(data: ImageSet) -> dict[str, Any]:
    return {"name": data.name, "split": data.split, "images": len(data), "sha256": data.sha256}


def write_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write JSON values for people to read."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def write_state(path: Path, settings: Mapping[str, Any], contents: Mapping[str, Any]) -> None:
    """Replace the state file by a new one, whole or not at all.

    Args:
        path: the file.
        settings: JSON values that tell this run from another.
        contents: tensors and JSON values.
    """
    header = {"format": FORMAT, "version": VERSION, "settings": dict(settings)}
    whole = {**header, **contents}
    write_contents(path, {**whole, SEAL: digest_of(whole)})


def read_state(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of a state file that the same settings have written.

    Raises:
        InputError: the file is damaged or something else, or another run has written it.
    """
    damaged = (
        f"{path} is damaged or not a training state of this version, so training cannot go "
        "on from it; give another --out, or --overwrite to start anew"
    )
    state = read_contents(path, damaged)
    try:
        known = state["format"] == FORMAT and state["version"] == VERSION
        kept = {name: value for name, value in state.items() if name != SEAL}
        if not known or state.get(SEAL, digest_of(kept)) != digest_of(kept):
            raise InputError(damaged)
        _refuse_other_settings(path.parent, state["settings"], settings)
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, RuntimeError) as error:
        raise InputError(damaged) from error
    return dict(kept)


def _refuse_other_settings(
    folder: Path, stored: Mapping[str, Any], asked: Mapping[str, Any]
) -> None:
    before, now = BEFORE | dict(_flat(stored)), BEFORE | dict(_flat(asked))
    differences = {
        name: f"{name} is {before.get(name, 'unset')} there and {now.get(name, 'unset')} here"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    }
    if list(differences) == ["processes"]:
        raise _other_number(folder, int(before["processes"]), int(now["processes"]))
    if differences:
        raise InputError(
            f"{folder} holds another training run: {'; '.join(differences.values())}; give "
            "another --out, or --overwrite to lose it"
        )


def _other_number(folder: Path, there: int, here: int) -> InputError:
    way = (
        f"start {there} (torchrun --nproc-per-node {there})" if there > 1 else "leave out torchrun"
    )
    return InputError(
        f"{folder} holds a training by {there} process{'es' * (there > 1)}, this one is by {here}: "
        "random numbers and BatchNorm go by the process, so it would not end as it would have; "
        f"{way} to go on with it, give another --out, or --overwrite to start anew"
    )


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as dotted names and JSON text."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, json.dumps(value)
