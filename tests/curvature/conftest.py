"""Networks that are no image classifiers, and what their second derivatives are in full."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape.curvature import Curvature
from landscape.models import weights_sha256


class Reader(nn.Module):
    """A class from tokens, through attention; it has a layer that nothing depends on."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.before = nn.LayerNorm(4)
        self.heads = nn.Linear(4, 12)
        self.unused = nn.Linear(2, 2)
        self.out = nn.Linear(4, 3)

    def forward(self, tokens):
        x = self.embedding(tokens)
        q, k, v = self.heads(self.before(x)).unflatten(-1, (3, 2, 2)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out((x + seen.transpose(1, 2).flatten(2)).mean(dim=1))


class Crowded(nn.Module):
    """A network for which there is no memory with more than `room` images."""

    def __init__(self, model, room, *, backwards=False):
        super().__init__()
        self.model, self.room, self.backwards = model, room, backwards

    def forward(self, images):
        if not self.backwards:
            self.take(images)
        outputs = self.model(images)
        if self.backwards and outputs.requires_grad:
            outputs.register_hook(self.take)
        return outputs

    def take(self, values):
        if len(values) > self.room:
            raise torch.OutOfMemoryError("out of memory")


@pytest.fixture
def crowded():
    return Crowded


@pytest.fixture
def reader():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Reader()


@pytest.fixture
def tokens():
    return torch.randint(7, (7, 5), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def in_full():
    """Of anything that `Curvature` takes, the matrix, column by column, as an array.

    Many tests ask for the same one, which takes a second.
    """
    formed = {}

    def matrix(model, inputs, targets, **settings):
        data = inputs.numpy().tobytes(), targets.numpy().tobytes()
        key = repr(model), weights_sha256(model), data, tuple(sorted(settings.items()))
        if key not in formed:
            curvature = Curvature(model, inputs, targets, **settings)
            unit = torch.eye(curvature.size, dtype=curvature.dtype)
            formed[key] = torch.stack([curvature @ row for row in unit], dim=1).numpy()
        return formed[key].copy()

    return matrix


@pytest.fixture
def regression():
    """A linear model without bias, its data, and the Hessian of its squared error.

    The loss is the mean over 7 examples and 3 outputs, so the Hessian is 2 / 21 of X'X, once for
    each output.
    """
    draws = torch.Generator().manual_seed(2)
    model = nn.Linear(30, 3, bias=False).double()
    x = torch.randn(7, 30, generator=draws, dtype=torch.float64)
    y = torch.randn(7, 3, generator=draws, dtype=torch.float64)
    hessian = torch.kron(torch.eye(3, dtype=torch.float64), 2 / 21 * x.T @ x)
    return model, x, y, hessian.numpy()
