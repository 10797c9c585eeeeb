"""The benchmark compares like with like: small sizes, real processes."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from landscape.rng import generator
from landscape.spatial import rotate_shift

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of the contestants' processes


@pytest.fixture
def tiny():
    from benchmarks.cases import QUICK

    return replace(QUICK, plane=2, plane_images=4, poses=(2, 1, 1), pose_images=2, reference=1)


def job_of(work, tmp_path):
    from benchmarks.work import load, prepare

    source = prepare(work, tmp_path / "work.pt", None)
    assert source == "uniform noise"
    return load(work, tmp_path / "work.pt")


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.delenv("LANDSCAPE_DATA", raising=False)


@pytest.mark.walkthrough
@pytest.mark.usefixtures("no_data")
def test_a_comparison_from_start_to_table(tiny, tmp_path, capsys):
    from benchmarks.suite import Settings, run

    settings = Settings(("a",), tiny, only=("ours", "plain", "convolutions"))
    run(settings, json_file=tmp_path / "a.json", markdown=tmp_path / "a.md")
    (made,) = json.loads((tmp_path / "a.json").read_text())["sections"]
    assert set(made["contestants"]) == {"ours", "plain", "convolutions"}
    assert made["work"]["axes"] == [2, 2]
    for name, standing in made["contestants"].items():
        assert standing["absent"] is None, standing["absent"]
        assert len(standing["repetitions"]) == 2
        assert standing["memory"] >= standing["memory_before"] > 0
        if name != "convolutions":
            assert [r["images"] for r in standing["repetitions"]] == [16, 16]
            assert standing["deviation"] < 1e-4
    table = (tmp_path / "a.md").read_text()
    assert table in capsys.readouterr().out
    assert "| landscape, fp32 |" in table
    assert len({row.count("|") for row in table.splitlines() if row.startswith("|")}) == 1


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # its two workers, on one core
@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("kind", ["weights", "poses"])
def test_ours_computes_what_the_loops_compute(kind, tmp_path):
    from benchmarks import ours, plain
    from benchmarks.work import Work

    from landscape.engine import Compute

    axes = (2, 2) if kind == "weights" else (2, 2, 1)
    work = Work(kind, "resnet20", 5, axes, side=16)
    loops = {
        "weights": (plain.weight_loop, plain.li_loop, ours.weights),
        "poses": (plain.pose_loop, ours.poses),
    }
    *peers, mine = loops[kind]
    expected = mine(job_of(work, tmp_path), Compute())(job_of(work, tmp_path).grid)
    assert expected.images == 20
    for peer in peers:
        done = peer(job_of(work, tmp_path))(job_of(work, tmp_path).grid)
        assert done.images == expected.images
        assert_close(
            torch.tensor(done.values), torch.tensor(expected.values).float(), rtol=1e-4, atol=1e-5
        )


def test_the_plain_loop_moves_images_as_we_do():
    from benchmarks.plain import _warped

    images = torch.rand(6, 3, 16, 16, generator=generator(0))
    poses = torch.tensor(
        [[0.0, 0, 0], [30, 0, 0], [0, 2, 0], [0, 0, -1.5], [-20, 1, 2], [90, 0, 1]]
    )
    assert_close(_warped(images, poses), rotate_shift(images, poses), rtol=0, atol=1e-4)


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("names", [("plain-worst", "plain"), ("ours-worst-eager", "ours-eager")])
def test_training_contestants_learn(names, tmp_path):
    from benchmarks.contestants import CONTESTANTS
    from benchmarks.work import Work

    for name in names:
        job = job_of(Work("training", "resnet20", 4, (2,), side=16), tmp_path)
        before = [p.detach().clone() for p in job.model.parameters()]
        done = CONTESTANTS["training"][name].set_up(job)(job.grid)
        assert done.images == 8
        moved = zip(before, job.model.parameters(), strict=True)
        assert all(not torch.equal(a, b) for a, b in moved)


def test_flops_of_resnet20_are_those_of_its_layers():
    from benchmarks.ceilings import count_flops
    from benchmarks.work import Work

    flops = count_flops(Work("weights", "resnet20", 1, (1,)))
    stem, stages = 27 * 16 * 32**2, 0
    for width, side, before in ((16, 32, 16), (32, 16, 16), (64, 8, 32)):
        stages += 9 * side**2 * (width * before + 5 * width**2)
    assert flops.convolutions == 2 * (stem + stages)
    assert flops.forward == flops.convolutions + 2 * 64 * 10
    assert flops.convolution_step == 3 * flops.convolutions
    assert flops.per_image(Work("training", "resnet20", 1, (1,)), "plain-worst") == (
        flops.step + 10 * flops.forward
    )


def standing_of(name, *rates):
    from benchmarks.comparison import Repetition, Standing

    return Standing(name, setup=1.0, repetitions=[Repetition(10.0, 10 * r) for r in rates])


def test_ratios_are_formed_within_rounds():
    from benchmarks.ceilings import Flops
    from benchmarks.comparison import Group, Outcome
    from benchmarks.report import section
    from benchmarks.work import Work

    names = ("ours", "plain", "convolutions", "foolbox")
    work = Work("poses", "resnet20", 10, (4, 1, 1))
    absent = standing_of("foolbox")
    absent.absent = "foolbox is not installed"
    standings = [
        standing_of("ours", 60, 30, 90),
        standing_of("plain", 10, 10, 45),
        standing_of("convolutions", 80, 80, 80),
        absent,
    ]
    flops = Flops(forward=100, step=300, convolutions=50, convolution_step=150)
    outcome = Outcome(
        Group("g", work, names), "noise", flops, dict(zip(names, standings, strict=True))
    )
    assert outcome.ratios("ours", "plain") == [6, 3, 2]
    assert outcome.shares("ours", "convolutions") == [1.5, 0.75, 2.25]
    made = section(outcome)
    ours, *_, missing = ([cell for cell in row if cell] for row in made.rows)
    assert ours[0] == "landscape, fp32"
    assert "3.00 (2.00 to 6.00)" in ours  # a median of ratios, not a ratio of medians
    assert missing == ["foolbox SpatialAttack: absent"]
    assert "3.00" in ours  # with set-up: 40 images in 1 + 40 / 10 s against 1 + 40 / 60 s
    assert "foolbox SpatialAttack: foolbox is not installed." in made.remarks


def test_deviation_is_relative_but_absolute_near_zero():
    from benchmarks.comparison import deviation

    assert deviation({0: [2.0002]}, {0: [2.0]}) == pytest.approx(1e-4)
    assert deviation({0: [1e-6], 1: [5.0]}, {0: [0.0]}) == pytest.approx(1e-4)


@pytest.mark.usefixtures("no_data")
@pytest.mark.processes
def test_a_contestant_that_fails_is_named_and_does_not_end_the_rounds(tiny):
    from benchmarks.cases import plane
    from benchmarks.comparison import compare

    (group,) = plane(tiny)
    broken = replace(group, contestants=("nobody",), reference=0)
    standing = compare(broken, rounds=2, data_root=None).standings["nobody"]
    assert standing.failed
    assert standing.absent == "failed (KeyError: 'nobody')"
    assert not standing.repetitions


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("native", [True, False])
def test_bf16_is_left_out_where_it_is_emulated(native, tiny, monkeypatch):
    from benchmarks import comparison
    from benchmarks.cases import plane

    monkeypatch.setattr(comparison, "computes_bf16", lambda device: native)
    (group,) = plane(tiny)
    slow = [] if native else ["ours-bf16", "convolutions-bf16", "gemm-bf16"]
    assert comparison.emulated(group) == slow
    if slow:
        alone = replace(group, contestants=("gemm-bf16",), reference=0)
        (standing,) = comparison.compare(alone, rounds=1, data_root=None).standings.values()
        assert standing.absent == comparison.EMULATED
        assert not standing.repetitions


def test_the_entry_names_every_case(monkeypatch, capsys):
    import tyro
    from benchmark import main
    from benchmarks.suite import CASES

    monkeypatch.setattr(sys, "argv", ["benchmark.py", "--help"])
    with pytest.raises(SystemExit):
        tyro.cli(main)
    words = capsys.readouterr().out
    for name in CASES:
        assert name in words
