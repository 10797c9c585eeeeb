"""What a folder holds that a report can show: trainings, surfaces, results of attacks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from landscape.errors import InputError
from landscape.runs import METRICS, SETTINGS, whole_lines
from landscape.store import is_li_directions, is_li_surface, open_surface, swept_axes


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        name: its folder, as seen from the run's.
        settings: what `config.json` says.
        epochs: the lines of `metrics.jsonl`.
    """

    name: str
    settings: dict[str, Any]
    epochs: list[dict[str, Any]]


@dataclass
class Contents:
    """All that there is.

    Attributes:
        trainings: in the order of their names.
        surfaces: files that can be drawn, by their names as seen from the folder.
        alike: the names of surfaces of the same kind over the same axes, by these.
        attacks: files of what an attack found, by the names of model and file.
        refused: by file, why it is not shown.
    """

    trainings: list[Training] = field(default_factory=list)
    surfaces: dict[str, Path] = field(default_factory=dict)
    alike: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    attacks: dict[str, Path] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def look_through(folder: Path) -> Contents:
    """What a folder and the folders in it hold; links to other folders are not followed.

    Raises:
        InputError: it is not a folder, or holds nothing to report.
    """
    if not folder.is_dir():
        raise InputError(f"expected the folder of a run, got {folder}; give the --out of a command")
    found = Contents()
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            if path.name == SETTINGS:
                found.trainings += _training(path, folder)
            elif not is_li_surface(path) and not is_li_directions(path):
                _add_surface(found, path, name)
        except InputError as error:
            found.refused[name] = str(error)
    if not (found.trainings or found.surfaces or found.attacks):
        why = "".join(f"; {words}" for words in found.refused.values())
        raise InputError(
            f"expected trainings, surfaces or results of attacks in {folder}, got none{why}"
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Settings of trainings, and surfaces that are whole or grow under their own name."""
    for path in sorted(folder.rglob("*")):
        surface = path.name.endswith(".h5") and ".partial." not in path.name
        if (surface or path.name == SETTINGS) and path.is_file():
            yield path


def _add_surface(found: Contents, path: Path, name: str) -> None:
    with open_surface(path) as data:
        kind, axes = str(data.attrs["kind"]), swept_axes(data)
    if kind == "attack":
        found.attacks[name] = path
        return
    found.surfaces[name] = path
    found.alike.setdefault((kind, *axes), []).append(name)


def _training(path: Path, folder: Path) -> Iterator[Training]:
    """The training that wrote a file of settings; none where somebody else did."""
    metrics = path.with_name(METRICS)
    if not metrics.is_file():
        return
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        epochs = [json.loads(line) for line in whole_lines(metrics)]
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path.parent} cannot be read as a training ({error})") from error
    sound = isinstance(settings, dict) and all(isinstance(epoch, dict) for epoch in epochs)
    if not sound or not epochs:
        raise InputError(f"{path.parent} holds settings, but no epochs of a training")
    name = path.parent.relative_to(folder).as_posix()
    yield Training(folder.resolve().name if name == "." else name, settings, epochs)
