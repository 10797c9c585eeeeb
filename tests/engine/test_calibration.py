"""Calibration against machines that are made up, its memory against real files."""

import json
import os
from contextlib import suppress

import pytest
import torch

from landscape import cores
from landscape.engine import Compute, Network, neighbours, threads, tuning
from landscape.engine.calibration import (
    Gain,
    PassPlan,
    cache_file,
    calibrate,
    key_of,
    recall,
    recall_gain,
    remember,
    remember_gain,
)
from landscape.engine.neighbours import Neighbours
from landscape.engine.tuning import Job


def test_the_fastest_plan_is_climbed_to():
    def machine(plan):  # best at 32 images, and with one thread
        return 1000 / (1 + abs(plan.micro_batch - 32)) / plan.threads

    assert calibrate(PassPlan(128, 4), machine, most=512, seconds=9.0) == PassPlan(32, 1)


def test_larger_passes_stop_at_what_fits():
    def machine(plan):
        return float(plan.micro_batch)

    assert calibrate(PassPlan(128, 1), machine, most=300, seconds=9.0) == PassPlan(300, 1)


def test_noise_moves_nothing():
    rates = iter([100.0, 101.0, 102.0, 99.0])
    assert calibrate(PassPlan(128, 2), lambda plan: next(rates), most=512, seconds=9.0) == PassPlan(
        128, 2
    )


def test_a_neighbour_s_load_at_the_first_look_moves_nothing():
    looks = {256: iter([60.0, 100.0, 100.0])}  # slowed down once

    def machine(plan):
        return next(looks[256]) if plan.micro_batch == 256 else 95.0

    assert calibrate(PassPlan(256, 1), machine, most=512, seconds=9.0) == PassPlan(256, 1)


def test_without_time_the_first_plan_stays():
    found = calibrate(PassPlan(128, 2), lambda p: 1 / p.micro_batch, most=512, seconds=0.0)
    assert found == PassPlan(128, 2)


def test_plans_are_remembered_and_broken_memories_forgotten():
    assert recall("a") is None
    remember("a", PassPlan(64, 2))
    remember("b", PassPlan(32, 1))
    assert (recall("a"), recall("b")) == (PassPlan(64, 2), PassPlan(32, 1))
    cache_file().write_text(json.dumps({"plan a": {"batch": 3}}), encoding="utf-8")
    assert recall("a") is None
    cache_file().write_text("{", encoding="utf-8")
    assert recall("a") is None
    remember("a", PassPlan(16, 1))
    assert recall("a") == PassPlan(16, 1)
    remember_gain("a", Gain(20.0, 1.25))
    assert (recall("a"), recall_gain("a")) == (PassPlan(16, 1), Gain(20.0, 1.25))
    assert recall_gain("b") is None


@pytest.mark.skipif(os.name != "posix", reason="needs a path that cannot be a folder")
def test_where_nothing_can_be_written_nothing_breaks(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remember("a", PassPlan(64, 2))
    assert recall("a") is None


def test_plans_belong_to_one_network_and_size(network, images):
    key = key_of(network, images, "fp32")
    assert key == key_of(network, images[:3], "fp32")
    assert key != key_of(network, images, "bf16")
    assert key != key_of(network, images[..., :4], "fp32")
    assert key != key_of(network[:3], images, "fp32")


@pytest.mark.parametrize(
    ("job", "micro_batch", "even"),
    [
        (Job(), 128, 128),
        (Job(9000, unit=512), 128, 128),
        (Job(9000, unit=500), 128, 125),
        (Job(9000, unit=129), 128, 65),
        (Job(9000, unit=7), 128, 7),  # a point's images, and then other weights
        (Job(9000, unit=7, grouped=True), 128, 126),  # 18 poses of 7 images
        (Job(9000, unit=300, grouped=True), 128, 100),
        (Job(9000, unit=9), 1, 1),
    ],
)
def test_passes_are_of_one_size(job, micro_batch, even):
    assert job.even(micro_batch) == even


def test_no_pass_is_larger_than_what_comes_together():
    assert Job(9000, unit=100).most(512) == 100
    assert Job(9000, unit=100, grouped=True).most(512) == 512
    assert Job(9000).most(512) == 512


def test_a_long_job_is_calibrated_once_and_its_values_stay(network, images, monkeypatch, caplog):
    """But where other programs are busy, what was found is not kept for the next time."""
    caplog.set_level("INFO", logger="landscape.engine")
    monkeypatch.setattr(tuning, "WORTH_IT", 0.0)
    plain = Network(network).logits(images)
    sources = ("calibrated", "calibrated", "as calibrated before")
    for crowd, source in zip((True, False, True), sources, strict=True):
        monkeypatch.setattr(Neighbours, "crowd", lambda self, crowd=crowd: crowd)
        long = Network(network, Compute(compile="never"))
        long.expect(10**5)
        torch.testing.assert_close(long.logits(images), plain)
        assert f"({source})" in caplog.records[-1].getMessage()
        assert f"{long.passes.size} images a pass" in caplog.records[-1].getMessage()


def test_neighbours_are_what_the_machine_works_beside_this_process(monkeypatch, tmp_path):
    stat = tmp_path / "stat"
    monkeypatch.setattr(neighbours, "STAT", stat)
    monkeypatch.setattr(neighbours, "monotonic", iter(range(0, 100, 5)).__next__)
    monkeypatch.setattr(neighbours, "process_time", lambda: 0.0)
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert not Neighbours(cpu).crowd()  # it cannot be told
    second = os.sysconf("SC_CLK_TCK")
    for cores_, (mine, all_), verdict in [
        (2.0, (2, 2), True),
        (0.1, (2, 2), False),
        (2.0, (2, 8), False),  # six cores are others' anyway
        (6.5, (2, 8), True),
    ]:
        monkeypatch.setattr(neighbours, "usable_cores", lambda mine=mine: mine)
        monkeypatch.setattr(os, "cpu_count", lambda all_=all_: all_)
        stat.write_text(f"cpu  {second} 0 0 7 7 0 0 0 0 0\ncpu0 1\n", encoding="ascii")
        here, elsewhere = Neighbours(cpu), Neighbours(gpu)
        later = int(second * (1 + 10 * cores_))
        stat.write_text(f"cpu  {later} 0 0 9 9 0 0 0 0 0\ncpu0 1\n", encoding="ascii")
        assert here.crowd() is verdict
        assert not elsewhere.crowd()  # cores are of little account there


def test_a_given_micro_batch_is_kept(network, images, monkeypatch):
    monkeypatch.setattr(tuning, "WORTH_IT", 0.0)
    chosen = Network(network, Compute(micro_batch=3, compile="never"))
    chosen.expect(10**5)
    chosen.logits(images)
    assert chosen.passes.size == 3


def test_a_container_has_its_quota_of_threads(monkeypatch, tmp_path):
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(cores, "QUOTA", quota)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    assert threads.usable_threads() == 16
    for text, count in (("max 100000", 16), ("350000 100000", 4), ("50000 100000", 1), ("?", 16)):
        quota.write_text(text, encoding="ascii")
        assert threads.usable_threads() == count


def test_threads_are_put_back():
    torch.set_num_threads(2)
    with suppress(ValueError), threads.threads(1):
        assert torch.get_num_threads() == 1
        raise ValueError
    assert torch.get_num_threads() == 2
