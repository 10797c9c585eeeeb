"""Second derivatives against finite differences, forward mode, curvlinops and ARPACK."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn
from torch.func import functional_call, grad, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.testing import assert_close

from landscape.curvature import Curvature, eigenpairs
from landscape.weights import flatten, unflatten, weights_of


class Reader(nn.Module):
    """Embedding, LayerNorm, attention."""

    def __init__(self):
        super().__init__()
        self.embedding, self.norm = nn.Embedding(5, 4), nn.LayerNorm(4)
        self.heads, self.out = nn.Linear(4, 12), nn.Linear(4, 3)

    def forward(self, tokens):
        x = self.embedding(tokens)
        q, k, v = self.heads(self.norm(x)).chunk(3, dim=-1)
        return self.out((x + F.scaled_dot_product_attention(q, k, v)).mean(dim=1))


class Tied(nn.Module):
    """A regression with GroupNorm that uses one layer twice."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.out = nn.Linear(4, 4), nn.GroupNorm(2, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.first(self.norm(self.first(x)).tanh()).tanh())


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2),
        nn.BatchNorm2d(2),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2, 3),
    )


def problem(name):
    """A model in float64, seven examples, and the loss that goes with them."""
    torch.manual_seed(0)
    classes = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    model, inputs, targets, loss = {
        "convolutional": (convolutional(), torch.rand(7, 1, 6, 6), classes, "cross-entropy"),
        "transformer": (Reader(), torch.randint(5, (7, 6)), classes, "cross-entropy"),
        "regression": (Tied(), torch.randn(7, 4), torch.randn(7, 2), "mse"),
    }[name]
    doubled = [t.double() if t.is_floating_point() else t for t in (inputs, targets)]
    return model.double().eval(), *doubled, loss


# What torch's forward mode and curvlinops load at first use.
FORWARD_MODE = pytest.mark.filterwarnings("ignore:`torch.jit.script:FutureWarning")

PROBLEMS = ["convolutional", "transformer", "regression"]
PLAIN = {"cross-entropy": F.cross_entropy, "mse": F.mse_loss}


def as_function(model, inputs, targets, loss):
    """Outputs and mean loss of a flat vector of weights, and that vector."""
    weights = weights_of(model)

    def outputs(vector):
        return functional_call(model, unflatten(vector, weights), (inputs,))

    return outputs, lambda vector: PLAIN[loss](outputs(vector), targets), flatten(weights)


def in_full(*arguments, **settings):
    curvature = Curvature(*arguments, **settings)
    unit = torch.eye(curvature.size, dtype=torch.float64)
    return torch.stack([curvature @ row for row in unit], dim=1)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_hessian_is_the_difference_of_gradients(name):
    model, inputs, targets, loss = problem(name)
    _, mean, centre = as_function(model, inputs, targets, loss)
    found = in_full(model, inputs, targets, loss=loss, batch=3)
    h, columns = 1e-5, []
    with sdpa_kernel(SDPBackend.MATH):
        for row in torch.eye(len(centre), dtype=torch.float64):
            columns.append((grad(mean)(centre + h * row) - grad(mean)(centre - h * row)) / (2 * h))
    assert_close(found, torch.stack(columns, dim=1), rtol=1e-5, atol=1e-8)


@FORWARD_MODE
@pytest.mark.parametrize("name", ["convolutional", "transformer"])
def test_the_hessian_is_that_of_forward_mode(name):
    """Not of `torch.func.hessian`, which is wrong for the weights of a LayerNorm.

    Nor of GroupNorm, which has no forward mode of its gradient.
    """
    model, inputs, targets, loss = problem(name)
    _, mean, centre = as_function(model, inputs, targets, loss)
    found = in_full(model, inputs, targets, loss=loss, batch=3)
    with sdpa_kernel(SDPBackend.MATH):
        columns = [jvp(grad(mean), (centre,), (r,))[1] for r in torch.eye(len(centre)).double()]
    assert_close(found, torch.stack(columns, dim=1), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_gauss_newton_matrix_is_the_product_of_its_factors(name):
    model, inputs, targets, loss = problem(name)
    outputs, _, centre = as_function(model, inputs, targets, loss)
    jacobian = torch.autograd.functional.jacobian(outputs, centre)
    if loss == "mse":
        bent = torch.eye(2, dtype=torch.float64).expand(7, 2, 2)  # 2 / (number of outputs)
    else:
        p = outputs(centre).softmax(dim=1)
        bent = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    expected = torch.einsum("nap,nab,nbq->pq", jacobian, bent, jacobian) / 7
    found = in_full(model, inputs, targets, matrix="ggn", loss=loss, batch=3)
    assert_close(found, expected, rtol=1e-9, atol=1e-12)


@FORWARD_MODE
@pytest.mark.parametrize(
    ("name", "matrix"),
    [("convolutional", "hessian"), ("convolutional", "ggn"), ("regression", "ggn")],
)
def test_products_are_those_of_curvlinops(name, matrix):
    from curvlinops import GGNLinearOperator, HessianLinearOperator

    model, inputs, targets, loss = problem(name)
    operator = {"hessian": HessianLinearOperator, "ggn": GGNLinearOperator}[matrix](
        model,
        {"cross-entropy": nn.CrossEntropyLoss(), "mse": nn.MSELoss()}[loss],
        list(model.parameters()),
        list(zip(inputs.split(3), targets.split(3), strict=True)),
        check_deterministic=False,
    )
    curvature = Curvature(model, inputs, targets, matrix=matrix, loss=loss, batch=5)
    vector = torch.randn(curvature.size, dtype=torch.float64)
    assert_close(curvature @ vector, operator @ vector, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("which", ["largest", "smallest", "extremes"])
def test_eigenpairs_are_those_of_arpack(which):
    model, inputs, targets, loss = problem("transformer")
    curvature = Curvature(model, inputs, targets, loss=loss)

    def multiply(vector):
        return (curvature @ torch.from_numpy(vector.copy()).reshape(-1)).numpy()

    operator = LinearOperator((curvature.size, curvature.size), multiply, dtype=np.float64)
    code = {"largest": "LA", "smallest": "SA", "extremes": "BE"}[which]
    values, vectors = eigsh(operator, k=4, which=code, v0=np.ones(curvature.size))
    found = eigenpairs(
        model, inputs, targets, count=4, which=which, loss=loss, tolerance=1e-9, batch=3
    )
    order = np.argsort(-values)
    np.testing.assert_allclose(found.values, values[order], rtol=1e-8)
    for vector, column in zip(found.vectors, vectors.T[order], strict=True):
        assert abs(flatten(vector).numpy() @ column) == pytest.approx(1, abs=1e-8)
