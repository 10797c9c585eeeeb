"""What the command line does with a file, as a list of functions that may refuse it."""

import contextlib
import io
import re
import shutil
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from fuzzing.networks import SETTINGS, SPEC
from fuzzing.seeds import Seed, attacked_images
from landscape import store
from landscape.cli import main
from landscape.directions.curve import load_curve
from landscape.errors import InputError
from landscape.evaluation.attacked import load_attacked
from landscape.evaluation.rows import rows_of
from landscape.models import load_checkpoint
from landscape.plots import PLOTS, panels, style
from landscape.training.state import read_state

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
FINE, REFUSED = 0, 2
Reader = Callable[[Path, Seed, Path], int]


@contextlib.contextmanager
def _coarse() -> Iterator[None]:
    """That a figure is drawn matters here, and not how finely."""
    before = style.RC["savefig.dpi"], panels.FACETS
    style.RC["savefig.dpi"], panels.FACETS = 30, 6
    try:
        yield
    finally:
        style.RC["savefig.dpi"], panels.FACETS = before


@_coarse()
def read(
    path: Path, seed: Seed, folder: Path, number: int, only: tuple[str, ...] = ()
) -> tuple[str, str]:
    """Give a file to all its readers.

    Args:
        path: of the file.
        seed: what it was made from.
        folder: for what they write.
        number: of the file: what takes long is done in turn.
        only: the names of readers; all unless given.

    Returns:
        The outcome, and which reader failed how.
    """
    taken = opened = False
    for name, reader in _readers(seed, number):
        if name in LATE and not opened and number // 7 % 4:
            continue  # `info` has refused it already
        if only and name not in only:
            continue
        (folder / "reader").write_text(name)
        try:
            with warnings.catch_warnings(action="ignore"):
                status = reader(path, seed, folder)
        except InputError as error:
            status = REFUSED
            if len(str(error)) > 2_000 or CONTROL.search(str(error)):
                return (
                    "traceback",
                    f"{name}: a sentence of {len(str(error))} characters, or control characters",
                )
        except BaseException as error:
            return "traceback", f"{name}: {_where(error)}"
        if status not in (FINE, REFUSED):
            return "traceback", f"{name}: exit status {status}"
        taken |= status == FINE
        opened |= name == "open_surface" and status == FINE
    return ("accepted" if taken else "refused"), ""


def _where(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/landscape/" in f.filename]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {place}: {str(error)[:100]!r}"


def _readers(seed: Seed, number: int) -> list[tuple[str, Reader]]:
    if seed.family not in ("surface", "li"):
        return FAMILIES[seed.family]
    turn = number // 7  # other than that of the kinds
    found = [*HDF5, ("export", partial(_export, name=EXPORTED[turn % len(EXPORTED)]))]
    found.append(("plot", partial(_plot, turn=turn)))
    if seed.family == "li" or turn % 8 == 0:
        found += [("import", _import), ("what was imported", _imported)]
    return found


def _command(*words: str | Path) -> int:
    """The exit status of a command; what it prints must be plain text."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            status = main([str(word) for word in words])
        except SystemExit as stop:
            raise RuntimeError(f"exit {stop.code}") from stop
    if found := CONTROL.search(out.getvalue()):
        raise RuntimeError(f"control character {found[0]!r} in what is printed")
    return status


def _open(path: Path, seed: Seed, folder: Path) -> int:
    with store.open_surface(path) as data:
        store.facts(data)
    store.facts(store.load_surface(path))
    return FINE


def _directions(path: Path, seed: Seed, folder: Path) -> int:
    store.load_directions(path)
    store.split_directions(path)
    return FINE


def _attacked(path: Path, seed: Seed, folder: Path) -> int:
    if not seed.kind.endswith("attack"):
        return REFUSED
    load_attacked(path, attacked_images())
    with store.open_surface(path) as data:
        rows_of(data)
    return FINE


def _resume(path: Path, seed: Seed, folder: Path) -> int:
    if seed.layout is None:
        return REFUSED
    copy = folder / "resumed.h5"
    shutil.copy(path, copy)
    with store.SurfaceWriter(copy, seed.layout) as writer:
        pending = writer.pending()
        if writer.complete and len(pending):
            writer.reopen()
        if not writer.complete:
            some = pending[:2]
            columns = {
                f.name: np.zeros((len(some), *seed.layout.item_shape, *map(len, f.own)), f.dtype)
                for f in seed.layout.fields
            }
            if len(some):
                writer.write(some, columns)
            writer.finish({"checks": []})
    return _command("info", copy)


def _li(path: Path, seed: Seed, folder: Path) -> int:
    store.is_li_surface(path)
    store.is_li_directions(path)
    for reader in (store.read_li_directions, store.read_li_projection, store.read_li_surface):
        with contextlib.suppress(InputError):
            reader(path)
    return REFUSED


def _import(path: Path, seed: Seed, folder: Path) -> int:
    surface = path if seed.kind == "Li: surface" else folder.parent / "seeds" / "li.h5"
    words: list[str | Path] = ["import", surface, "--out", folder / "imported.h5", "--overwrite"]
    for flag in ("projection", "directions"):
        if seed.kind == f"Li: {flag}":
            words += [f"--{flag}", path]
    return _command(*words)


def _imported(path: Path, seed: Seed, folder: Path) -> int:
    made = folder / "imported.h5"
    if not made.exists() or seed.family != "li":
        return REFUSED
    return max(_command("info", made), _command("export", made, "--out", folder / "e2"))


def _export(path: Path, seed: Seed, folder: Path, name: str) -> int:
    return _command("export", path, "--out", folder / "exported", "--formats", name)


def _plot(path: Path, seed: Seed, folder: Path, turn: int) -> int:
    """One of the plots of such a surface; of others whichever fits."""
    layout = seed.layout
    kind, axes = (layout.kind, len(layout.points)) if layout is not None else ("", 0)
    fitting = [name for name, plot in PLOTS.items() if (plot.kind, plot.axes) == (kind, axes)]
    words = ["--plots", fitting[turn % len(fitting)]] if fitting else []
    where = folder / "plots"
    return _command("plot", path, "--out", where, "--formats", "png", "html", *words)


def _checkpoint(path: Path, seed: Seed, folder: Path) -> int:
    load_checkpoint(path, spec=None if path.suffix == ".pt" else SPEC)
    return FINE


def _evaluate(path: Path, seed: Seed, folder: Path) -> int:
    own = [] if path.suffix == ".pt" else ["--model", SPEC.name]
    one = ["--attacks", "natural", "--samples", "2", "--compile", "never"]
    return _command("evaluate", path, *own, "--dataset", "digits", *one)


def _state(path: Path, seed: Seed, folder: Path) -> int:
    read_state(path, SETTINGS)
    return FINE


def _curve(path: Path, seed: Seed, folder: Path) -> int:
    load_curve(path)
    return FINE


HDF5: list[tuple[str, Reader]] = [
    ("open_surface", _open),
    ("load_directions", _directions),
    ("load_attacked", _attacked),
    ("SurfaceWriter", _resume),
    ("read_li", _li),
    ("info", lambda path, seed, folder: _command("info", path)),
]
LATE = ("export", "plot")
EXPORTED = ("csv", "minima", "li", "obj", "light", "vts")
FAMILIES: dict[str, list[tuple[str, Reader]]] = {
    "checkpoint": [("load_checkpoint", _checkpoint), ("evaluate", _evaluate)],
    "state": [("read_state", _state)],
    "curve": [("load_curve", _curve)],
}
