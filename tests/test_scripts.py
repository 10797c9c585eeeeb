"""The scripts run on a small checkpoint, as a researcher would run them."""

import importlib.util
import json
import re
import runpy
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import landscape
from landscape.directions.curve import straight
from landscape.evaluation import Evaluation
from landscape.measures.barrier import barrier
from landscape.models import MODELS, ModelSpec, build_model, save_checkpoint, vit
from landscape.models.cnn import SmallCNN
from landscape.models.resnet_cifar import CifarResNet
from landscape.plots import panels, style
from landscape.spatial import SpatialLimits
from landscape.training import Augment, TrainConfig

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(autouse=True)
def _coarse_figures(monkeypatch):
    """What is drawn matters here, and not how finely."""
    monkeypatch.setitem(style.RC, "savefig.dpi", 50)
    monkeypatch.setattr(panels, "FACETS", 6)


@pytest.fixture
def drawn_once(monkeypatch):
    """To be called before a second run, in which nothing is computed and its figures are known."""
    return lambda: monkeypatch.setattr("landscape.plots.save", lambda figure, path, *, data: None)


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


@pytest.mark.walkthrough
def test_grids_and_figures(checkpoint, tmp_path, monkeypatch, capsys):
    spatial, weights = script("spatial_grid"), script("weight_grid")
    monkeypatch.setattr(spatial, "ROTATION", np.linspace(-30, 30, 3))
    monkeypatch.setattr(weights, "STEPS", np.linspace(-1, 1, 3))
    spatial.main((checkpoint,), out=tmp_path, images=2)
    weights.main((checkpoint,), out=tmp_path, samples=20)
    surfaces = (tmp_path / "tiny-spatial.h5", tmp_path / "tiny-weights.h5")
    assert landscape.load_surface(surfaces[0]).loss.shape == (2, 3, 5, 5)
    assert landscape.load_surface(surfaces[1]).loss.shape == (3, 3)
    recipe = tmp_path / "plane.toml"
    recipe.write_text('plot = "weight-contour"\nfiles = ["tiny-weights.h5"]')
    assert script("figures").main((recipe,), out=tmp_path / "paper", formats=("pdf",)) == 0
    assert [path.name for path in (tmp_path / "paper").iterdir()] == ["plane.pdf"]
    beside = script("beside_defaults")
    monkeypatch.setattr(beside, "DPI", 50)
    beside.main(surfaces, out=tmp_path / "beside")
    assert sorted(path.name for path in (tmp_path / "beside").iterdir()) == [
        "tiny-spatial-spatial-3d.png",
        "tiny-spatial-spatial-slices.png",
        "tiny-weights-weight-3d.png",
        "tiny-weights-weight-contour.png",
    ]
    for line in capsys.readouterr().out.splitlines():
        assert Path(line).exists()


@pytest.mark.walkthrough
def test_the_gallery_is_drawn_from_the_surfaces_beside_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(SCRIPTS.parent)
    assert script("figures").main(out=tmp_path) == 0
    drawn = {path.stem for path in tmp_path.glob("*.png")}
    assert drawn == {path.stem for path in Path("figures/recipes").glob("*.toml")}
    assert drawn == {path.stem for path in Path("figures").glob("*.png")}
    page = Path("figures/README.md").read_text(encoding="utf-8")
    assert drawn == set(re.findall(r"^!\[.*\]\(([\w-]+)\.png\)$", page, re.MULTILINE))
    assert len(capsys.readouterr().out.splitlines()) == len(drawn)


def test_figures_whose_surfaces_are_not_there_are_named_with_what_makes_them(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(SCRIPTS.parent)
    recipes = sorted(Path("figures/results").glob("*.toml"))
    script("figures").main(tuple(recipes), out=tmp_path)
    for recipe, line in zip(recipes, capsys.readouterr().out.splitlines(), strict=True):
        assert line.startswith(f"{recipe.stem}: no results/") or line.endswith(".png")
    figures = {path.stem for path in Path("figures/results").glob("*.png")}
    assert {path.stem for path in recipes} == figures - {"first-order-stuck"}  # of why.py


@pytest.mark.walkthrough
def test_the_surfaces_of_the_gallery_from_nothing(tmp_path, monkeypatch, capsys):
    """A small part of each; those stored have the same kinds, axes and fields."""
    gallery = script("gallery")
    for name in ("FINE", "COARSE", "MAP", "VOLUME", "LINE"):
        monkeypatch.setattr(gallery, name, 3)
    monkeypatch.setattr(gallery, "ROTATION", np.array([-30.0, 0.0]))
    monkeypatch.setattr(gallery, "SHIFT", np.array([-1.0, 0.0, 1.0]))
    learn = landscape.load_dataset("digits").subset(64, generator=landscape.generator(0))
    monkeypatch.setattr(gallery.landscape, "load_dataset", lambda *_, **__: learn)
    gallery.main(tmp_path / "whole", tmp_path / "light", samples=8, epochs=2)
    printed = capsys.readouterr().out.splitlines()
    stored = {path.name: path for path in (SCRIPTS.parent / "figures/surfaces").glob("digits-*")}
    assert {Path(line).name for line in printed} == set(stored)
    for line in printed:
        made, kept = landscape.load_surface(line), landscape.load_surface(stored[Path(line).name])
        assert made.attrs["kind"] == kept.attrs["kind"]
        assert set(made.variables) == set(kept.variables)
        assert made.loss.dims == kept.loss.dims


POSES = str(SCRIPTS.parent / "figures" / "surfaces" / "resnet32-poses.h5")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["weight_grid", "/nowhere.pt", "--out", "here"], "no such file: /nowhere.pt"),
        (["weight_grid"], "expected at least one checkpoint, got none"),
        (["adaptive_grid", POSES], "expected a plane of at least 51 x 51 points, got 31 x 5 x 5"),
        (["figures", "/nowhere.toml"], "no such file: /nowhere.toml"),
        (["spatial_robustness", "--dataset", "none", "--out", "here"], "unknown data set 'none'"),
        (["pooling", "--dataset", "none", "--out", "here"], "unknown data set 'none'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_a_script_cannot_use_is_one_sentence(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / f"{words[0]}.py"), run_name="__main__")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"landscape: {told}")


def test_every_script_ends_so():
    for path in SCRIPTS.glob("*.py"):
        assert "sys.exit(exit_status(lambda: " in path.read_text(encoding="utf-8"), path.name


@pytest.mark.walkthrough
def test_the_table_of_a_paper_its_figure_and_why(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from robustness import why

    small = {"ROTATIONS": 5, "SHIFTS": 3, "COUNTED": 2, "DRAWN": 2, "WAYS": 2, "STEPS": 5}
    for name, value in small.items():
        monkeypatch.setattr(why, name, value)
    script("spatial_robustness").main(tmp_path)
    shown = capsys.readouterr().out
    assert {path.suffix for path in tmp_path.glob("table.*")} == {".csv", ".json", ".md", ".tex"}
    rows = json.loads((tmp_path / "table.json").read_text())
    assert len(rows) == 2 * 4 * 2  # modes, attacks, with and without the vote
    table = (tmp_path / "table.md").read_text()
    assert table.strip() in shown
    natural = next(r for r in rows if r["model"] == "standard" and r["attack"] == "natural")
    assert f"| standard | {100 * natural['accuracy']:.1f} |" in table
    for name in ("accuracy.png", "accuracy.pdf", "why.png", "why.pdf"):
        assert (tmp_path / name).stat().st_size > 2000
    findings = json.loads((tmp_path / "why.json").read_text())
    assert set(findings) == {"standard", "worst10-30"}
    assert all(f["images"] == len(f["maxima"]) == 2 for f in findings.values())
    weights = (tmp_path / "standard" / "model.pt").read_bytes()
    script("spatial_robustness").main(tmp_path)  # everything is there
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


@pytest.mark.walkthrough
def test_adversarial_geometry_from_base_to_figures(tmp_path, monkeypatch, capsys, drawn_once):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script("adversarial_geometry").main(tmp_path)
    shown = capsys.readouterr().out
    tables = (tmp_path / "tables.md").read_text()
    assert tables.strip() in shown
    for name in ("clean-contours.png", "clean-3d.pdf", "own-contours.pdf", "own-3d.png"):
        assert (tmp_path / name).stat().st_size > 2000
    rows = json.loads((tmp_path / "accuracy.json").read_text())
    assert len(rows) == 2 * 2 + 2  # networks x attacks, and what others saw
    assert all(f"| {name} | clean |" in tables for name in ("none", "fgsm"))
    assert "| none | own |" not in tables
    assert tables.count("1 - SSIM)") == 2 * 5
    stored = {file: file.read_bytes() for file in tmp_path.glob("planes/*")}
    assert len(stored) == 3 * (2 + 1)  # two seeds and the numbers
    drawn_once()
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


def _small_cnn(*arguments, pool="max"):
    """Stands for a network that pools in its stem."""
    return SmallCNN(*arguments)


@pytest.fixture
def narrow_networks(monkeypatch):
    """The scripts train what a test has time for, by the names that they know."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setitem(MODELS, "resnet20", partial(CifarResNet, 8))
    monkeypatch.setitem(MODELS, "resnet18", _small_cnn)
    monkeypatch.setattr(vit, "LAYERS", 1)
    monkeypatch.setattr(vit, "WIDTH", 24)


@pytest.mark.walkthrough
@pytest.mark.parametrize(("name", "radius"), [("pooling", 1), ("rounding", 2)])
def test_trade_offs_of_fragile_networks(narrow_networks, tmp_path, capsys, name, radius):
    from fragility.cli import Options

    main = script(name).main
    main(Options(tmp_path))
    shown = capsys.readouterr().out
    page = (tmp_path / "tables.md").read_text()
    assert page.strip() in shown
    data = landscape.load_surface(tmp_path / "tradeoff.h5")
    assert dict(data.accuracy.sizes) | {"attack": 0} == {
        "network": 2 if name == "pooling" else 4,
        "seed": 2,
        "epoch": 2,
        "attack": 0,
    }
    told = json.loads(data.attrs["configuration"])
    variants = told["variants"].values()
    assert {variant["training"]["epochs"] for variant in variants} == {2}
    assert len(told["weights_sha256"]) == 2 * data.sizes["network"]
    last = 100 * data.accuracy.isel(network=0, epoch=-1, attack=0).values
    error = last.std(ddof=1) / 2**0.5
    title = next(iter(told["networks"].values()))
    assert f"| {title} | {last.mean():.1f} ± {error:.1f} |" in page
    assert f"PGD {radius}/255 and its relatives" in page
    assert "| accuracy, % | natural | attack | one step | guesses | longer | huge radius |" in page
    for suffix in ("png", "pdf"):
        assert (tmp_path / f"figure-tradeoff.{suffix}").stat().st_size > 2000
    kept = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    main(Options(tmp_path))  # everything is there
    assert capsys.readouterr().out == shown
    assert {file: file.read_bytes() for file in kept} == kept


@pytest.mark.walkthrough
def test_filters_against_aliases_from_training_to_spectra(narrow_networks, tmp_path, capsys):
    from fragility.cli import Options

    script("antialiasing").main(Options(tmp_path))
    page = (tmp_path / "tables.md").read_text()
    assert page.strip() in capsys.readouterr().out
    for head in ("images made against", "shift consistency, %", "power at 1/4 cycles/px"):
        assert head in page
    shifted = landscape.load_surface(tmp_path / "standard-plain" / "0" / "shifted.h5")
    assert shifted.sizes["image"] == 2
    varied = [
        float(
            landscape.total_variation(
                landscape.load_surface(tmp_path / "standard-blur3" / seed / "shifted.h5").loss,
                "shift_x",
            ).mean()
        )
        for seed in "01"
    ]
    error = abs(varied[0] - varied[1]) / 2
    assert f"| {np.mean(varied):.3f} ± {error:.3f} |" in page
    for stem in ("turned-slices", "shifted-slices", "shifted-spectra", "figure-tradeoff"):
        assert (tmp_path / f"{stem}.png").stat().st_size > 2000


@pytest.mark.parametrize("budget", ["smoke", "laptop", "paper"])
def test_every_network_of_every_budget_can_be_built(monkeypatch, budget):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from fragility import settings

    dataset = "digits" if budget == "smoke" else "cifar10"
    for study in (settings.rounding, settings.pooling, settings.antialiasing):
        found = study(budget, dataset)
        assert found.seeds >= 2
        assert found.attacks
        for variant in found.variants.values():
            ModelSpec(variant.model, classes=10, channels=3, options=variant.options)
            assert json.dumps(variant.training.as_dict())
    rounding = settings.rounding(budget, dataset).variants
    assert (rounding["baseline"].normalizes, rounding["round"].normalizes) == (True, False)
    assert rounding["round"].options["levels"] == 256


def test_networks_are_compared_where_they_are_equally_accurate(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from fragility import report

    assert report._read((np.array([0.2, 0.6]), np.array([0.1, 0.3]), np.zeros(2)), 0.3) == (
        pytest.approx(0.15)
    )
    back = (np.array([0.2, 0.6, 0.4]), np.array([0.1, 0.3, 0.0]), np.zeros(3))
    assert report._read(back, 0.5) == pytest.approx((0.25 + 0.15) / 2)
    assert np.isnan(report._read(back, 0.7))
    assert report.spread(np.array([0.5, 0.7])) == "60.0 ± 10.0"
    assert report.spread(np.array([0.5])) == "50.0"


@pytest.mark.parametrize("pose", [None, SpatialLimits(0.0, 2.0, 2.0)])
def test_a_curve_learns_from_images_as_the_first_network_did(tmp_path, monkeypatch, pose):
    connectivity, model, seen = script("mode_connectivity"), nn.Linear(2, 2), {}
    monkeypatch.setattr(connectivity, "ImageBatches", lambda *_, **given: seen.update(given))
    monkeypatch.setattr(connectivity, "connect", lambda *_, **__: straight(model, model))
    told = TrainConfig(augment=Augment(flip=True, crop=1, pose=pose)).as_dict()
    network = SimpleNamespace(model=model, configuration={"training": told})
    pair = connectivity.Pair(network, network, None, None, None)
    options = connectivity.Options(tmp_path, tmp_path, tmp_path)
    connectivity.trained(pair, options, connectivity.DEPTHS["smoke"])
    assert seen["augment"] == Augment(flip=True, crop=1, pose=pose)


@pytest.mark.walkthrough
def test_two_networks_are_connected_by_a_line_a_curve_and_a_plane(
    checkpoint, tmp_path, monkeypatch, capsys, drawn_once
):
    connectivity = script("mode_connectivity")
    monkeypatch.setitem(
        connectivity.DEPTHS, "smoke", connectivity.Depth(1, 60, 20, 20, points=3, side=3)
    )
    loaded = landscape.load_checkpoint(checkpoint)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.mul_(-1 if parameter.ndim > 1 else 1)
    other = tmp_path / "other.pt"
    about = {"configuration": loaded.configuration, "provenance": {}}
    save_checkpoint(other, loaded.model, loaded.spec, **about)
    options = connectivity.Options(checkpoint, other, tmp_path / "out")
    connectivity.main(options)
    page = (options.out / "tables.md").read_text()
    assert page.strip() in capsys.readouterr().out
    surfaces = {
        stem: landscape.load_surface(options.out / f"{stem}.h5")
        for stem in ("line-recompute", "curve-recompute", "line-frozen", "curve-frozen")
    }
    found = barrier(surfaces["line-recompute"].train_loss)
    assert f"| line | train | {found.first:.3f}, {found.second:.3f} | {found.value:.3f} |" in page
    for bn in ("recompute", "frozen"):
        line, curve = surfaces[f"line-{bn}"].loss, surfaces[f"curve-{bn}"].loss
        np.testing.assert_allclose(line[[0, 2]], curve[[0, 2]], rtol=1e-4)
        assert float(line[1]) != float(curve[1])
    assert landscape.load_surface(options.out / "plane.h5").loss.shape == (3, 3)
    assert (options.out / "plane-weight-contour.png").stat().st_size > 2000
    kept = {file: file.read_bytes() for file in options.out.glob("*.[hp][5t]")}
    drawn_once()
    connectivity.main(options)  # everything is there
    assert {file: file.read_bytes() for file in kept} == kept
    with pytest.raises(landscape.InputError, match="joins two other networks"):
        connectivity.main(replace(options, second=checkpoint))


@pytest.mark.walkthrough
def test_one_training_from_every_side(tmp_path, monkeypatch):
    sides = script("weight_space")
    for name in ("PLANE", "MAP", "VOLUME", "LINE"):
        monkeypatch.setattr(sides, name, 3)
    monkeypatch.setattr(sides, "NEAR", np.array([0.0, 0.5]))
    spec = ModelSpec("cnn", classes=10, channels=1)
    facts = {"configuration": {"data": {"name": "digits"}}, "provenance": {}}
    for seed, files in ((0, ["a/epochs/0.pt", "a/epochs/1.pt", "a/model.pt"]), (1, ["b/model.pt"])):
        model = build_model(spec, generator=landscape.generator(seed))
        for number, file in enumerate(files):
            with torch.no_grad():
                model.get_parameter("linear.weight").add_(0.1 * number)
                model.get_parameter("linear.bias")[number] += 1
            save_checkpoint(tmp_path / file, model, spec, **facts)
    out = tmp_path / "out"
    sides.main(tmp_path / "a", other=tmp_path / "b", out=out, samples=10, formats=("png",))
    names = {path.stem for path in out.glob("*.h5")}
    assert names == {"convexity", "sharpest", "volume", "between"}  # two epochs are no plane
    assert "hessian_min" in landscape.load_surface(out / "convexity.h5")
    assert "train_loss" in landscape.load_surface(out / "between.h5")
    assert (out / "convexity-weight-fields.png").exists()


@pytest.mark.processes
def test_faults_are_tried_for_real_and_nothing_is_lost(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from reliability import sweeps

    poses = ("--images", 1, "--rotation", -30, 30, 5, "--shift-x", 0, 0, 1, "--shift-y", 0, 0, 1)
    small = {"weights": ("--points", 3, "--samples", 20), "spatial": poses}
    monkeypatch.setattr(sweeps, "KINDS", small)
    tried = ("kill-in-write",)
    status = script("faults").main(tmp_path, only=tried)
    assert status == 0, capsys.readouterr().out
    counts = json.loads((tmp_path / "faults.json").read_text())
    assert tuple(counts) == tried
    assert all(count["tried"] == count["passed"] > 0 for count in counts.values())
    assert counts["kill-in-write"]["saw"]["killed while writing"] == 4
    table = (tmp_path / "faults.md").read_text()
    assert f"| kill-in-write | {counts['kill-in-write']['tried']} |" in table


def test_a_fault_that_loses_something_is_told_and_the_status_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from reliability.counting import Tally, expect

    def careless(bench):
        tally = Tally()
        for kept in (True, False):
            with tally.trial(f"kept: {kept}"):
                expect(kept, "a point is gone")
        with tally.trial("unreadable"):
            landscape.load_surface(bench.folder / "nowhere.h5")
        return tally

    faults = script("faults")
    monkeypatch.setattr(faults, "FAULTS", {"careless": careless})
    assert faults.main(tmp_path) == 1
    told = capsys.readouterr().out
    assert "kept: False: a point is gone" in told
    assert "unreadable: InputError: no such file" in told
    assert "| careless | 3 | 1 |" in told
    with pytest.raises(landscape.InputError, match="unknown fault"):
        faults.main(tmp_path, only=("carefull",))


@pytest.mark.processes
def test_what_a_command_takes_is_measured_from_outside(checkpoint, tmp_path):
    memory = script("memory")
    surface = tmp_path / "spatial.h5"
    size = memory.Size(images=9, rotations=31, shifts=21, side=3, samples=9)
    sweep = memory.spatial(checkpoint, surface, size, tiny=True)
    assert landscape.load_surface(surface).loss.shape == (9, 2, 1, 1)
    assert sweep.stored == surface.stat().st_size
    look = memory.measured("info", "info", surface, out=surface)
    assert 2**25 < look.peak < sweep.peak < 2**32  # bytes: only the sweep needs torch
    assert look.row().startswith("| info | ")


def test_what_many_gpus_would_ask_is_worked_out():
    scale = script("scale")
    written = {name: scale._written(layout, 0.02) for name, layout in scale._layouts().items()}
    assert all(rate > 100 for rate in written.values())
    assert scale._parcels(0.02) > 1e5
    loads = list(scale._loads(1000, 20_000.0, 1e8, {"weights": 2e4, "poses of 1,000 images": 1e4}))
    small = [row[-1] for row in loads if row[0].startswith("ResNet-50") and "weights" in row[0]]
    assert small == ["27.5%", "0.0%", "1.5%"]  # 11 operations every 2 s, 9.6 kB/s, 300 points/s
    assert len(loads) == 12
