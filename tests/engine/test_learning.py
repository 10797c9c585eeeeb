"""The pass that learns, against PyTorch's plain one; and when it is worth compiling."""

import copy
import logging

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from landscape.engine import Compute, learning
from landscape.engine.learning import BASE_SECONDS, SAVINGS, LearningPass, learning_pays

CPU = Compute()


@pytest.fixture
def plain(network):
    """The same network without what it draws, to be compared with."""
    network[5] = nn.Identity()
    return network


def plain_pass(model, images, labels):
    logits = model(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    return loss.detach(), (logits.argmax(dim=1) == labels).sum()


def state_of(model):
    gradients = {name: p.grad for name, p in model.named_parameters()}
    return {**dict(model.named_buffers()), **gradients}


@pytest.mark.parametrize("count", [2, 5, 7])
def test_loss_gradients_and_statistics_are_those_of_a_plain_pass(plain, images, labels, count):
    model = copy.deepcopy(plain)
    images, labels = images[:count], labels[:count]
    expected = plain_pass(plain, images, labels)
    assert_close(LearningPass(model, CPU)(images, labels), expected)
    assert_close(state_of(model), state_of(plain))


def test_what_is_nan_is_taken_for_no_class(plain, images, labels):
    plain.eval()
    expected = plain_pass(plain, images[1:], labels[1:])[1]
    assert labels[0] == 0
    images[0] = torch.nan
    assert LearningPass(plain, CPU)(images, labels)[1] == expected


def test_a_few_steps_end_where_plain_steps_end(plain, images, labels):
    model = copy.deepcopy(plain)
    learn, results = LearningPass(model, CPU), []
    for step, network in ((learn, model), (None, plain)):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        for batch in (slice(0, 4), slice(4, 7), slice(0, 4)):
            optimizer.zero_grad()
            run = step or (lambda x, y: plain_pass(plain, x, y))
            results.append(run(images[batch], labels[batch]))
            optimizer.step()
    assert_close(results[:3], results[3:])
    assert_close(model.state_dict(), plain.state_dict())


def test_gradients_add_up(plain, images, labels):
    learn = LearningPass(plain, CPU)
    learn(images, labels)
    once = plain[0].weight.grad.clone()
    learn(images, labels)
    assert_close(plain[0].weight.grad, 2 * once)


def test_bf16_rounds_the_network_and_nothing_else(plain, images, labels):
    exact, rounded = copy.deepcopy(plain), plain
    loss, _ = LearningPass(exact, CPU)(images, labels)
    rough, _ = LearningPass(rounded, Compute(precision="bf16"))(images, labels)
    assert rough.dtype == torch.float32
    assert 0 < abs(float(rough - loss)) < 0.05
    assert {p.grad.dtype for p in rounded.parameters()} == {torch.float32}
    assert not torch.is_autocast_enabled("cpu")


class Counting:
    """What `compiled` returns, and how often it was called."""

    def __init__(self, fast):
        self.fast, self.calls = fast, 0

    def __call__(self, images):
        self.calls += 1
        return self.fast(images)


@pytest.fixture
def count_compiled(monkeypatch):
    made = []

    def compiled(module, trial):
        fast = original(module, trial)
        made.append(Counting(fast))
        return None if fast is None else made[-1]

    original = learning.compiled
    monkeypatch.setattr(learning, "compiled", compiled)
    return made


@pytest.mark.processes
def test_compiled_passes_agree_and_only_full_batches_use_them(
    plain, images, labels, count_compiled
):
    model = copy.deepcopy(plain)
    learn = LearningPass(model, CPU)
    torch.manual_seed(3)
    learn(images, labels)
    before, random = copy.deepcopy(state_of(model)), torch.get_rng_state()
    learn.compile(images, labels)
    assert_close(state_of(model), before, rtol=0, atol=0)  # the trial has left no trace
    assert torch.equal(torch.get_rng_state(), random)

    plain_pass(plain, images, labels)
    for batch in (slice(0, 7), slice(0, 3), slice(0, 7)):
        expected = plain_pass(plain, images[batch], labels[batch])
        assert_close(learn(images[batch], labels[batch]), expected)
    assert count_compiled[0].calls == 2
    assert_close(state_of(model), state_of(plain))


def test_without_a_compiler_passes_run_as_they_are(network, images, labels, monkeypatch, caplog):
    def break_down(module, **options):
        def run(x):
            module(x)  # moves the statistics of BatchNorm before it fails
            raise RuntimeError("g++: command not found\nand more")

        return run

    monkeypatch.setattr(torch, "compile", break_down)
    other = copy.deepcopy(network)
    learn = LearningPass(network, CPU)
    with caplog.at_level(logging.INFO, logger="landscape.engine"):
        learn.compile(images, labels)
    assert "not compiled (g++: command not found)" in caplog.text
    results = []
    for step in (learn, LearningPass(other, CPU)):
        torch.manual_seed(0)
        results.append(step(images, labels))
    assert_close(*results, rtol=0, atol=0)
    assert_close(state_of(network), state_of(other), rtol=0, atol=0)


def test_what_compiling_saves_is_counted_from_the_values_between_matrix_products(
    plain, images, caplog
):
    """Per image BatchNorm and ReLU write 4 x 8 x 8 values each, the pooling 4 x 2 x 2."""
    savings = SAVINGS["cpu"]
    written = 2 * 4 * 8 * 8 + 4 * 2 * 2
    images_seen, batches = 10**7, 10**5
    expected = images_seen * written * savings.value + batches * 3 * savings.operation
    with caplog.at_level(logging.INFO, logger="landscape.engine"):
        assert not learning_pays(plain, images, images=images_seen, batches=batches)
    assert f"saves about {expected:.0f} s" in caplog.text


def test_long_trainings_are_compiled_and_short_ones_are_not(network, images):
    def pays(seen):
        return learning_pays(network, images, images=seen, batches=seen // 100)

    answers = [pays(10**power) for power in range(2, 12)]
    assert answers == sorted(answers)
    assert [answers[0], answers[-1]] == [False, True]
    assert BASE_SECONDS > 0


def test_the_decision_is_the_same_every_time_and_changes_nothing(
    network, images, untouched, monkeypatch
):
    monkeypatch.setattr("time.perf_counter", None)  # whoever looks at a clock fails
    monkeypatch.setattr("time.monotonic", None)
    random = torch.get_rng_state()
    with untouched(network):
        answers = {learning_pays(network, images, images=10**9, batches=10**7) for _ in range(3)}
    assert answers == {True}
    assert torch.equal(torch.get_rng_state(), random)


def test_where_nothing_is_known_about_a_device_nothing_is_compiled(network):
    images = torch.zeros(2, 1, 8, 8, device="meta")
    assert not learning_pays(network, images, images=10**12, batches=10**9)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("compile", [False, True])
def test_a_gpu_learns_what_the_cpu_learns(plain, images, labels, compile):
    there = copy.deepcopy(plain).cuda()
    learn = LearningPass(there, Compute("cuda"))
    if compile:
        learn.compile(images.cuda(), labels.cuda())
    loss, correct = learn(images.cuda(), labels.cuda())
    expected = plain_pass(plain, images, labels)
    assert_close((loss.cpu(), correct.cpu()), expected, rtol=1e-4, atol=1e-5)
    assert_close(
        {name: value.cpu() for name, value in state_of(there).items()},
        state_of(plain),
        rtol=1e-3,
        atol=1e-5,
    )
