"""Eigenvectors of the Hessian or of the Gauss-Newton matrix: where a loss bends most."""

from collections.abc import Sequence

from landscape.curvature import eigenpairs
from landscape.directions.base import Around, Drawn

NAMES = {"hessian": "Hessian", "ggn": "Gauss-Newton"}


def eigenvectors(around: Around, axes: Sequence[str], *, matrix: str) -> Drawn:
    """The eigenvectors of the largest eigenvalues at the centre, of length one, in that order.

    Args:
        around: with the data.
        axes: as many as eigenvectors are wanted.
        matrix: a name in `landscape.curvature.MATRICES`.
    """
    model, inputs, targets = around.network()
    found = eigenpairs(
        model,
        inputs,
        targets,
        count=len(axes),
        matrix=matrix,
        loss=around.loss,
        seed=around.seed,
    )
    name = NAMES[matrix]
    labels = [f"{name} eigenvector, λ = {value:.3g}" for value in found.values]
    facts = {
        f"{matrix}_eigenvalues": found.values.tolist(),
        f"{matrix}_residuals": found.residuals.tolist(),
    }
    vectors = [
        {name: part.to(around.weights[name]) for name, part in vector.items()}
        for vector in found.vectors
    ]
    return Drawn(vectors, labels, facts)
