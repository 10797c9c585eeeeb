"""Volumes, several fields and data at once, and surfaces between networks."""

import copy
import inspect
import json
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import landscape
from landscape.engine import points
from landscape.errors import InputError
from landscape.store import load_directions
from landscape.weights import weights_of

STEPS = [-1.0, 0.0, 0.5]


def moved(model, *steps):
    """A float64 copy in evaluation mode, moved along flat vectors."""
    twin = copy.deepcopy(model).double().eval()
    start = 0
    with torch.no_grad():
        for parameter in twin.parameters():
            for c, vector in steps:
                part = vector[start : start + parameter.numel()]
                parameter += c * torch.from_numpy(part).double().view(parameter.shape)
            start += parameter.numel()
    return twin


def loss_of(twin, images, labels):
    return F.cross_entropy(twin(images.double()), labels)


def other_network(network, seed=1, scale=0.3):
    twin, draws = copy.deepcopy(network), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=draws)
    return twin


def test_a_volume_is_that_of_a_naive_loop(network, images, labels, tmp_path):
    out = tmp_path / "volume.h5"
    found = landscape.weight_surface(
        network, images, labels, alpha=STEPS, beta=STEPS[:2], gamma=STEPS[1:], out=out
    )
    assert found.loss.dims == ("alpha", "beta", "gamma")
    assert found.gamma.attrs["long_name"] == "third direction"
    vectors = list(load_directions(out).values())
    for a, b, c in product(STEPS, STEPS[:2], STEPS[1:]):
        twin = moved(network, *zip((a, b, c), vectors, strict=True))
        expected = loss_of(twin, images, labels).item()
        assert float(found.loss.sel(alpha=a, beta=b, gamma=c)) == pytest.approx(expected, rel=1e-4)


def test_gradient_and_hessian_are_those_of_dense_matrices(network, images, labels, tmp_path):
    out = tmp_path / "line.h5"
    found = landscape.weight_surface(
        network,
        images,
        labels,
        alpha=STEPS,
        beta=None,
        fields=["accuracy", "gradient_norm", "hessian"],
        out=out,
    )
    (vector,) = load_directions(out).values()
    for a in STEPS:
        twin = moved(network, (a, vector))
        parameters = weights_of(twin)
        names, shapes = list(parameters), [p.shape for p in parameters.values()]
        flat = torch.cat([p.flatten() for p in parameters.values()])

        def of(flat, twin=twin, names=names, shapes=shapes):
            parts = flat.split([shape.numel() for shape in shapes])
            state = {n: p.view(s) for n, p, s in zip(names, parts, shapes, strict=True)}
            outputs = torch.func.functional_call(twin, state, images.double())
            return F.cross_entropy(outputs, labels)

        gradient = torch.autograd.functional.jacobian(of, flat)
        values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(of, flat))
        at = found.sel(alpha=a)
        assert float(at.gradient_norm) == pytest.approx(float(gradient.norm()), rel=1e-4)
        assert float(at.hessian_max) == pytest.approx(float(values[-1]), rel=1e-3)
        assert float(at.hessian_min) == pytest.approx(float(values[0]), rel=1e-2, abs=1e-4)


def test_train_and_test_side_by_side_are_two_surfaces(network, images, labels):
    draws = torch.Generator().manual_seed(5)
    train = torch.rand(11, 1, 8, 8, generator=draws), torch.arange(11) % 3
    options = {"alpha": STEPS, "beta": STEPS}
    both = landscape.weight_surface(network, images, labels, others={"train": train}, **options)
    alone = landscape.weight_surface(network, images, labels, **options)
    other = landscape.weight_surface(network, *train, **options)
    for name in ("loss", "loss_stderr", "accuracy", "accuracy_stderr"):
        np.testing.assert_array_equal(both[name], alone[name])
        np.testing.assert_allclose(both[f"train_{name}"], other[name], rtol=1e-6)
    assert both.train_loss.attrs["long_name"] == "mean cross-entropy, train"


def test_statistics_are_measured_on_the_training_data_if_there_are(network, images, labels):
    train = images.flip(0) * 0.5, labels
    line = {"alpha": [0.0], "beta": None, "bn": "recompute"}
    found = landscape.weight_surface(network, images, labels, others={"train": train}, **line)
    twin = copy.deepcopy(network).eval()
    twin[1].train()
    twin[1].momentum = 1.0
    with torch.no_grad():
        twin(train[0])  # all in one batch
        twin.eval()
        expected = float(F.cross_entropy(twin(images), labels))
    assert float(found.loss[0]) == pytest.approx(expected, rel=1e-5)


def test_clean_beside_attacked(network, images, labels):
    options = {"alpha": STEPS, "beta": None}
    clean = landscape.weight_surface(network, images, labels, **options)
    for at in ("center", "point"):
        both = landscape.weight_surface(
            network, images, labels, attack="fgsm", attack_at=at, clean_too=True, **options
        )
        np.testing.assert_allclose(both.clean_loss, clean.loss, rtol=1e-6)
        attacked = landscape.weight_surface(
            network, images, labels, attack="fgsm", attack_at=at, **options
        )
        np.testing.assert_allclose(both.loss, attacked.loss, rtol=1e-6)
        assert (both.loss > both.clean_loss).all()


def test_between_networks_the_ends_are_theirs(network, images, labels):
    """With statistics measured anew: those of the other network are not those of this one."""
    other = other_network(network)
    found = landscape.weight_surface(
        network,
        images,
        labels,
        alpha=[0.0, 0.5, 1.0],
        beta=None,
        directions="models",
        checkpoints={"other": other},
    )
    assert json.loads(found.attrs["configuration"])["bn"] == "recompute"
    for where, model in ((0.0, network), (1.0, other)):
        twin = copy.deepcopy(model).eval()
        twin[1].train()
        twin[1].momentum = 1.0
        with torch.no_grad():
            twin(images)
            twin.eval()
            expected = float(F.cross_entropy(twin(images), labels))
        assert float(found.loss.sel(alpha=where)) == pytest.approx(expected, rel=1e-4)
    assert found.path_alpha.values.tolist() == pytest.approx([1.0])
    assert json.loads(found.attrs["path_names"]) == ["other"]
    checks = {check["name"]: check for check in json.loads(found.attrs["checks"])}
    assert checks["recomputed"]["passed"]
    assert checks["recomputed"]["value"] < 1e-5


@pytest.mark.parametrize("source", ["hessian", "trajectory", "gradient"])
def test_a_surface_goes_on_along_the_very_same_directions(
    source, network, images, labels, tmp_path, monkeypatch
):
    """Eigenvectors of another run differ in their last digits; those of the file are taken."""
    out = tmp_path / "surface.h5"
    path = [other_network(network, seed) for seed in range(4)]
    options = {
        "alpha": [-0.1, 0.0, 0.1],
        "beta": None,
        "directions": source,
        "checkpoints": path if source == "trajectory" else None,
    }
    original, calls = points.WeightPoints.measure, []

    def interrupted(self, coefficients):
        calls.append(coefficients)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return original(self, coefficients)

    monkeypatch.setattr(points.WeightPoints, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        landscape.weight_surface(network, images, labels, out=out, **options)
    monkeypatch.setattr(points.WeightPoints, "measure", original)
    kept = load_directions(out)["alpha"].copy()
    monkeypatch.setattr(
        "landscape.directions.resolve._made", lambda *a, **b: pytest.fail("made anew")
    )
    found = landscape.weight_surface(network, images, labels, out=out, **options)
    assert found.attrs["complete"] == 1
    np.testing.assert_array_equal(load_directions(out)["alpha"], kept)
    assert ("path_alpha" in found) == (source == "trajectory")
    monkeypatch.undo()
    changed = options | ({"seed": 1} if source != "trajectory" else {"checkpoints": path[1:]})
    with pytest.raises(InputError, match=r"in the file, .* was asked for"):
        landscape.weight_surface(network, images, labels, out=out, **changed)


def test_settings_that_do_not_go_together_are_refused(network, images, labels):
    def line(**options):
        landscape.weight_surface(network, images, labels, alpha=STEPS, beta=None, **options)

    with pytest.raises(InputError, match="a grid for beta where there is one for gamma"):
        line(gamma=STEPS)
    unchecked = inspect.unwrap(landscape.weight_surface)  # as users have it
    with pytest.raises(InputError, match="a grid for alpha, got None"):
        unchecked(network, images, labels, alpha=None, beta=STEPS)
    with pytest.raises(InputError, match="unknown field 'gradient'; did you mean"):
        line(fields=["gradient"])
    with pytest.raises(InputError, match="clean_too goes with an attack"):
        line(clean_too=True)
    with pytest.raises(InputError, match="attack them at the center"):
        line(fields=["hessian"], attack="fgsm", attack_at="point")
    with pytest.raises(InputError, match="unknown BatchNorm mode"):
        line(bn="fresh")


def test_how_many_points_cover_the_range_that_suits(network, images, labels):
    found = landscape.weight_surface(network, images, labels, alpha=3, beta=None)
    assert found.alpha.values.tolist() == [-1, 0, 1]
    other = other_network(network)
    found = landscape.weight_surface(
        network, images, labels, alpha=5, beta=None, directions="models", checkpoints=[other]
    )
    assert found.alpha.values.tolist() == [-0.5, 0, 0.5, 1, 1.5]  # both networks among them
    assert found.alpha.attrs["long_name"] == "towards 1"


def test_a_tolerance_measures_fewer_points_and_the_same_file_becomes_the_full_grid(
    network, images, labels, tmp_path
):
    out, grid = tmp_path / "plane.h5", {"alpha": 17, "beta": 17}
    part = landscape.weight_surface(network, images, labels, out=out, tolerance=0.2, **grid)
    measured = part.done.values == 1
    assert 81 <= measured.sum() < 289
    assert part.attrs["complete"] == 1
    whole = landscape.weight_surface(network, images, labels, out=out, **grid)
    assert whole.done.values.all()
    np.testing.assert_array_equal(whole.loss.values[measured], part.loss.values[measured])
    full = landscape.weight_surface(network, images, labels, **grid)
    np.testing.assert_array_equal(whole.loss, full.loss)
