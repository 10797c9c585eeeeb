"""Curves between networks: against a naive twin, and where a curve of low loss is known."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Generator, nn
from torch.utils.data import DataLoader, TensorDataset

from landscape.data import ImageSet
from landscape.directions.curve import bernstein, straight
from landscape.engine import Compute
from landscape.errors import InputError
from landscape.models import build_model
from landscape.training.batches import ImageBatches
from landscape.training.curve import connect
from landscape.training.curve_learner import curve_rate


def seeded(make, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def draws(seed=0):
    return Generator().manual_seed(seed)


def same(a, b):
    """Bit for bit, -0 and 0 told apart."""
    return a.keys() == b.keys() and all(
        a[name].numpy().tobytes() == b[name].numpy().tobytes() for name in a
    )


def apart(a, b):
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def mlp():
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))


def rings(count=97):
    points = torch.randn(count, 2, generator=draws(3))
    return points, (points.norm(dim=1) > 1.1).long()


def parts(data, size):
    """A list of ragged batches."""
    return list(zip(*(tensor.split(size) for tensor in data), strict=True))


@pytest.fixture(scope="module")
def trained():
    model, (x, y) = seeded(mlp), rings()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(150):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


def another(model):
    """The same function by other weights: hidden units in another order, every third negated."""
    twin = copy.deepcopy(model)
    order = torch.randperm(16, generator=draws(1))
    sign = torch.where(torch.arange(16) % 3 == 0, -1.0, 1.0)  # tanh is odd
    with torch.no_grad():
        twin[0].weight.copy_(model[0].weight[order] * sign[:, None])
        twin[0].bias.copy_(model[0].bias[order] * sign)
        twin[2].weight.copy_(model[2].weight[:, order] * sign)
    return twin


def excess(curve, model, data):
    """The barrier of a curve between two networks of one loss, by a plain loop."""
    x, y = data
    with torch.no_grad():
        values = [
            float(F.cross_entropy(curve.network(model, t)(x), y)) for t in np.linspace(0, 1, 21)
        ]
    assert values[0] == pytest.approx(values[-1], abs=1e-5)
    return max(values) - values[0]


def test_between_two_forms_of_one_function_the_line_has_a_barrier_and_the_curve_has_none(trained):
    first, second, data = trained, another(trained), rings()
    options = {"epochs": 60, "learning_rate": 0.3, "weight_decay": 0.0}
    curve = connect(first, second, parts(data, 20), **options, generator=draws())
    barrier = excess(straight(first, second), first, data)
    assert barrier > 1
    assert excess(curve, first, data) < barrier / 20
    assert curve.history[-1] < curve.history[0] / 3


def normed():
    """BatchNorm, a layer that is used twice, and a parameter that nothing uses."""
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 5))
    model.append(model[3])
    model.append(nn.Linear(5, 3)).double()
    model.register_parameter("idle", nn.Parameter(torch.ones(2).double()))
    return model


def naive(first, second, batches, epochs, *, rate, momentum, decay, bends, generator):
    """The control points by autograd through the sum, the curve of Garipov et al. in full."""
    ends = [{n: p.detach() for n, p in m.named_parameters()} for m in (first, second)]
    inner = [
        {
            n: (a + (ends[1][n] - a) * k / (bends + 1)).clone().requires_grad_()
            for n, a in ends[0].items()
        }
        for k in range(1, bends + 1)
    ]
    velocity = [{n: torch.zeros_like(p) for n, p in point.items()} for point in inner]
    steps, step, model = epochs * len(batches), 0, copy.deepcopy(first).train()
    for _ in range(epochs):
        torch.randint(2**62, (), generator=generator)  # the seed of random layers
        for x, y in batches:
            t = float(torch.rand((), generator=generator, dtype=torch.float64))
            shares = {1: [2 * t * (1 - t)], 2: [3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t)]}[bends]
            phi = {
                n: (1 - t) ** (bends + 1) * a
                + sum(s * point[n] for s, point in zip(shares, inner, strict=True))
                + t ** (bends + 1) * ends[1][n]
                for n, a in ends[0].items()
            }
            loss = F.cross_entropy(torch.func.functional_call(model, phi, x), y)
            loss = loss + decay / 2 * sum((p**2).sum() for p in phi.values())
            leaves = [p for point in inner for p in point.values()]
            gradients = iter(torch.autograd.grad(loss, leaves))
            done = step / steps
            factor = 1 if done <= 0.5 else max(0.01, 1 - 0.99 * (done - 0.5) / 0.4)
            with torch.no_grad():
                for point, speed in zip(inner, velocity, strict=True):
                    for n, p in point.items():
                        speed[n] = momentum * speed[n] + next(gradients)
                        p -= rate * factor * speed[n]
            step += 1
    return inner


@pytest.mark.parametrize("bends", [1, 2])
def test_control_points_are_those_of_a_naive_loop(bends):
    first, second = seeded(normed), seeded(normed, 1)
    x = torch.randn(23, 4, generator=draws(5), dtype=torch.float64)
    batches = parts((x, torch.arange(23) % 3), 5)  # the last one of three
    curve = connect(
        first,
        second,
        batches,
        epochs=3,
        learning_rate=0.2,
        momentum=0.8,
        weight_decay=0.03,
        bends=bends,
        generator=draws(7),
    )
    settings = {"rate": 0.2, "momentum": 0.8, "decay": 0.03, "bends": bends}
    expected = naive(first, second, batches, 3, **settings, generator=draws(7))
    for point, truth in zip(curve.points[1:-1], expected, strict=True):
        torch.testing.assert_close(dict(point), truth, rtol=1e-9, atol=1e-11)
    start = straight(first, second, bends=bends)
    assert apart(curve.points[1], start.points[1]) > 0.01


def test_the_ends_stay_bit_for_bit_and_the_models_untouched(network, images, labels, untouched):
    other = seeded(lambda: copy.deepcopy(network))
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draws(2)))
        other[0].bias[0] = -0.0
    state = torch.random.get_rng_state()
    with untouched(network), untouched(other):  # the first parameter requires no gradient
        curve = connect(
            network, other, [(images, labels)], epochs=2, learning_rate=0.1, generator=draws()
        )
    assert torch.random.get_rng_state().equal(state)
    for t, model in ((0.0, network), (1.0, other)):
        weights = {name: p.detach() for name, p in model.named_parameters()}
        assert same(curve.weights(t), weights)
        assert same(curve.network(network, t).state_dict(), model.state_dict())
    middle = straight(network, other, bends=1).points[1]
    assert all(not curve.points[1][name].equal(middle[name]) for name in middle)
    assert not any(tensor.requires_grad for tensor in curve.points[1].values())


def test_the_generator_decides_all_also_what_is_drawn_from_the_global_state(
    network, images, labels
):
    def train(seed, elsewhere):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(elsewhere)
            other = copy.deepcopy(network)
            nn.init.constant_(other[-1].weight, 0.1)
            loader = DataLoader(TensorDataset(images, labels), 3, shuffle=True, drop_last=True)
            return connect(
                network, other, loader, epochs=2, learning_rate=0.1, generator=draws(seed)
            )

    curves = [train(0, 1), train(0, 2), train(1, 1)]
    assert same(curves[0].points[1], curves[1].points[1])
    assert curves[0].history == curves[1].history
    assert not same(curves[0].points[1], curves[2].points[1])


def test_the_global_state_is_put_back_also_after_batches_were_counted():
    class Stream:
        def __iter__(self):
            return iter([(torch.randn(4, 2), torch.arange(4) % 2)])

    first, second, before = mlp(), mlp(), torch.get_rng_state()
    connect(first, second, Stream(), epochs=1, learning_rate=0.1, generator=draws())
    assert torch.equal(torch.get_rng_state(), before)


class Tokens(nn.Module):
    """Integers in, an embedding that is the last layer too."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(self.embedding(tokens).cumsum(1)).transpose(1, 2)


def test_any_network_loss_and_kind_of_data():
    words = torch.randint(0, 7, (11, 5), generator=draws(4))
    batches = [(part[:, :-1].numpy(), part[:, 1:]) for part in words.split(4)]
    options = {"epochs": 2, "learning_rate": 0.1, "generator": draws()}
    curve = connect(seeded(Tokens), seeded(Tokens, 1), batches, **options)
    assert [*curve.points[1]] == ["embedding.weight"]
    moved = curve.network(seeded(Tokens), 0.3)
    assert moved.head.weight is moved.embedding.weight

    rows = nn.Sequential(nn.Linear(2, 1))
    pairs = parts((torch.randn(9, 2, generator=draws()), torch.zeros(9, 1)), 4)
    for loss in ("mse", F.mse_loss, lambda o, t: ((o - t) ** 2).squeeze(1)):
        options = {"epochs": 1, "learning_rate": 0.1, "generator": draws(), "loss": loss}
        found = connect(rows, copy.deepcopy(rows), pairs, **options)
        mean = float(torch.cat([rows(x).detach() ** 2 for x, _ in pairs]).mean())
        # Between a network and itself the curve starts where it is: only later steps move it.
        assert found.history[0] == pytest.approx(mean, rel=0.3)
    still = connect(rows, copy.deepcopy(rows), pairs, **{**options, "learning_rate": 1e-30})
    assert still.history[0] == pytest.approx(mean, rel=1e-6)  # of examples, not of batches


def test_in_bf16_every_step_sees_the_weights_of_its_own_point(trained):
    def train(precision):
        return connect(
            trained,
            another(trained),
            parts(rings(), 20),
            epochs=4,
            learning_rate=0.1,
            generator=draws(),
            compute=Compute(precision=precision),
        )

    exact, rounded = train("fp32"), train("bf16")
    moved = apart(exact.points[1], straight(trained, another(trained), bends=1).points[1])
    assert 0 < apart(exact.points[1], rounded.points[1]) < 0.1 * moved
    assert rounded.points[1]["0.weight"].dtype == torch.float32
    np.testing.assert_allclose(rounded.history, exact.history, rtol=0.02)


def test_the_rate_is_that_of_the_papers_code():
    assert [curve_rate(done) for done in (0.0, 0.25, 0.5)] == [1, 1, 1]
    assert curve_rate(0.7) == pytest.approx(1 - 0.99 / 2)
    assert [curve_rate(done) for done in (0.9, 0.95, 1.0)] == pytest.approx([0.01] * 3)


def test_a_curve_is_trained_on_a_data_set(cnn, shapes):
    data = shapes(20)
    assert isinstance(data, ImageSet)
    models = [build_model(cnn, generator=draws(seed)) for seed in (0, 1)]
    batches = ImageBatches(data, 8, seed=0)
    curve = connect(*models, batches, epochs=1, learning_rate=0.05, generator=draws())
    assert np.isfinite(curve.history).all()
    assert curve.degree == 2
    assert bernstein(0.5, curve.degree).tolist() == [0.25, 0.5, 0.25]


BATCH = (torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64))


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (iter([BATCH]), "gone through once an epoch, got a list_iterator"),
        ([], "at least one batch"),
        ([BATCH[0]], r"batches of \(inputs, targets\), got a Tensor"),
        ([(BATCH[0], BATCH[1][:3])], "a target for each of at least one input, got 3 for 4"),
        ([(BATCH[0][:0], BATCH[1][:0])], "at least one input, got 0 for 0"),
    ],
)
def test_batches_that_cannot_be_used_are_refused(batches, message):
    with pytest.raises(InputError, match=message):
        connect(mlp(), mlp(), batches, epochs=1, learning_rate=0.1, generator=draws())


class UsedUp:
    """Looks as if it could be gone through again."""

    def __init__(self, parts):
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __iter__(self):
        while self.parts:
            yield self.parts.pop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is at least 1"),
        ({"bends": 0}, "bends is at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is positive"),
        ({"momentum": 1.0}, r"momentum lies in \[0, 1\)"),
        ({"weight_decay": -1.0}, "weight_decay is finite and not negative"),
        ({"loss": "entropy"}, "loss"),
        ({"learning_rate": 1e30, "epochs": 3}, "diverged: the loss is (nan|inf) after step [23]"),
        ({"learning_rate": 1e38, "weight_decay": 1e9}, "diverged: a control point is not finite"),
        ({"batches": UsedUp([BATCH]), "epochs": 2}, "none this time"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(change, message):
    x = torch.randn(4, 2, generator=draws()) * 100
    known = {"batches": [(x, BATCH[1] + 1)], "epochs": 1, "learning_rate": 0.1}
    options = {**known, "generator": draws(), **change}
    with pytest.raises(InputError, match=message):
        connect(seeded(mlp), seeded(mlp, 1), options.pop("batches"), **options)


def test_networks_and_batches_that_do_not_suit_each_other_are_refused(network, images, labels):
    options = {"epochs": 1, "learning_rate": 0.1, "generator": draws()}
    with pytest.raises(InputError, match=r"second network has 0.weight \(16, 2\) where the first"):
        connect(nn.Sequential(nn.Linear(2, 3)), mlp(), [BATCH], **options)
    single = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    batches = [BATCH, (BATCH[0][:1], BATCH[1][:1])]
    with pytest.raises(InputError, match="single example; leave it out"):
        connect(single, copy.deepcopy(single), batches, **options)
    with pytest.raises(InputError, match="the first network has none"):
        connect(nn.Flatten(), nn.Flatten(), [BATCH], **options)
    flat = nn.Sequential(nn.Linear(2, 3), nn.Flatten(0))
    with pytest.raises(InputError, match="one row for each of 4 examples"):
        connect(flat, copy.deepcopy(flat), [BATCH], **options)
