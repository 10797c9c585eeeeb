"""Weight surfaces of any network, loss and data against a naive loop in float64."""

import copy
import json
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import landscape
from landscape.errors import InputError
from landscape.store import load_directions

STEPS = [-1.0, 0.0, 0.7]


class Transformer(nn.Module):
    """Tokens to the next token: attention, LayerNorm, an embedding that is the last layer too."""

    def __init__(self, words: int = 11, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.place = nn.Parameter(torch.randn(1, 5, width) * 0.1)
        self.layer = nn.TransformerEncoderLayer(width, 2, 16, batch_first=True)
        self.head = nn.Linear(width, words, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        hidden = self.layer(self.embedding(tokens) + self.place)
        return self.head(hidden).transpose(1, 2)  # (N, words, length)


class Regression(nn.Module):
    """Rows of a table to two numbers, with GroupNorm and the same layer twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(4, 6), nn.GroupNorm(2, 6)
        self.again, self.last = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, rows):
        hidden = self.norm(self.first(rows)).tanh()
        return self.last(self.again(self.again(hidden).relu()).relu())


def seeded(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def tokens():
    draws = torch.Generator().manual_seed(1)
    words = torch.randint(0, 11, (9, 6), generator=draws)
    return words[:, :-1], words[:, 1:]


def rows():
    draws = torch.Generator().manual_seed(1)
    return torch.randn(13, 4, generator=draws), torch.randn(13, 2, generator=draws)


CASES = {
    "tokens": (Transformer, tokens, "cross-entropy", F.cross_entropy),
    "rows": (Regression, rows, "mse", F.mse_loss),
    "rows, any loss": (Regression, rows, nn.SmoothL1Loss(), F.smooth_l1_loss),
    "rows, a function": (Regression, rows, lambda o, t: (o - t).abs().sum(1), None),
}


def naive(model, direction_values, coefficients, inputs, targets, loss):
    """The mean loss of a float64 copy whose parameters are set one by one."""
    twin = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        start = 0
        for parameter in twin.parameters():
            for c, vector in zip(coefficients, direction_values, strict=True):
                part = vector[start : start + parameter.numel()]
                parameter += c * torch.from_numpy(part).double().view(parameter.shape)
            start += parameter.numel()
        exact = inputs.double() if inputs.is_floating_point() else inputs
        values = loss(twin(exact), targets.double() if targets.is_floating_point() else targets)
    return float(values.mean())


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_a_naive_loop_in_float64(case, double, tmp_path, untouched):
    make, data, loss, plain = CASES[case]
    model, (inputs, targets) = seeded(make), data()
    if double:
        model = model.double()
    out = tmp_path / "plane.h5"
    with untouched(model):
        found = landscape.weight_surface(
            model, inputs, targets, alpha=STEPS, beta=STEPS, ignore="none", loss=loss, out=out
        )
    vectors = list(load_directions(out).values())
    assert len(vectors[0]) == sum(p.numel() for p in model.parameters())  # shared ones once
    for a, b in product(STEPS, STEPS):
        expected = naive(model, vectors, (a, b), inputs, targets, plain or loss)
        value = float(found.loss.sel(alpha=a, beta=b))
        assert value == pytest.approx(expected, rel=1e-10 if double else 1e-4)


def test_standard_errors_and_accuracies_are_over_examples_not_tokens():
    model, (inputs, targets) = seeded(Transformer), tokens()
    found = landscape.weight_surface(model, inputs, targets, alpha=[0.0], beta=None)
    outputs = model.eval()(inputs).detach().double()
    each = F.cross_entropy(outputs, targets, reduction="none").mean(dim=1)
    assert float(found.loss_stderr[0]) == pytest.approx(float(each.std()) / 3, rel=1e-5)
    right = (outputs.argmax(1) == targets).double().mean()
    assert float(found.accuracy[0]) == pytest.approx(float(right))


def test_a_regression_has_no_accuracy_and_its_loss_no_unit():
    model, (inputs, targets) = seeded(Regression), rows()
    found = landscape.weight_surface(model, inputs, targets, alpha=STEPS, beta=None, loss="mse")
    assert set(found.data_vars) == {"loss", "loss_stderr", "done"}
    assert found.loss.attrs["long_name"] == "mean mse"
    with pytest.raises(InputError, match=r"class indices.*give another loss"):
        landscape.weight_surface(model, inputs, targets, alpha=STEPS, beta=None)
    with pytest.raises(InputError, match="for an accuracy"):
        landscape.weight_surface(
            model, inputs, targets, alpha=STEPS, beta=None, loss="mse", fields=["accuracy"]
        )


def test_batches_of_any_iterable_are_the_same_as_their_whole():
    model, (inputs, targets) = seeded(Regression), rows()
    options = {"alpha": STEPS, "beta": None, "loss": "mse"}
    whole = landscape.weight_surface(model, inputs, targets, **options)
    batches = zip(inputs.split(5), targets.split(5), strict=True)
    found = landscape.weight_surface(model, batches, **options)
    np.testing.assert_array_equal(found.loss, whole.loss)
    with pytest.raises(InputError, match="examples of one shape"):
        landscape.weight_surface(model, [(inputs, targets), (inputs[:, :3], targets)], **options)


def test_a_loss_that_looks_across_the_batch_is_refused():
    model, (inputs, targets) = seeded(Regression), rows()
    with pytest.raises(InputError, match="mean over examples"):
        landscape.weight_surface(
            model, inputs, targets, alpha=STEPS, beta=None, loss=nn.MSELoss(reduction="sum")
        )


def test_a_model_that_returns_no_tensor_is_told_so():
    class Wrapped(Regression):
        def forward(self, rows):
            return {"out": super().forward(rows)}

    model, (inputs, targets) = seeded(Wrapped), rows()
    with pytest.raises(InputError, match=r"got dict; wrap it in a module"):
        landscape.weight_surface(model, inputs, targets, alpha=STEPS, beta=None, loss="mse")


def test_directions_and_derivatives_of_a_transformer(tmp_path):
    """Eigenvectors, the gradient and the ends of the spectrum through attention and LayerNorm."""
    model, (inputs, targets) = seeded(Transformer), tokens()
    out = tmp_path / "plane.h5"
    found = landscape.weight_surface(
        model,
        inputs,
        targets,
        alpha=[-0.02, 0.0, 0.02],
        beta=[-0.02, 0.0, 0.02],
        directions=["hessian", "gradient"],
        fields=["accuracy", "gradient_norm", "hessian"],
        out=out,
    )
    centre = found.sel(alpha=0.0, beta=0.0)
    facts = json.loads(found.attrs["directions_record"])["facts"]
    (largest,) = facts["hessian_eigenvalues"]
    assert float(centre.hessian_max) == pytest.approx(largest, rel=1e-2)
    assert float(centre.gradient_norm) == pytest.approx(facts["gradient_norm"], rel=1e-4)
    vectors = list(load_directions(out).values())

    def loss(a, b):
        return naive(model, vectors, (a, b), inputs, targets, F.cross_entropy)

    step = 0.02
    bend = (loss(step, 0) - 2 * loss(0, 0) + loss(-step, 0)) / step**2
    assert bend == pytest.approx(largest, rel=1e-2)
    slope = (loss(0, step) - loss(0, -step)) / (2 * step)
    assert slope == pytest.approx(facts["gradient_norm"], rel=1e-2)
