"""Products with second derivatives, for networks, losses and data of every kind."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable
from torch.testing import assert_close

from landscape.curvature import MATRICES, Curvature
from landscape.errors import InputError


@pytest.mark.parametrize("batch", [128, 3, 1])
@pytest.mark.parametrize("matrix", MATRICES)
def test_of_a_linear_regression_it_is_the_closed_form(regression, in_full, matrix, batch):
    model, x, y, hessian = regression
    found = in_full(model, x, y, matrix=matrix, loss="mse", batch=batch)
    assert_close(found, hessian, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("matrix", MATRICES)
def test_batches_that_do_not_divide_the_data_weigh_by_their_examples(
    reader, tokens, labels, matrix
):
    model = reader.double()
    vector = torch.linspace(-1, 1, 117).double()
    whole = Curvature(model, tokens, labels, matrix=matrix) @ vector
    for batch in (1, 3, 5):
        parts = Curvature(model, tokens, labels, matrix=matrix, batch=batch) @ vector
        assert_close(parts, whole, rtol=1e-12, atol=1e-14)


def test_it_is_symmetric_and_the_gauss_newton_matrix_has_no_negative_eigenvalue(
    reader, tokens, labels, in_full
):
    hessian = in_full(reader.double(), tokens, labels)
    assert_close(hessian, hessian.T, rtol=1e-12, atol=1e-14)
    assert np.linalg.eigvalsh(hessian)[0] < -0.01
    ggn = in_full(reader, tokens, labels, matrix="ggn")
    assert_close(ggn, ggn.T, rtol=1e-12, atol=1e-14)
    assert np.linalg.eigvalsh(ggn)[0] > -1e-14


def test_weights_that_the_loss_does_not_depend_on_have_zeros(reader, tokens, labels):
    curvature = Curvature(reader, tokens, labels)
    product = curvature.named(curvature @ torch.ones(curvature.size))
    assert not product["unused.weight"].any()
    assert product["embedding.weight"].any()
    assert list(product) == [name for name, _ in reader.named_parameters()]


def test_shared_weights_count_once(in_full):
    """f(x) = w w x, so the second derivative of (f - y)^2 is 12 w^2 x^2 - 4 x y."""
    layer = nn.Linear(1, 1, bias=False).double()
    layer.weight.data.fill_(0.7)
    x, y = torch.tensor([[1.5]]).double(), torch.tensor([[0.4]]).double()
    found = in_full(nn.Sequential(layer, layer), x, y, loss="mse")
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(12 * 0.7**2 * 1.5**2 - 4 * 1.5 * 0.4)


def test_predictions_at_every_position_are_averaged(in_full):
    """Outputs (N, classes, positions) are as good as so many examples more."""
    torch.manual_seed(0)
    table = nn.Embedding(5, 3).double()
    tokens, next_ones = torch.randint(5, (4, 6)), torch.randint(3, (4, 6))

    class Transposed(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = table

        def forward(self, x):
            return self.table(x).mT

    found = in_full(Transposed(), tokens, next_ones, batch=3)
    flat = in_full(table, tokens.flatten(), next_ones.flatten(), batch=5)
    assert_close(found, flat, rtol=1e-12, atol=1e-14)


def test_any_function_of_outputs_and_targets_is_a_loss(regression, in_full):
    model, x, y, _ = regression

    def log_cosh(outputs, targets):
        return (outputs - targets).cosh().log().sum(dim=1)

    bent = (1 - (model(x) - y).detach().tanh() ** 2) / len(x)
    expected = torch.block_diag(*[x.T @ (bent[:, [k]] * x) for k in range(3)]).numpy()
    for matrix in MATRICES:
        found = in_full(model, x, y, matrix=matrix, loss=log_cosh, batch=3)
        assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_loss_that_is_linear_somewhere_is_flat_there(regression):
    model, x, y, _ = regression
    for matrix in MATRICES:
        for loss in (F.l1_loss, lambda o, t: (o - t).sum(dim=1)):
            curvature = Curvature(model, x, y, matrix=matrix, loss=loss)
            assert not (curvature @ torch.ones(curvature.size)).any()


def test_a_gradient_of_ones_own_is_followed():
    """A function that says how it is differentiated, as of rounding with a straight way back."""

    class Straight(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.round()

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    class Rounded(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([[0.3]]))

        def forward(self, x):
            return Straight.apply(x * 8) * self.weight

    curvature = Curvature(Rounded(), torch.tensor([[0.4]]), torch.tensor([[1.0]]), loss="mse")
    assert (curvature @ torch.ones(1)).item() == pytest.approx(2 * 3.0**2)


def test_an_operation_that_has_no_second_derivative_is_told():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x**3

        @staticmethod
        @once_differentiable
        def backward(ctx, gradient):
            return gradient

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 2)

        def forward(self, x):
            return Once.apply(self.inner(x))

    with pytest.raises(InputError, match="can be differentiated twice"):
        Curvature(Model(), torch.rand(3, 2), torch.rand(3, 2), loss="mse")
    bag = nn.EmbeddingBag(5, 3)
    curvature = Curvature(bag, torch.ones(3, 2, dtype=torch.int64), torch.tensor([0, 1, 2]))
    with pytest.raises(InputError, match="can be differentiated twice"):
        curvature @ torch.ones(curvature.size)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.float64, torch.float64), (torch.bfloat16, torch.float32)],
    ids=["float64", "bfloat16"],
)
def test_it_is_computed_in_32_bits_or_more(network, images, labels, dtype, expected):
    model = copy.deepcopy(network).to(dtype)
    product = Curvature(model, images, labels) @ torch.ones(99)
    assert product.dtype == expected
    exact = Curvature(model.double(), images, labels) @ torch.ones(99)
    assert_close(product.double(), exact, rtol=1e-3, atol=1e-4)


def test_it_does_not_matter_what_learns_and_where_it_is_called(reader, tokens, labels):
    expected = Curvature(reader, tokens, labels) @ torch.ones(117)
    frozen = copy.deepcopy(reader).requires_grad_(False)
    with torch.no_grad(), torch.autocast("cpu"):
        found = Curvature(frozen, tokens.int(), labels.byte()) @ torch.ones(117)
    assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_of_a_recurrent_network_it_is_the_difference_of_gradients(cell, labels):
    torch.manual_seed(0)

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = cell(3, 4, batch_first=True), nn.Linear(4, 3)

        def forward(self, x):
            return self.out(self.cell(x)[0][:, -1])

    model, x = Recurrent().double(), torch.rand(7, 6, 3).double()
    curvature = Curvature(model, x, labels, batch=3)
    v, h = torch.randn(curvature.size).double(), 1e-5

    def gradient(step):
        twin = copy.deepcopy(model)
        weights = list(twin.parameters())
        for weight, part in zip(weights, curvature.named(v).values(), strict=True):
            weight.data += step * part
        loss = F.cross_entropy(twin(x), labels)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)])

    assert_close(curvature @ v, (gradient(h) - gradient(-h)) / (2 * h), rtol=1e-6, atol=1e-8)


def test_the_layers_of_torch_for_transformers_work(labels):
    """In evaluation mode they take a short way that has no derivative."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)
    model, x = nn.Sequential(layer, nn.Flatten(), nn.Linear(12, 3)).double(), torch.rand(7, 3, 4)
    for matrix in MATRICES:
        curvature = Curvature(model, x, labels, matrix=matrix, batch=5)
        a, b = torch.randn(2, curvature.size).double()
        assert (curvature @ a @ b).item() == pytest.approx((curvature @ b @ a).item(), rel=1e-9)


def test_other_weights_and_buffers_are_those_of_another_network(network, images, labels):
    other = copy.deepcopy(network)
    for weight in other.parameters():
        weight.data *= 1.3
    other[1].running_var *= 2
    curvature = Curvature(network, images, labels)
    before = curvature @ torch.ones(curvature.size)
    curvature.put(other.state_dict())
    after = curvature @ torch.ones(curvature.size)
    expected = Curvature(other, images, labels) @ torch.ones(curvature.size)
    assert_close(after, expected, rtol=0, atol=0)
    assert not torch.allclose(before, after)


def test_the_model_stays_as_it_was(network, images, labels, untouched):
    with untouched(network):
        for matrix in MATRICES:
            curvature = Curvature(network, images, labels, matrix=matrix)
            assert (curvature @ torch.ones(curvature.size)).isfinite().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matrix": "hesian"}, "unknown matrix of second derivatives 'hesian'; did you mean"),
        ({"batch": 0}, "at least one example in a pass, got batch=0"),
        ({"loss": lambda o, t: F.cross_entropy(o, t, reduction="sum")}, "a mean over examples"),
        ({"loss": "mse"}, "targets of the shape"),
        ({"targets": torch.full((7,), 3)}, "labels from 0 to 2"),
        ({"targets": torch.rand(7, 3)}, "class indices"),
        ({"model": nn.Flatten()}, "a model with weights"),
    ],
)
def test_what_does_not_fit_is_refused(network, images, labels, change, message):
    given = {"model": network, "inputs": images, "targets": labels} | change
    with pytest.raises(InputError, match=message):
        Curvature(given.pop("model"), given.pop("inputs"), given.pop("targets"), **given)


def test_a_vector_of_another_length_is_refused(network, images, labels):
    with pytest.raises(InputError, match="99 numbers"):
        Curvature(network, images, labels) @ torch.ones(98)


def test_no_examples_are_refused(network, images, labels):
    with pytest.raises(InputError, match="at least one example"):
        Curvature(network, images[:0], labels[:0])
