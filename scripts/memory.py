"""How much memory do large surfaces take? Every command in a process of its own; Linux only.

    python scripts/memory.py --out results/memory                    # smoke: half a minute
    python scripts/memory.py --out results/memory --budget laptop    # hours, and 2 GB of disk

A spatial surface and a volume of weight space are computed, described, drawn and exported through
the command line, with a small network that was not trained. Beside each sweep stands the same one
over a handful of points: what model, data and a forward pass take. Prints a table and writes it to
tables.md, with all figures in memory.json. Stopped and started again, it computes everything anew.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import landscape
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.models import ModelSpec, build_model, save_checkpoint

MIB, LOOK = 2**20, 0.02  # seconds between two looks at the size of a file that is being written
SAME = ("--compile", "never", "--memory", "256MiB", "--device", "cpu")  # for few points and many

CHILD = """
import sys
from pathlib import Path
from landscape.cli import main
report = Path(sys.argv.pop(1))
try:
    sys.exit(main())
finally:
    lines = Path("/proc/self/status").read_text().splitlines()
    report.write_text(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


@dataclass(frozen=True)
class Size:
    """How large the surfaces are.

    Attributes:
        images: of the spatial surface.
        rotations: poses along the first axis.
        shifts: along the others.
        side: of the volume, points.
        samples: images that its loss is a mean over.
    """

    images: int
    rotations: int
    shifts: int
    side: int
    samples: int


BUDGETS = {"smoke": Size(20, 5, 3, 3, 10), "laptop": Size(1000, 31, 21, 41, 20)}


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        command: its name, and of what.
        peak: resident memory at its highest, bytes.
        seconds: from start to end.
        filling: size of the surface's file while it was filled, bytes; 0: it was not.
        stored: size of what was written, bytes.
    """

    command: str
    peak: int
    seconds: float
    filling: int
    stored: int

    def row(self) -> str:
        """A line of the table, in MiB and seconds."""
        sizes = [f"{size / MIB:.1f}" if size else "" for size in (self.filling, self.stored)]
        return (
            f"| {self.command} | {self.peak / MIB:.0f} | {sizes[0]} | {sizes[1]} | "
            f"{self.seconds:.1f} |"
        )


def measured(name: str, *arguments: object, out: Path) -> Cost:
    """Run a command of the package and look on.

    Args:
        name: of the command in the table.
        arguments: of the command line.
        out: the file that it writes, or the folder.
    """
    report = out.parent / "peak.txt"
    command = [sys.executable, "-c", CHILD, str(report), *map(str, arguments)]
    filling, started = 0, time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            time.sleep(LOOK)
            filling = max(filling, out.stat().st_size if out.is_file() else 0)
    if process.returncode:
        raise landscape.InputError(f"{' '.join(command[4:])} ended with {process.returncode}")
    seconds = time.monotonic() - started
    peak = int(report.read_text()) * 1024
    report.unlink()
    files = [out] if out.is_file() else out.iterdir()
    sweep = out.suffix == ".h5"
    return Cost(name, peak, seconds, filling if sweep else 0, sum(f.stat().st_size for f in files))


def spatial(network: Path, out: Path, size: Size, *, tiny: bool) -> Cost:
    """The sweep over poses, or the same of two of them."""
    rotations, shifts = (2, 1) if tiny else (size.rotations, size.shifts)
    reach = 0 if tiny else 3
    grid = ["--rotation", -30, 30, rotations]
    for axis in ("--shift-x", "--shift-y"):
        grid += [axis, -reach, reach, shifts]
    name = f"spatial, {size.images} images x {rotations} x {shifts} x {shifts}"
    return measured(
        name, "spatial", network, "--out", out, "--images", size.images, *grid, *SAME, out=out
    )


def weights(network: Path, out: Path, size: Size, *, tiny: bool) -> Cost:
    """The sweep over a volume of weight space, or the same of its corners."""
    side = 2 if tiny else size.side
    given = ["--dimensions", 3, "--points", side, "--samples", size.samples, *SAME]
    return measured(f"weights, {side}^3", "weights", network, "--out", out, *given, out=out)


def used(surface: Path, exports: tuple[str, ...]) -> Iterator[Cost]:
    """What a stored surface is looked at with."""
    kind, folder = surface.stem, surface.parent / f"{surface.stem}-files"
    folder.mkdir(exist_ok=True)
    yield measured(f"info, {kind}", "info", surface, out=folder)
    for format in ("png", "html"):
        asked = ["--formats", format, "--out", folder]
        yield measured(f"plot {format}, {kind}", "plot", surface, *asked, out=folder)
        _clear(folder)
    for format in exports:
        asked = ["--formats", format, "--out", folder]
        yield measured(f"export {format}, {kind}", "export", surface, *asked, out=folder)
        _clear(folder)
    folder.rmdir()


def _clear(folder: Path) -> None:
    """A table of all points is larger than the surface by far."""
    for file in folder.iterdir():
        file.unlink()


def all_of(out: Path, size: Size) -> Iterator[Cost]:
    """Everything, one after the other."""
    spec = ModelSpec("cnn", classes=10, channels=1)
    model = build_model(spec, generator=landscape.generator(0))
    facts = {"configuration": {"data": {"name": "digits"}}, "provenance": {}}
    save_checkpoint(network := out / "network.pt", model, spec, **facts)
    for sweep, exports in ((spatial, ("csv",)), (weights, ("csv", "minima", "vts"))):
        for tiny in (True, False):
            surface = out / f"{sweep.__name__}.h5"
            surface.unlink(missing_ok=True)
            yield sweep(network, surface, size, tiny=tiny)
        yield from used(surface, exports)


def main(out: Path, budget: Literal["smoke", "laptop"] = "smoke") -> None:
    """Measure, print and write.

    Args:
        out: The folder for everything.
        budget: smoke (tiny surfaces) or laptop (1,000 images x 31 x 21 x 21, and 41^3).
    """
    out.mkdir(parents=True, exist_ok=True)
    lines = ["| command | peak memory, MiB | file while filled | stored | seconds |"]
    lines.append("|---|---|---|---|---|")
    print("\n".join(lines))
    costs = []
    for cost in all_of(out, BUDGETS[budget]):
        costs.append(cost)
        lines.append(cost.row())
        print(cost.row(), flush=True)
    (out / "tables.md").write_text("\n".join(lines) + "\n")
    (out / "memory.json").write_text(json.dumps([asdict(cost) for cost in costs], indent=1))


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
