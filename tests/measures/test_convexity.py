"""Curvatures of planes whose Hessian is known."""

import numpy as np
import pytest
import xarray as xr

from landscape.errors import InputError
from landscape.measures.convexity import plane_curvatures, share_bent_down

X, Y = np.linspace(-1, 1, 9), np.linspace(-2, 2, 11)


def plane(function, x=X, y=Y):
    grid = np.meshgrid(x, y, indexing="ij")
    return xr.DataArray(function(*grid), {"alpha": x, "beta": y}, ("alpha", "beta"))


def test_a_quadratic_form_has_its_own_eigenvalues_everywhere():
    matrix = np.array([[3.0, 1.2], [1.2, -0.5]])
    loss = plane(lambda a, b: (3 * a * a + 2.4 * a * b - 0.5 * b * b) / 2 + 0.3 * a - b + 7)
    found = plane_curvatures(loss)
    low, high = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(found.smallest, low, atol=1e-9)
    np.testing.assert_allclose(found.largest, high, atol=1e-9)
    assert dict(found.sizes) == {"alpha": 7, "beta": 9}
    assert share_bent_down(loss) == 1.0


def test_bowls_bend_nowhere_down_and_waves_half_of_the_time():
    assert share_bent_down(plane(lambda a, b: a * a + 5 * b * b)) == 0.0
    assert share_bent_down(plane(lambda a, b: a * a + 0 * b)) == 0.0  # a trough: 0 is not below 0
    fine = np.linspace(0, 4 * np.pi, 402)
    waves = plane(lambda a, b: np.sin(a) + 0 * b, x=fine)
    assert share_bent_down(waves) == pytest.approx(0.5, abs=0.02)


def test_points_without_a_number_are_not_bent_down():
    loss = plane(lambda a, b: -a * a - b * b)
    loss[4, 5] = np.inf
    assert share_bent_down(loss) == pytest.approx((63 - 9) / 63)


def test_what_has_no_second_differences_is_refused():
    with pytest.raises(InputError, match="evenly spaced axes"):
        plane_curvatures(plane(lambda a, b: a * b, x=np.array([-1.0, 0.0, 3.0])))
    with pytest.raises(InputError, match="two axes of at least three values"):
        plane_curvatures(plane(lambda a, b: a * b, x=X[:2]))
    with pytest.raises(InputError, match="two axes"):
        plane_curvatures(plane(lambda a, b: a * b)[0])
