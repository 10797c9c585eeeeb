"""The scripts run on a small checkpoint, as a researcher would run them."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import landscape
from landscape.evaluation import Evaluation
from landscape.models import ModelSpec
from landscape.training import SETTINGS, TrainConfig

SCRIPTS = Path(__file__).parents[1] / "scripts"


def script(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    data = landscape.load_dataset("digits", split="test")
    landscape.train(
        ModelSpec("cnn", classes=10, channels=1),
        data,
        TrainConfig(epochs=1),
        out=folder,
        validation=None,
        seed=0,
        device="cpu",
        checkpoint_every=1,
        progress=False,
        overwrite=False,
    )
    return folder / "model.pt"


def test_grids_pages_and_figures(checkpoint, tmp_path, monkeypatch, capsys):
    spatial, weights = script("spatial_grid"), script("weight_grid")
    monkeypatch.setattr(spatial, "ROTATION", np.linspace(-30, 30, 3))
    monkeypatch.setattr(weights, "STEPS", np.linspace(-1, 1, 3))
    spatial.main((checkpoint,), out=tmp_path, images=2)
    weights.main((checkpoint,), out=tmp_path, samples=20)
    surfaces = (tmp_path / "tiny-spatial.h5", tmp_path / "tiny-weights.h5")
    assert landscape.load_surface(surfaces[0]).loss.shape == (2, 3, 5, 5)
    assert landscape.load_surface(surfaces[1]).loss.shape == (3, 3)
    script("explore").main(surfaces, out=tmp_path / "pages", browser=False)
    script("export_figures").main(surfaces, out=tmp_path / "paper", formats=("pdf",))
    assert {path.name for path in (tmp_path / "pages").iterdir()} == {
        "tiny-spatial-spatial-interactive.html",
        "tiny-weights-weight-interactive.html",
    }
    assert len(list((tmp_path / "paper").glob("*.pdf"))) == 4
    for line in capsys.readouterr().out.splitlines():
        assert Path(line).exists()


def test_the_demo_can_be_imported_without_running():
    assert script("demo").main.__doc__


def test_the_table_of_a_paper_its_figure_and_why(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from robustness import why

    digits = SETTINGS["digits"]
    monkeypatch.setitem(
        SETTINGS, "digits", replace(digits, budget=replace(digits.budget, epochs=1))
    )
    for name, value in {"ROTATIONS": 5, "SHIFTS": 3, "COUNTED": 2, "DRAWN": 2, "WAYS": 2}.items():
        monkeypatch.setattr(why, name, value)
    settings = {
        "recipes": ("standard",),
        "attacks": ("natural", "grid:rotations=3,shifts=3", "first-order:steps=3"),
        "budget": True,
        "vote": 2,
        "samples": 20,
    }
    script("spatial_robustness").main(tmp_path, **settings)
    shown = capsys.readouterr().out
    assert {path.suffix for path in tmp_path.glob("table.*")} == {".csv", ".json", ".md", ".tex"}
    rows = json.loads((tmp_path / "table.json").read_text())
    assert len(rows) == 3 * 2
    table = (tmp_path / "table.md").read_text()
    assert table.strip() in shown
    natural = next(r for r in rows if r["model"] == "standard" and r["attack"] == "natural")
    assert f"| standard | {100 * natural['accuracy']:.1f} |" in table
    for name in ("accuracy.png", "accuracy.pdf", "why.png", "why.pdf"):
        assert (tmp_path / name).stat().st_size > 5000
    findings = json.loads((tmp_path / "why.json").read_text())
    assert set(findings) == {"standard"}
    assert all(f["images"] == len(f["maxima"]) == 2 for f in findings.values())
    weights = (tmp_path / "standard" / "model.pt").read_bytes()
    script("spatial_robustness").main(tmp_path, **settings)  # everything is there
    assert (tmp_path / "standard" / "model.pt").read_bytes() == weights
    assert json.loads((tmp_path / "table.json").read_text()) == rows


def test_the_order_of_the_paper_is_checked(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from robustness import report

    def rows(**accuracies):
        return [
            Evaluation(name.replace("_", "-"), value, (0.0, 1.0), 1.0, 10, 1.0)
            for name, value in accuracies.items()
        ]

    results = {
        "standard": rows(natural=0.9, random=0.8, worst_of_10=0.5, grid=0.1, first_order=0.6),
        "random-30": rows(natural=0.9, random=0.95, worst_of_10=0.5, grid=0.3, first_order=0.2),
        "worst10-30": rows(natural=0.9, random=0.8, worst_of_10=0.7, grid=0.2, first_order=0.6),
    }
    told = "\n".join(report.order(results))
    assert "standard: natural > random > worst-of-10 > grid: holds (90.0, 80.0, 50.0, 10.0)" in told
    assert "random-30: natural > random > worst-of-10 > grid: DOES NOT HOLD" in told
    assert "random-30: first-order is weaker than grid: DOES NOT HOLD (20.0, 30.0)" in told
    assert "worst10-30 > random-30 > standard: DOES NOT HOLD (20.0, 30.0, 10.0)" in told
    assert "[93.0]" in report.markdown({"standard": results["standard"]}, "cifar10")


def test_adversarial_geometry_from_base_to_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from geometry import settings

    tiny = replace(
        settings.BUDGETS["smoke"],
        attacks={"fgsm": "fgsm", "stadv": "stadv-bounded:steps=2,step=0.3"},
        learn=60,
        test=30,
        side=3,
        surface_images=30,
        curves=2,
    )
    monkeypatch.setitem(settings.BUDGETS, "smoke", tiny)
    digits = SETTINGS["digits"]
    monkeypatch.setitem(
        SETTINGS, "digits", replace(digits, budget=replace(digits.budget, epochs=1))
    )
    script("adversarial_geometry").main(tmp_path)
    shown = capsys.readouterr().out
    tables = (tmp_path / "tables.md").read_text()
    assert tables.strip() in shown
    for name in ("clean-contours.png", "clean-3d.pdf", "own-contours.pdf", "own-3d.png"):
        assert (tmp_path / name).stat().st_size > 5000
    rows = json.loads((tmp_path / "accuracy.json").read_text())
    assert len(rows) == 3 * 3 + 2 * 3  # networks x attacks, and what others saw
    assert all(f"| {name} | clean |" in tables for name in ("none", "fgsm", "stadv"))
    assert "| none | own |" not in tables
    assert tables.count("1 - SSIM)") == 2 * 5
    stored = {file: file.read_bytes() for file in tmp_path.glob("planes/*")}
    assert len(stored) == 5 * (2 + 1)  # two seeds and the numbers
    script("adversarial_geometry").main(tmp_path)  # everything is there
    assert {file: file.read_bytes() for file in tmp_path.glob("planes/*")} == stored


def test_the_papers_numbers_stand_beside_ours_where_the_data_are_the_same(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from geometry import report
    from geometry.shapes import Shape

    results = {
        "none": [Evaluation("fgsm", 0.125, (0.11, 0.14), 1.0, 2000, 2.0)],
        "fgsm": [Evaluation("fgsm", 0.8, (0.78, 0.82), 1.0, 2000, 2.0)],
    }
    assert "| none | 12.5 ± 1.5 [16.88] |" in report.accuracies(results, True)
    assert "[16.88]" not in report.accuracies(results, False)
    shapes = {
        ("none", "clean"): Shape([1.0, 2.0], [1.0, 1.2], [0.1, 0.2], 0.1, 1.0),
        ("pgd", "clean"): Shape([3.0, 5.0], [0.5, 0.7], [0.1, 0.3], 0.3, 3.0),
        ("fgsm", "clean"): Shape([6.0, 7.0], [2.0, 2.2], [0.4, 0.6], 0.2, 4.0),
    }
    told = report.geometry(shapes, ["pgd", "fgsm"])
    assert "| pgd | clean | 4 ± 2 | 0.6 ± 0.2 | 20 ± 20 | 0.3 | 3 |" in told
    assert "curvature: none < pgd < fgsm (the paper's order; as by 1 - SSIM)" in told
    assert "rise: pgd < none < fgsm (not the paper's order; as by 1 - SSIM)" in told
    assert "adaptive: none < fgsm < pgd (not the paper's order; not as by 1 - SSIM)" in told
