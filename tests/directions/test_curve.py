"""Bezier curves in weight space: their algebra against de Casteljau's, and their files."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from landscape.directions.curve import Curve, bernstein, load_curve, straight
from landscape.errors import InputError
from landscape.weights import weights_of


def model(seed, width=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = nn.Sequential(nn.Conv2d(2, width, 3), nn.BatchNorm2d(width), nn.ReLU())
        made[1].running_mean.uniform_()
        made[1].num_batches_tracked.fill_(seed)
    return made


@pytest.fixture
def curve():
    """Of degree 3, with control points anywhere."""
    line = straight(model(0), model(1), bends=2)
    inner = [weights_of(model(seed)) for seed in (2, 3)]
    return Curve((line.points[0], *inner, line.points[-1]), line.buffers, (0.5, 0.25))


def de_casteljau(points, t):
    """The point by repeated straight lines, in float64."""
    points = [{n: w.double() for n, w in point.items()} for point in points]
    while len(points) > 1:
        points = [{n: (1 - t) * a[n] + t * b[n] for n in a} for a, b in pairwise(points)]
    return points[0]


@pytest.mark.parametrize("t", [-0.3, 0.0, 0.25, 0.5, 0.9, 1.0, 1.2])
def test_weights_are_those_of_repeated_straight_lines(curve, t):
    expected = {n: w.float() for n, w in de_casteljau(curve.points, t).items()}
    assert_close(curve.weights(t), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 1.5])
def test_coefficients_place_the_curve_among_its_directions(curve, t):
    start, steps = curve.points[0], curve.directions()
    assert len(steps) == len(curve.coefficients(t)) == curve.degree == 3
    for name, weight in curve.weights(t).items():
        moved = start[name].double() + sum(
            c * step[name].double() for c, step in zip(curve.coefficients(t), steps, strict=True)
        )
        assert_close(moved.float(), weight, rtol=1e-5, atol=1e-6)


def test_of_one_bend_and_of_none_the_coefficients_are_the_papers():
    line, bent = straight(model(0), model(1)), straight(model(0), model(1), bends=1)
    for t in (0.0, 0.2, 0.7, 1.0):
        np.testing.assert_allclose(line.coefficients(t), [t])
        np.testing.assert_allclose(bent.coefficients(t), [2 * t * (1 - t), t * t])
        assert bernstein(t, 4).sum() == pytest.approx(1)
        # Control points evenly on a line are the line itself.
        assert_close(line.weights(t), bent.weights(t), rtol=1e-6, atol=1e-7)
    assert line.history == ()


def test_networks_on_the_curve_are_copies_with_the_buffers_of_the_line(curve, untouched):
    mine = model(7).eval()
    with untouched(mine):
        found = curve.network(mine, 0.25)
    assert_close(weights_of(found), curve.weights(0.25), rtol=0, atol=0)
    first, second = model(0)[1].running_mean, model(1)[1].running_mean
    assert_close(found[1].running_mean, 0.75 * first + 0.25 * second)
    assert not found.training
    assert found[1].num_batches_tracked == 7  # no floating point: stays
    ends = [curve.network(mine, t).state_dict() for t in (0.0, 1.0)]
    for end, of in zip(ends, (model(0), model(1)), strict=True):
        state = {n: b for n, b in of.state_dict().items() if "tracked" not in n}
        assert all(end[name].equal(tensor) for name, tensor in state.items())


def test_the_ends_do_not_follow_the_models_they_were_taken_from():
    first, second = model(0), model(1)
    line = straight(first, second)
    before = line.sha256
    with torch.no_grad():
        first[0].weight.zero_()
        second[1].running_mean.zero_()
    line.weights(0.0)["0.weight"].zero_()
    assert line.sha256 == before


def test_a_file_gives_back_the_same_curve(curve, tmp_path):
    curve.save(tmp_path / "curve.pt")
    found = load_curve(tmp_path / "curve.pt")
    assert found.sha256 == curve.sha256
    assert found.history == (0.5, 0.25)
    for t in (0.0, 0.6, 1.0):
        assert_close(found.weights(t), curve.weights(t), rtol=0, atol=0)
        assert_close(found.buffers_at(t), curve.buffers_at(t), rtol=0, atol=0)
    contents = torch.load(tmp_path / "curve.pt", weights_only=True)
    assert contents["format"] == "landscape-curve"


def _without(name):
    return lambda contents: contents.pop(name)


def _flipped(contents):
    contents["points"][1]["0.weight"][0, 0, 0, 0] += 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_flipped, "is damaged"),
        (_without("points"), "is damaged"),
        (_without("sha256"), "is damaged"),
        (lambda contents: contents.update(points=[1, 2]), "is damaged"),
        (lambda contents: contents.update(version=2), "format 2, this version of landscape reads"),
        (_without("format"), "is not a curve"),
    ],
)
def test_damaged_files_are_refused(curve, tmp_path, change, message):
    path = tmp_path / "curve.pt"
    curve.save(path)
    contents = torch.load(path, weights_only=True)
    change(contents)
    torch.save(contents, path)
    with pytest.raises(InputError, match=message):
        load_curve(path)


def test_what_is_no_file_of_a_curve_is_refused(curve, tmp_path):
    path = tmp_path / "curve.pt"
    with pytest.raises(InputError, match="no such file"):
        load_curve(path)
    curve.save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="damaged or cut short"):
        load_curve(path)


def test_networks_of_two_architectures_are_refused(curve):
    with pytest.raises(InputError, match=r"0\.weight \(4, 2, 3, 3\) where the first has 0\.weight"):
        straight(model(0), model(1, width=4))
    longer = nn.Sequential(*model(1), nn.Linear(3, 3))
    with pytest.raises(InputError, match=r"has 3\.weight .* where the first has nothing"):
        straight(model(0), longer)
    with pytest.raises(InputError, match=r"the curve has 0\.weight .* where the model has nothing"):
        curve.network(nn.ReLU(), 0.5)
    bufferless = copy.deepcopy(model(1))
    bufferless[1].running_mean = None
    with pytest.raises(InputError, match=r"1\.running_var .* where the first has 1\.running_mean"):
        straight(model(0), bufferless)
    diverged = model(1)
    with torch.no_grad():
        diverged[0].weight[0] = torch.nan
    with pytest.raises(InputError, match="the second network holds weights that are NaN"):
        straight(model(0), diverged)
    with pytest.raises(InputError, match="0 or more"):
        straight(model(0), model(1), bends=-1)
