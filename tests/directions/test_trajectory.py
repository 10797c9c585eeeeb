"""Principal components of a path against scikit-learn's, and where checkpoints lie in a surface."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from landscape.directions import Around, make_directions
from landscape.directions.projection import orthogonalized, path_of
from landscape.errors import InputError
from landscape.weights import cosine, flatten, inner, norm, weights_of


def model(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3, 2))


@pytest.fixture
def walk():
    """Seven checkpoints of a walk that slows down, the last of them the centre."""
    draws, centre = torch.Generator().manual_seed(0), weights_of(model())
    steps = [
        {
            n: w + (6 - i) ** 2 * 0.1 * torch.randn(w.shape, generator=draws)
            for n, w in centre.items()
        }
        for i in range(7)
    ]
    return centre, {f"{i:04d}": step for i, step in enumerate(steps)}


def displacements(centre, checkpoints):
    rows = [flatten({n: c[n] - w for n, w in centre.items()}) for c in checkpoints.values()]
    return torch.stack(rows).double().numpy()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_it_is_the_principal_component_analysis_of_scikit_learn(walk, count):
    centre, checkpoints = walk
    axes = ("alpha", "beta", "gamma")[:count]
    made = make_directions("trajectory", Around(centre, checkpoints=checkpoints), axes)
    rows = displacements(centre, checkpoints)
    expected = PCA(count).fit(rows)
    shares = made.facts["explained_variance_ratio"]
    np.testing.assert_allclose(shares, expected.explained_variance_ratio_, rtol=1e-9)
    for vector, component in zip(made.vectors.values(), expected.components_, strict=True):
        found = flatten(vector).double().numpy()
        np.testing.assert_allclose(found * np.sign(found @ component), component, atol=1e-6)
    assert made.labels["alpha"] == f"PC 1 ({shares[0]:.1%} of variance)"


def test_the_path_is_projected_and_what_is_left_of_it_is_said(walk):
    centre, checkpoints = walk
    made = make_directions("trajectory", Around(centre, checkpoints=checkpoints), ["alpha", "beta"])
    rows = displacements(centre, checkpoints)
    plane = np.stack([flatten(v).double().numpy() for v in made.vectors.values()])
    np.testing.assert_allclose(made.path.coordinates, rows @ plane.T, rtol=1e-4, atol=1e-4)
    assert made.path.coordinates[0, 0] > 0  # it comes from the right
    away = np.linalg.norm(rows, axis=1)
    rest = np.linalg.norm(rows - (rows @ plane.T) @ plane, axis=1)[:-1] / away[:-1]
    np.testing.assert_allclose(made.path.residuals, [*rest, 0], atol=1e-5)
    assert made.path.names == tuple(checkpoints)
    low, high = made.reach["alpha"]
    assert low < made.path.coordinates[:, 0].min() < made.path.coordinates[:, 0].max() < high
    assert low < 0 < high


def test_a_path_in_a_plane_leaves_nothing_and_is_explained_by_two():
    centre = weights_of(model())
    draws = torch.Generator().manual_seed(1)
    a, b = ({n: torch.randn(w.shape, generator=draws) for n, w in centre.items()} for _ in "ab")
    turns = [(1.0, 0.0), (0.3, 0.8), (-0.2, 0.1), (0.0, 0.0)]
    path = {
        str(i): {n: w + s * a[n] + t * b[n] for n, w in centre.items()}
        for i, (s, t) in enumerate(turns)
    }
    made = make_directions("trajectory", Around(centre, checkpoints=path), ["alpha", "beta"])
    assert sum(made.facts["explained_variance_ratio"]) == pytest.approx(1, rel=1e-9)
    assert made.path.residuals.max() < 1e-5
    with pytest.raises(InputError, match="fewer than 3 directions"):
        make_directions("trajectory", Around(centre, checkpoints=path), ["alpha", "beta", "gamma"])


def test_too_few_checkpoints_are_refused(walk):
    centre, checkpoints = walk
    two = dict(list(checkpoints.items())[:2])
    with pytest.raises(InputError, match=r"more than 2 checkpoints.*--keep-every"):
        make_directions("trajectory", Around(centre, checkpoints=two), ["alpha", "beta"])
    with pytest.raises(InputError, match="need other weights; give checkpoints"):
        make_directions("trajectory", Around(centre), ["alpha", "beta"])


def test_places_are_found_in_a_plane_of_any_angle():
    draws = torch.Generator().manual_seed(0)
    u, v, off = ({"w": torch.randn(40, generator=draws)} for _ in range(3))
    skew = {"w": v["w"] + 3 * u["w"]}
    place = {"w": 0.7 * u["w"] - 1.3 * skew["w"]}
    path = path_of({"in": place, "out": off, "centre": {"w": torch.zeros(40)}}, [u, skew])
    np.testing.assert_allclose(path.coordinates[0], [0.7, -1.3], rtol=1e-5)
    basis = np.stack([u["w"].double().numpy(), skew["w"].double().numpy()], axis=1)
    expected, square, *_ = np.linalg.lstsq(basis, off["w"].double().numpy(), rcond=None)
    np.testing.assert_allclose(path.coordinates[1], expected, rtol=1e-6)
    assert path.residuals[1] == pytest.approx(np.sqrt(square[0]) / norm(off), rel=1e-6)
    assert path.residuals[0] < 1e-6
    assert path.coordinates[2].tolist() == [0, 0]
    assert path.residuals[2] == 0


def test_at_right_angles_each_keeps_its_length_and_the_span_stays():
    draws = torch.Generator().manual_seed(0)
    vectors = [
        {"a": torch.randn(9, 2, generator=draws), "b": torch.randn(3, generator=draws)}
        for _ in range(3)
    ]
    vectors[1] = {n: t + 4 * vectors[0][n] for n, t in vectors[1].items()}
    turned = orthogonalized(vectors)
    assert turned[0] is vectors[0]
    for i, vector in enumerate(turned):
        assert norm(vector) == pytest.approx(norm(vectors[i]), rel=1e-6)
        assert all(abs(cosine(vector, other)) < 1e-6 for other in turned[:i])
    assert inner(turned[1], vectors[1]) > 0
    assert path_of({"second": vectors[1]}, turned[:2]).residuals[0] < 1e-6
    with pytest.raises(InputError, match="direction 3 lies in the span of the earlier ones"):
        orthogonalized(
            [vectors[0], vectors[1], {n: t * 2 - vectors[1][n] for n, t in vectors[0].items()}]
        )
