"""The comparison of adaptive with full grids, on a surface in closed form."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from landscape.store import Axis, Field, Layout, SurfaceWriter

SCRIPT = Path(__file__).parents[1] / "scripts" / "adaptive_grid.py"


@pytest.fixture
def script(monkeypatch):
    spec = importlib.util.spec_from_file_location("adaptive_grid", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "adaptive_grid", module)  # for its dataclasses
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FULL", (5, 9, 17))
    monkeypatch.setattr(module, "TOLERANCES", (0.05,))
    return module


def test_the_tables_of_a_bowl(script, tmp_path, capsys):
    axes = tuple(Axis(name, np.linspace(-1, 1, 33), "1", name) for name in ("alpha", "beta"))
    fields = (Field("loss", "float64", "nat", "loss"),)
    layout = Layout("weights", axes, fields, about={"title": "a bowl"})
    with SurfaceWriter(path := tmp_path / "bowl.h5", layout) as writer:
        indices = writer.pending()
        x, y = layout.coordinates(indices).T
        writer.write(indices, {"loss": 1 + x**2 + y**2})
        writer.finish({})
    script.main((path,))
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("|")
    ]
    found = {tuple(row[:3]): row[3:] for row in rows}
    # Between points a distance h apart the line is off by h^2 / 4 at most, on each of two axes.
    worst = {"5": 0.125 / 2, "9": 0.125 / 8, "17": 0.125 / 32}
    for m, share in worst.items():
        across = found[f"full {m} x {m}", "linear", str(int(m) ** 2)]
        assert across[1] == f"{share:.3%}"
        assert found[f"full {m} x {m}", "cubic", str(int(m) ** 2)][1] == "0.000%"
    assert found["adaptive, tolerance 5.00%", "its own", "81"][:2] == ["0.0000%", "0.000%"]
    assert found["33 x 33", "81", "81"] == ["81", "28%"]
