"""A process fills a file while this one opens, draws and exports it again and again."""

import csv
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from landscape.export import write_exports
from landscape.plots import draw
from landscape.store import Axis, Field, Layout, SurfaceWriter, complete_part, open_surface

SIDE, STAGES = 33, 20


def layout():
    return Layout(
        kind="weights",
        points=tuple(
            Axis(name, np.linspace(-1, 1, SIDE)[::-1], "1", name) for name in ("alpha", "beta")
        ),
        fields=tuple(
            Field(name, "float64", "1", name) for name in ("accuracy", "loss", "gradient_norm")
        ),
        about={"title": "a surface", "provenance": {}},
    )


def values_at(alpha, beta):
    """Some are nan or inf: those must be told from what is not there yet."""
    loss = 1 + alpha**2 + beta**2 / 2
    loss = np.where(alpha + beta > 1, np.inf, np.where(alpha + beta < -1, np.nan, loss))
    return {"loss": loss, "accuracy": 0.5 + alpha / 4, "gradient_norm": 2 + beta}


def write(path):
    """What the other process does: a stage for each line it is told, as fast as it can."""
    with SurfaceWriter(path, layout()) as writer:
        pending = writer.pending()
        for stage in np.array_split(pending, STAGES):
            for start in range(0, len(stage), 3):
                part = stage[start : start + 3]
                writer.write(part, values_at(*layout().coordinates(part).T))
                time.sleep(0.001)
            sys.stdout.write("written\n")
            sys.stdout.flush()
            sys.stdin.readline()
        writer.finish({})


def check(data):
    """Everything that is marked as computed has its value, whichever is asked for first."""
    expected = values_at(*np.meshgrid(data.alpha, data.beta, indexing="ij"))
    found = {name: data[name].values for name in expected}
    there = data.done.values == 1
    for name in found:
        assert_array_equal(found[name][there], expected[name][there])


def check_page(data):
    """All that the page shows was measured, and what is nan or inf is marked."""
    page = draw(data, "weight-interactive")
    (heat,) = [t for t in page.data if t.type == "heatmap" and t.visible]
    expected = values_at(*np.meshgrid(heat.x, heat.y))
    shown = [expected[name] for name in ("loss", "accuracy", "gradient_norm")]
    assert_array_equal(heat.customdata, np.stack(shown, axis=-1))
    marks = [t for t in page.data if t.type == "scatter" and t.visible and t.name[:4] == "loss"]
    count = sum(len(mark.x) for mark in marks if mark.x[0] is not None)
    assert count == (~np.isfinite(expected["loss"])).sum()


def check_table(data, stem):
    (path,) = write_exports(data, stem=stem)
    lines = [line for line in path.read_text().splitlines() if line[0] != "#"]
    rows = {name: np.array(column, float) for name, *column in zip(*csv.reader(lines), strict=True)}
    for name, expected in values_at(rows["alpha"], rows["beta"]).items():
        assert_array_equal(rows[name], expected)
    return len(lines) - 1


@pytest.mark.processes
def test_a_file_is_drawn_and_exported_while_it_is_written(tmp_path):
    path = tmp_path / "s.h5"
    here = str(Path(__file__).parent)
    code = f"import sys; sys.path[:0] = [{here!r}]; import test_while_written as t; "
    code += f"t.write(t.Path({str(path)!r}))"
    looks, counts, pipes = 0, [], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as writer:
        assert writer.stdout.readline() == "written\n"
        with open_surface(path) as early:
            while writer.poll() is None:
                if looks < STAGES:  # it may write on, while this process looks
                    writer.stdin.write("\n")
                    writer.stdin.flush()
                with open_surface(path) as data:
                    check(data)
                    counts.append(int(data.done.sum()))
                    if looks % (STAGES // 2) == 0:
                        check_page(data)
                        draw(data, "weight-contour")
                        assert check_table(data, tmp_path / "table") == counts[-1]
                looks += 1
            check(early)  # the file that it was opened from was replaced meanwhile
            check_page(early)
    assert writer.returncode == 0
    assert counts == sorted(counts)
    assert looks >= STAGES
    assert len(set(counts)) > 2
    with open_surface(path) as data:
        assert data.attrs["complete"]
        assert bool((complete_part(data).done == 1).all())
        check(data)
        check_page(data)
