"""Eigenvalues from products alone, against all eigenvalues."""

import numpy as np
import pytest
import torch

from landscape.curvature import lanczos
from landscape.curvature.lanczos import Krylov, NotFiniteError, lanczos_ends

SPECTRA = {
    "outliers": [30.0, 12, 9, 7, -4, *np.linspace(-0.1, 0.1, 195)],
    "low rank": [30.0, 12, 9, 7, 5, *np.zeros(195)],
    "repeated": [30.0, 30, 30, 12, 12, -5, -5, *np.linspace(-0.1, 0.1, 193)],
    "zero": np.zeros(200),
    "one": np.ones(200),
    "even": np.linspace(-1, 1, 200),
}


def made(values, dtype=torch.float64):
    """A matrix with these eigenvalues."""
    values = torch.tensor(np.array(values))
    draws = torch.Generator().manual_seed(3)
    basis = torch.linalg.qr(torch.randn(len(values), len(values), generator=draws).double()).Q
    return (basis * values @ basis.T).to(dtype)


def start(size, dtype=torch.float64):
    return torch.randn(size, generator=torch.Generator().manual_seed(4)).to(dtype)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(("low", "high"), [(1, 1), (0, 1), (3, 0), (2, 4)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_ends_are_those_of_the_whole_spectrum(spectrum, low, high, dtype):
    matrix, known = made(SPECTRA[spectrum], dtype), np.sort(SPECTRA[spectrum])
    values, vectors, converged = lanczos_ends(
        matrix.__matmul__,
        start(200, dtype),
        low=low,
        high=high,
        tolerance=1e-4,
        draws=torch.Generator().manual_seed(5),
    )
    assert converged
    scale = np.abs(known).max()
    expected = np.concatenate([known[:low], known[200 - high :]])
    np.testing.assert_allclose(values, expected, rtol=0, atol=2e-4 * scale)
    gram = (vectors @ vectors.T).numpy()
    np.testing.assert_allclose(gram, np.eye(low + high), atol=1e-5)
    residuals = (matrix @ vectors.T - vectors.T * torch.tensor(values).to(dtype)).norm(dim=0)
    assert residuals.max() <= 1.1e-4 * scale + 1e-5


def test_it_takes_few_products_where_few_eigenvalues_are_large():
    matrix, products = made(SPECTRA["outliers"]), []

    def multiply(vector):
        products.append(1)
        return matrix @ vector

    settings = {"low": 1, "high": 1, "tolerance": 1e-4, "draws": torch.Generator()}
    lanczos_ends(multiply, start(200), **settings)
    assert len(products) < 20


def test_what_does_not_converge_is_told(monkeypatch):
    monkeypatch.setattr(lanczos, "RESTARTS", 2)
    *_, converged = lanczos_ends(
        made(SPECTRA["even"]).__matmul__,
        start(200),
        low=1,
        high=1,
        tolerance=1e-12,
        draws=torch.Generator(),
    )
    assert not converged


def test_a_space_as_large_as_the_matrix_holds_all_eigenvalues():
    matrix = made(np.linspace(-2, 3, 12))
    space = Krylov(matrix.__matmul__, start(12), 12, torch.Generator())
    for _ in range(12):
        space.extend()
    np.testing.assert_allclose(space.eigen()[0], np.linspace(-2, 3, 12), atol=1e-12)
    assert space.rest < 1e-12


def test_a_space_that_is_exhausted_says_so():
    matrix = made([5.0, 2.0, *np.zeros(18)])
    space = Krylov(matrix.__matmul__, start(20), 10, torch.Generator().manual_seed(0))
    sizes = []
    while not space.exhausted:
        space.extend()
        sizes.append(space.size)
    assert sizes == [1, 2, 3]
    np.testing.assert_allclose(space.eigen()[0], [0, 2, 5], atol=1e-12)


def test_a_product_that_is_not_finite_is_told():
    space = Krylov(lambda vector: vector / 0, start(5), 3, torch.Generator())
    with pytest.raises(NotFiniteError):
        space.extend()
