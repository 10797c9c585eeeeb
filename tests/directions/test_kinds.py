"""Directions that come from the loss or from other networks, against what they are defined by."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from landscape.directions import DIRECTIONS, Around, make_directions, regular
from landscape.directions.checkpoints import weights_by_name
from landscape.errors import InputError
from landscape.models import ModelSpec, build_model, save_checkpoint
from landscape.rng import generator
from landscape.weights import cosine, flatten, norm, weights_of


def around(network, images, labels, **more):
    return Around(weights_of(network), model=network, inputs=images, targets=labels, **more)


def perturbed(network, seed, scale=0.1):
    draws = torch.Generator().manual_seed(seed)
    return {
        n: w + scale * torch.randn(w.shape, generator=draws) for n, w in weights_of(network).items()
    }


def test_the_gradient_is_that_of_one_pass_over_all_data(network, images, labels, untouched):
    with untouched(network):
        made = make_directions("gradient", around(network, images, labels), ["alpha"])
    twin = copy.deepcopy(network).eval().requires_grad_(True)
    twin.zero_grad()
    F.cross_entropy(twin(images), labels).backward()
    expected = torch.cat([p.grad.flatten() for p in twin.parameters()])
    found = flatten(made.vectors["alpha"])
    torch.testing.assert_close(found, expected / expected.norm(), rtol=1e-4, atol=1e-6)
    assert made.facts["gradient_norm"] == pytest.approx(float(expected.norm()), rel=1e-5)


@pytest.mark.parametrize("matrix", ["hessian", "ggn"])
def test_eigenvectors_come_in_order_of_their_eigenvalues(
    network, images, labels, matrix, untouched
):
    with untouched(network):
        made = make_directions(matrix, around(network, images, labels), ["alpha", "beta"])
    first, second = made.facts[f"{matrix}_eigenvalues"]
    assert first > second > 0
    assert abs(cosine(made.vectors["alpha"], made.vectors["beta"])) < 1e-4
    assert norm(made.vectors["beta"]) == pytest.approx(1, rel=1e-5)
    assert f"λ = {first:.3g}" in made.labels["alpha"]


def test_another_network_lies_at_one(network, images, labels):
    other, third = perturbed(network, 1), perturbed(network, 2)
    two = {"other": other, "third": third}
    made = make_directions(
        "models", around(network, images, labels, checkpoints=two), ["alpha", "beta"]
    )
    for axis, weights in zip(("alpha", "beta"), two.values(), strict=True):
        for name, centre in weights_of(network).items():
            torch.testing.assert_close(centre + made.vectors[axis][name], weights[name])
    np.testing.assert_allclose(made.path.coordinates, [[1, 0], [0, 1]], atol=1e-5)
    assert made.connects
    assert made.labels == {"alpha": "towards other", "beta": "towards third"}
    assert made.reach["alpha"] == (-0.5, 1.5)


def test_at_right_angles_three_networks_still_lie_in_their_plane(network, images, labels):
    two = {"other": perturbed(network, 1), "third": perturbed(network, 2)}
    where = around(network, images, labels, checkpoints=two)
    made = make_directions("models", where, ["alpha", "beta"], orthogonal=True)
    assert abs(cosine(made.vectors["alpha"], made.vectors["beta"])) < 1e-6
    assert made.path.residuals.max() < 1e-5
    skew = make_directions("models", where, ["alpha", "beta"])
    before = cosine(skew.vectors["alpha"], skew.vectors["beta"])
    assert made.facts["cosines_before"]["alpha beta"] == pytest.approx(before)
    assert made.reach["beta"][1] > made.path.coordinates[1, 1]


def test_a_source_for_each_axis(network, images, labels):
    given = perturbed(network, 3)
    where = around(network, images, labels)
    made = make_directions(["random", "gradient", given], where, ["alpha", "beta", "gamma"])
    alone = make_directions("random", where, ["alpha"])
    torch.testing.assert_close(made.vectors["alpha"], alone.vectors["alpha"], rtol=0, atol=0)
    assert norm(made.vectors["beta"]) == pytest.approx(1, rel=1e-5)
    torch.testing.assert_close(made.vectors["gamma"], given)
    assert list(made.vectors) == ["alpha", "beta", "gamma"]
    assert made.configuration["directions"] == "random, gradient, given"
    assert made.configuration["normalization"] == "filter, none"
    with pytest.raises(InputError, match="there is one gradient, and 2 axes"):
        make_directions("gradient", where, ["alpha", "beta"])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_no_direction(network, value):
    bare = Around(weights_of(network))
    wrong = {name: weight.clone() for name, weight in bare.weights.items()}
    wrong["6.weight"][0, 0] = value
    with pytest.raises(InputError, match=r"a finite direction, got .* in its part for 6\.weight"):
        make_directions([wrong], bare, ["alpha"])
    with pytest.raises(InputError, match=r"the checkpoint 2 holds .* the first in 6\.weight"):
        weights_by_name([network, wrong], bare.weights)


def test_checkpoints_that_no_direction_uses_are_refused(network):
    one = Around(weights_of(network), checkpoints={"other": perturbed(network, 1)})
    with pytest.raises(InputError, match=r"directions that use checkpoints \(models, trajectory\)"):
        make_directions("random", one, ["alpha"])


def test_what_a_kind_needs_is_asked_for(network):
    bare = Around(weights_of(network))
    with pytest.raises(InputError, match="give the model and its data"):
        make_directions("hessian", bare, ["alpha"])
    one = Around(bare.weights, checkpoints={"other": perturbed(network, 1)})
    with pytest.raises(InputError, match="a line goes to one, a plane through two"):
        make_directions("models", one, ["alpha", "beta"])
    same = Around(bare.weights, checkpoints={"same": bare.weights})
    with pytest.raises(InputError, match="same has the weights of the network at the centre"):
        make_directions("models", same, ["alpha"])


def test_asked_for_normalization_holds_for_every_kind(network, images, labels):
    made = make_directions(
        "gradient",
        around(network, images, labels),
        ["alpha"],
        normalization="layer",
        ignore="biasbn",
    )
    weights = weights_of(network)
    assert norm({"w": made.vectors["alpha"]["0.weight"]}) == pytest.approx(
        norm({"w": weights["0.weight"]}), rel=1e-5
    )
    assert not made.vectors["alpha"]["1.weight"].any()
    assert made.configuration["normalization"] == "layer"


def test_every_kind_says_how_it_is_scaled():
    for kind in DIRECTIONS.values():
        assert kind.normalization in ("filter", "none")
        assert kind.ignore in ("biasbn", "none")


def test_checkpoints_in_any_form(tmp_path):
    spec = ModelSpec("cnn", classes=3, channels=1)
    first, second = (build_model(spec, generator=generator(seed)) for seed in (0, 1))
    files = [tmp_path / "a" / "model.pt", tmp_path / "b" / "model.pt"]
    for model, file in zip((first, second), files, strict=True):
        save_checkpoint(file, model, spec, configuration={}, provenance={})
    weights = weights_of(first)
    forms = weights_by_name([second, second.state_dict()], weights)
    assert list(forms) == ["1", "2"]
    read = weights_by_name([str(file) for file in files], weights)
    assert list(read) == ["a/model", "b/model"]
    for found in (*forms.values(), read["b/model"]):
        torch.testing.assert_close(found, dict(weights_of(second)), rtol=0, atol=0)
    with pytest.raises(InputError, match="the same file twice"):
        weights_by_name([files[0], files[0]], weights)
    with pytest.raises(InputError, match=r"in the checkpoint other a tensor .* got nothing"):
        weights_by_name({"other": {}}, weights)


@pytest.mark.parametrize("count", [4, 5, 8, 10, 12, 21, 31, 51])
def test_default_coordinates_hold_both_networks(count):
    found = regular((-0.5, 1.5), count)
    assert len(found) == count
    assert 0 in found
    assert np.abs(found - 1).min() < 1e-12
    np.testing.assert_allclose(np.diff(found), found[1] - found[0])
    step = found[1] - found[0]
    assert -0.5 - 2 * step < found[0] <= -0.5
    assert 1.5 <= found[-1] < 1.5 + 2 * step


@pytest.mark.parametrize("count", [3, 4, 25, 51])
def test_default_coordinates_hold_the_centre_and_cover_the_range(count):
    path = regular((-1.3, 7.9), count)
    assert len(path) == count
    assert 0 in path
    assert path[0] <= -1.3
    assert path[-1] >= 7.9
    np.testing.assert_allclose(np.diff(path), path[1] - path[0])
    if count > 20:
        assert path[-1] - path[0] < 1.1 * 9.2


@pytest.mark.parametrize("reach", [(-1.0, 1.0), (-0.5, 1.5), (-1.3, 7.9)])
def test_a_single_coordinate_is_the_centre(reach):
    assert regular(reach, 1).tolist() == [0]


def test_symmetric_coordinates_are_as_given():
    np.testing.assert_array_equal(regular((-1.0, 1.0), 4), np.linspace(-1, 1, 4))
    assert regular((-0.5, 1.5), 2).tolist() == [-0.5, 1.5]
    assert regular((-0.5, 1.5), 3).tolist() == [0, 1, 2]  # three hold both networks, no more
