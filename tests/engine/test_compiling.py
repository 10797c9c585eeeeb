"""`torch.compile` for real, on a small network."""

import pytest
import torch
from torch import nn

from landscape.engine import Compute, Network, WeightPoints, tuning
from landscape.engine.calibration import Gain
from landscape.engine.compiling import compile_seconds, compiled, pays
from landscape.weights import weights_of


class Lengthless(nn.Module):
    """Most networks have no length, and a compiled one that is asked for it raises."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)


@pytest.mark.processes
def test_a_compiled_network_has_the_same_values_and_follows_its_weights(
    network, images, labels, caplog
):
    caplog.set_level("INFO", logger="landscape.engine")
    network = Lengthless(network)
    step = {n: torch.ones_like(w) for n, w in weights_of(network).items() if w.ndim > 1}
    fast = Network(network, Compute(micro_batch=3, compile="always"))
    there = WeightPoints(fast, images, labels, [step])
    here = WeightPoints(Network(network, Compute(compile="never")), images, labels, [step])
    for a in (0.0, 0.5, -1.0):
        assert there.measure([a])["loss"].value == pytest.approx(
            here.measure([a])["loss"].value, rel=1e-5
        )
    if any("not compiled (" in record.getMessage() for record in caplog.records):
        pytest.skip("no compiler on this machine")
    assert fast.facts()["compiled"]


def test_what_cannot_be_compiled_runs_as_it_is(network, images, monkeypatch, caplog):
    caplog.set_level("INFO", logger="landscape.engine")

    def broken(module, **options):
        raise RuntimeError("no C++ compiler\nlong story")

    monkeypatch.setattr(torch, "compile", broken)
    assert compiled(network, lambda run: run(images)) is None
    assert caplog.records[-1].getMessage() == "not compiled (no C++ compiler)"
    plain = Network(network).logits(images)
    always = Network(network, Compute(compile="always"))
    torch.testing.assert_close(always.logits(images), plain)
    assert not always.facts()["compiled"]


def test_it_pays_for_long_jobs_of_small_networks_first(network):
    deep = nn.Sequential(*[nn.Conv2d(1, 1, 1) for _ in range(500)])
    assert compile_seconds(network) < compile_seconds(deep)
    assert not pays(network, 1.0)
    assert pays(network, 600.0)
    assert not pays(deep, 600.0)


def test_it_is_known_from_the_last_time_what_it_gives(network):
    assert not pays(network, 30.0)
    assert pays(network, 30.0, Gain(seconds=2.0, factor=1.25))  # the compiler's own cache is warm
    assert not pays(network, 600.0, Gain(seconds=2.0, factor=0.9))


def test_a_long_job_is_compiled_and_a_short_one_is_not(network, images, monkeypatch):
    tried = []
    monkeypatch.setattr(tuning, "compiled", lambda module, trial: tried.append(module))
    for count in (0, 100, 10**4):
        short = Network(network)
        short.expect(count)
        short.logits(images)
    assert not tried
    long = Network(network, Compute(micro_batch=2))
    long.expect(10**10)
    long.logits(images)
    assert tried == [long.module]
    never = Network(network, Compute(micro_batch=2, compile="never"))
    never.expect(10**10)
    never.logits(images)
    assert len(tried) == 1
