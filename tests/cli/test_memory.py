"""Files larger than memory are described, drawn and exported, by a process with a limit."""

import csv
import subprocess
import sys

import h5py
import numpy as np
import pytest

from landscape.store import Axis, Constant, Field, Layout, SurfaceWriter
from landscape.store.schema import DONE_FIELD
from landscape.store.structure import compressed, write_skeleton

MB = 2**20
IMAGES, SHAPE, SHOWN = 800, (31, 25, 21), (3, 700)  # 52 MB of each of three quantities
ROOM = 48 * MB  # what commands may take beyond what they took for a tiny file
POINTS = 30  # computed of the unfinished one

CHILD = """
import re, resource, sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from landscape.cli.export import export
from landscape.cli.info import info
from landscape.cli.plot import plot
from landscape.plots import style
from landscape.store import load_surface

style.RC["savefig.dpi"] = 30
tiny, packed, unfinished = map(Path, sys.argv[1:4])

def commands(packed, unfinished):
    for file in (packed, unfinished):
        info((file,))
        plot((file,), plots=("spatial-slices",), formats=("png",), images=(3, 700))
    export((unfinished,), formats=("csv",))

with redirect_stdout(StringIO()):
    commands(tiny, tiny)  # now all modules are loaded and all fonts found
taken = int(re.search(r"VmData:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
limit = taken + int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
commands(packed, unfinished)
try:
    load_surface(packed)
except MemoryError:
    print("too large to be read at once")
"""


def make_layout(images, shape):
    names = (("rotation", "degree"), ("shift_x", "pixel"), ("shift_y", "pixel"))
    return Layout(
        kind="spatial",
        points=tuple(
            Axis(name, np.linspace(-2, 2, n), unit, name)
            for (name, unit), n in zip(names, shape, strict=True)
        ),
        items=(Axis("image", np.array(images), "1", "position"),),
        fields=(
            Field("loss", "float32", "nat", "cross-entropy"),
            Field("margin", "float32", "logit", "margin"),
            Field("prediction", "int32", "1", "predicted class"),
        ),
        constants=(Constant("label", ("image",), np.arange(len(images)) % 3, "true class"),),
        about={"title": "a surface", "provenance": {}},
    )


def write_unfinished(path, layout, points):
    """Losses differ at every pose, and for every image."""
    with SurfaceWriter(path, layout) as writer:
        indices = writer.pending()[:points]
        images = layout.items[0].values
        loss = (layout.coordinates(indices) ** 2).sum(axis=1)[:, None] + images / 1000
        zero = np.zeros(loss.shape, int)
        writer.write(indices, {"loss": loss, "margin": 3 - loss, "prediction": zero})


def write_packed(path, layout):
    """Like a packed file, but for two images nothing but fill values.

    Such are nowhere on the disk; whoever reads them needs as much room as for any number.
    """
    with h5py.File(path, "w") as file:
        write_skeleton(file, layout)
        file.attrs.update(landscape_schema=1, kind="spatial", complete=1, title="a surface")
        file.attrs.update(items='["image"]', configuration="{}", provenance="{}")
        for field in layout.fields:
            data = compressed(file, field, (*layout.items, *layout.points))
            for image in SHOWN:
                data[image] = 1 + image
        compressed(file, DONE_FIELD, layout.points)[...] = 1


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.processes
def test_files_larger_than_memory_are_described_drawn_and_exported(tmp_path):
    tiny, packed, unfinished = (tmp_path / f"{n}.h5" for n in ("tiny", "packed", "unfinished"))
    write_unfinished(tiny, make_layout(SHOWN, (3, 5, 5)), 75)
    write_packed(packed, make_layout(range(IMAGES), SHAPE))
    write_unfinished(unfinished, make_layout(range(IMAGES), SHAPE), POINTS)
    assert packed.stat().st_size < MB
    arguments = [str(path) for path in (tiny, packed, unfinished)] + [str(ROOM)]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, timeout=120
    )
    unfinished.unlink()  # pytest keeps folders
    assert child.returncode == 0, child.stderr
    told = " ".join(child.stdout.split())
    assert told.endswith("too large to be read at once")
    points = np.prod(SHAPE)
    assert f"loss 4 to 701 nat, mean 352.5, {(IMAGES - 2) * points} nan" in told
    assert f"unfinished, {POINTS} of {points} points" in told
    figures = {path.stem for path in tmp_path.glob("*.png")}
    assert figures >= {"packed-spatial-slices", "unfinished-spatial-slices"}
    with (tmp_path / "unfinished.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert len(rows) == IMAGES * POINTS
    for row in rows[:: len(rows) // 50]:
        place = [float(row[axis]) for axis in ("rotation", "shift_x", "shift_y")]
        loss = sum(x**2 for x in place) + int(row["image"]) / 1000
        assert np.float32(row["loss"]) == pytest.approx(loss, rel=1e-6)
