import pytest
import torch
from torch import nn

from landscape.models.cnn import SmallCNN


def test_size_is_as_documented():
    assert sum(p.numel() for p in SmallCNN(10, 1).parameters()) == 24_058


def test_costs_at_most_two_million_multiply_adds():
    model = SmallCNN(10, 1).eval()
    costs = []

    def count(module, inputs, output):
        costs.append(output[0].numel() * module.weight[0].numel())

    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    model(torch.rand(1, 1, 28, 28))
    assert len(costs) == 4
    assert 1.9e6 < sum(costs) < 2e6


@pytest.mark.parametrize("sides", [(28, 28), (32, 32), (4, 4), (33, 17)])
def test_any_side(sides):
    assert SmallCNN(7, 2, (0.5, 0.5), (1.0, 1.0)).eval()(torch.rand(3, 2, *sides)).shape == (3, 7)
