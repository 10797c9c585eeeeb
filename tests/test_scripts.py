"""The scripts run on a small checkpoint, as a researcher would run them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import landscape
from landscape.models import ModelSpec
from landscape.training import TrainConfig

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
