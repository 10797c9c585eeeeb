"""Curves between networks against naive loops in float64, through real files."""

import copy
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape.api.curve import curve_surface
from landscape.directions.curve import Curve, straight
from landscape.engine import Compute
from landscape.errors import InputError
from landscape.measures.barrier import barrier
from landscape.store import facts, load_directions, load_surface
from landscape.surfaces import CurveSurface, grid_axis

PLACES = [-0.2, 0.0, 0.3, 0.5, 1.0]


@pytest.fixture
def second(network):
    """A network of other weights and other BatchNorm statistics."""
    other = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))
        other[1].running_mean.add_(0.3)
    return other


@pytest.fixture
def curve(network, second):
    """With two bends, both away from the line."""
    line = straight(network, second, bends=2)
    generator = torch.Generator().manual_seed(6)
    inner = [
        {n: w + 0.3 * torch.randn(w.shape, generator=generator) for n, w in point.items()}
        for point in line.points[1:-1]
    ]
    return Curve((line.points[0], *inner, line.points[-1]), line.buffers, (1.5, 1.0))


def naive(model, curve, t, images, labels, *, statistics=None):
    """Losses and hits of a float64 copy whose parameters are set by name.

    Args:
        statistics: images whose BatchNorm statistics it gets.
    """
    twin = copy.deepcopy(model).double().eval()
    points = [{n: w.double() for n, w in point.items()} for point in curve.points]
    while len(points) > 1:  # de Casteljau
        points = [{n: (1 - t) * a[n] + t * b[n] for n in a} for a, b in pairwise(points)]
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.copy_(points[0][name])
        if statistics is not None:
            hidden = twin[0](statistics.double()).transpose(0, 1).flatten(1)
            twin[1].running_mean.copy_(hidden.mean(dim=1))
            twin[1].running_var.copy_(hidden.var(dim=1))
        logits = twin(images.double())
    loss = F.cross_entropy(logits, labels, reduction="none")
    return loss.numpy(), (logits.argmax(1) == labels).double().numpy()


@pytest.mark.parametrize("bent", [True, False])
@pytest.mark.parametrize("bn", ["recompute", "frozen"])
def test_values_are_those_of_a_naive_loop(network, second, curve, images, labels, bent, bn):
    way = curve if bent else straight(network, second)
    seen = torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(9))
    options = {"bn": bn, "others": {"train": (seen, labels)}}
    data = curve_surface(second, way, images, labels, t=PLACES, **options)
    assert data.loss.dims == ("t",)
    for t in PLACES:
        statistics = seen if bn == "recompute" else None
        at = data.sel(t=t)
        for prefix, x in (("", images), ("train_", seen)):
            loss, right = naive(network, way, t, x, labels, statistics=statistics)
            error = loss.std(ddof=1) / np.sqrt(7)
            assert float(at[f"{prefix}loss"]) == pytest.approx(loss.mean(), rel=1e-4)
            assert float(at[f"{prefix}loss_stderr"]) == pytest.approx(error, rel=1e-3)
            assert float(at[f"{prefix}accuracy"]) == pytest.approx(right.mean())
    assert all(check["passed"] for check in json.loads(data.attrs["checks"]))


def test_the_file_tells_what_the_curve_was_and_where_it_lies(
    network, second, curve, images, labels, tmp_path
):
    out = tmp_path / "curve.h5"
    data = curve_surface(network, curve, images, labels, t=3, out=out)
    assert data.t.values.tolist() == [0.0, 0.5, 1.0]
    known = facts(data)
    assert (data.attrs["kind"], data.attrs["title"]) == ("curve", "curve surface of Sequential")
    told = known["configuration"]
    assert (told["directions"], told["bends"], told["bn"]) == ("curve", 2, "recompute")
    assert known["directions_record"]["facts"] == {"history": [1.5, 1.0]}
    stored = load_directions(out)
    assert [*stored] == ["bend1", "bend2", "end"]
    for vector, step in zip(stored.values(), curve.directions(), strict=True):
        np.testing.assert_array_equal(vector, torch.cat([w.flatten() for w in step.values()]))
    again = curve_surface(second, curve, images, labels, t=3, out=out)  # by another's weights
    np.testing.assert_array_equal(again.loss, load_surface(out).loss)
    with pytest.raises(InputError, match="bends is 2 in the file, 0 was asked for"):
        curve_surface(network, straight(network, second), images, labels, t=3, out=out)


def test_networks_without_batchnorm_keep_what_they_have(images, labels):
    plain = [nn.Sequential(nn.Flatten(), nn.Linear(64, 3)) for _ in range(2)]
    line = straight(*plain)
    data = curve_surface(plain[0], line, images, labels, t=5)
    assert facts(data)["configuration"]["bn"] == "frozen"
    assert barrier(data.loss).value == pytest.approx(0, abs=1e-6)  # convex in the weights
    for t, model in ((0.0, plain[0]), (1.0, plain[1])):
        loss = F.cross_entropy(model(images), labels)
        assert float(data.loss.sel(t=t)) == pytest.approx(loss.item(), rel=1e-5)


def test_other_losses_on_other_data():
    rows = torch.randn(9, 2, generator=torch.Generator().manual_seed(0))
    pair = nn.Linear(2, 1), nn.Linear(2, 1)
    data = curve_surface(pair[0], straight(*pair), rows, torch.zeros(9, 1), t=3, loss="mse")
    ends = [float(model(rows).square().mean().detach()) for model in pair]
    np.testing.assert_allclose(data.loss[[0, 2]], ends, rtol=1e-5)
    assert "accuracy" not in data


def test_models_stay_as_they_are_and_must_be_of_the_architecture(
    network, second, images, labels, untouched
):
    line = straight(network, second)
    with untouched(network):
        curve_surface(network, line, images, labels, t=2)
        with pytest.raises(InputError, match="where the model has"):
            curve_surface(nn.Sequential(*network, nn.Linear(3, 3)), line, images, labels, t=2)
    surface = CurveSurface(
        network,
        images,
        labels,
        curve=line,
        axis=grid_axis("t", [0.0, 1.0], "1", "place"),
        compute=Compute(),
        identity={},
    )
    assert surface.layout.configuration["bn"] == "recompute"
