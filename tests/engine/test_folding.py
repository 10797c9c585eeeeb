"""Folded networks against the plain ones, in float64, where rounding hides nothing."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape.engine import Compute, Network, WeightPoints
from landscape.models import ModelSpec, build_model
from landscape.weights import weights_of


def shaken(model, generator):
    """The model in float64, with BatchNorm layers that are not the identity."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(0, 0.5, generator=generator)
            if (
                isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
                and module.running_var is not None
            ):
                module.running_mean.normal_(0, 0.5, generator=generator)
                module.running_var.uniform_(0.5, 2, generator=generator)
    return model.double()


def check_outputs(model, images):
    plain = copy.deepcopy(model).eval()(images).detach()
    network = Network(model)
    torch.testing.assert_close(network.logits(images), plain, rtol=1e-10, atol=1e-10)
    return network


@pytest.mark.parametrize("name", ["resnet20", "resnet18-cifar", "resnet50-cifar"])
def test_every_batchnorm_of_the_papers_networks_is_folded(name, generator):
    spec = ModelSpec(name, classes=4, channels=3)
    model = shaken(build_model(spec, generator=generator), generator)
    images = torch.rand(3, 3, 16, 16, generator=generator, dtype=torch.float64)
    network = check_outputs(model, images)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(network.folding.pairs) == len(norms) > 10
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.module.modules())


class Branching(nn.Module):
    """One layer and one BatchNorm, used in a way that a subclass decides."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)
        self.other = nn.Conv2d(1, 3, 3)

    def forward(self, x):
        return self.mix(x).mean(dim=(2, 3))

    def mix(self, x):
        return F.relu(self.norm(self.conv(x)))


class Sideways(Branching):
    def mix(self, x):
        y = self.conv(x)
        return self.norm(y) + y  # a second reader


class Changed(Branching):
    def mix(self, x):
        return self.norm(self.conv(x).mul_(2))  # the norm does not read the layer's output


class Twice(Branching):
    def mix(self, x):
        return self.norm(self.conv(x)) + self.norm(self.conv(x + 1))


class OneNorm(Branching):
    def mix(self, x):
        return self.norm(self.conv(x)) + self.norm(self.other(x))


class Shared(Branching):
    def __init__(self):
        super().__init__()
        self.other.weight = self.conv.weight

    def mix(self, x):
        return self.norm(self.conv(x)) + self.other(x)


class NoStatistics(Branching):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3, track_running_stats=False)


class Special(nn.Conv2d):
    def forward(self, x):
        return super().forward(x) * 2


class Subclassed(Branching):
    def __init__(self):
        super().__init__()
        self.conv = Special(1, 3, 3)


class Curious(Branching):
    def mix(self, x):
        return self.norm(self.conv(x)) * self.norm.eps  # not there once it is folded


class Printing(Branching):
    def mix(self, x):
        y = self.conv(x)
        assert y.shape[1] == 3 and y.ndim == 4 and len(y) == y.size(0)  # noqa: PT018
        return self.norm(y)


@pytest.mark.parametrize(
    ("kind", "pairs"),
    [
        (Branching, 1),
        (Printing, 1),  # to ask for the shape is not to read
        *[(k, 0) for k in (Sideways, Changed, Twice, OneNorm, Shared, NoStatistics)],
        *[(k, 0) for k in (Subclassed, Curious)],
    ],
)
def test_only_what_nobody_else_sees_is_folded(kind, pairs, generator):
    model = shaken(kind(), generator)
    images = torch.rand(5, 1, 8, 8, generator=generator, dtype=torch.float64)
    assert len(check_outputs(model, images).folding.pairs) == pairs


def test_layers_that_are_watched_are_left_alone(generator):
    model, seen = shaken(Branching(), generator), []
    model.norm.register_forward_hook(lambda module, inputs, output: seen.append(1))
    images = torch.rand(5, 1, 8, 8, generator=generator, dtype=torch.float64)
    assert not check_outputs(model, images).folding.pairs
    assert seen


def test_linear_layers_and_norms_without_parameters_fold_too(generator):
    model = shaken(
        nn.Sequential(
            nn.Flatten(), nn.Linear(16, 6), nn.BatchNorm1d(6, affine=False), nn.Linear(6, 3)
        ),
        generator,
    )
    images = torch.rand(5, 1, 4, 4, generator=generator, dtype=torch.float64)
    assert len(check_outputs(model, images).folding.pairs) == 1


@pytest.mark.parametrize("ignored", [True, False])
@pytest.mark.parametrize("kind", [Branching, OneNorm])
def test_points_of_a_folded_network_are_those_of_a_plain_loop(kind, ignored, generator):
    """Also where biases and the scale of BatchNorm move; then the layer is not folded."""
    model = shaken(nn.Sequential(kind(), nn.Linear(3, 3)), generator)
    images = torch.rand(5, 1, 8, 8, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 0, 1])
    steps = [
        {
            n: torch.randn(w.shape, generator=generator, dtype=w.dtype)
            * (w.ndim > 1 or not ignored)
            for n, w in weights_of(model).items()
        }
        for _ in range(2)
    ]
    network = Network(model, Compute(micro_batch=2))
    points = WeightPoints(network, images, labels, steps)
    assert len(network.folding.pairs) == (kind is Branching and ignored)
    for a, b in [(0.3, -0.7), (-1.0, 1.0), (0.0, 0.0)]:
        moved = copy.deepcopy(model).eval()
        with torch.no_grad():
            for name, weight in moved.named_parameters():
                weight += a * steps[0][name] + b * steps[1][name]
        plain = F.cross_entropy(moved(images), labels, reduction="none")
        assert points.measure([a, b])["loss"].value == pytest.approx(plain.mean().item(), rel=1e-9)
        torch.testing.assert_close(points.losses([a, b], images[:2]), plain[:2].detach())


def test_the_bias_of_a_folded_norm_moves_along(generator):
    model = shaken(Branching(), generator)
    images = torch.rand(5, 1, 8, 8, generator=generator, dtype=torch.float64)
    step = {n: torch.zeros_like(w) for n, w in weights_of(model).items()}
    step["norm.bias"] += 1
    network = Network(model)
    points = WeightPoints(network, images, torch.zeros(5, dtype=torch.int64), [step])
    assert network.folding.pairs
    moved = copy.deepcopy(model).eval()
    with torch.no_grad():
        moved.norm.bias += 0.5
    points.move([0.5])
    torch.testing.assert_close(network.logits(images), moved(images).detach())


def test_refreshed_weights_are_those_of_the_model(generator):
    model = shaken(Branching(), generator)
    images = torch.rand(5, 1, 8, 8, generator=generator, dtype=torch.float64)
    for prepared in (False, True):
        network = Network(model)
        if prepared:
            network.logits(images)
        learned = shaken(copy.deepcopy(model), generator)
        with torch.no_grad():
            learned.conv.weight += 1
        network.refresh(learned)
        torch.testing.assert_close(network.logits(images), learned.eval()(images).detach())
