import pytest
import torch
from torch import nn

from landscape.models.cnn import SmallCNN


def test_size_is_as_documented():
    assert sum(p.numel() for p in SmallCNN(10, 1).parameters()) == 96_290


def test_cost_is_as_documented():
    model = SmallCNN(10, 1).eval()
    costs = []

    def count(module, inputs, output):
        costs.append(output[0].numel() * module.weight[0].numel())

    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    model(torch.rand(1, 1, 28, 28))
    assert len(costs) == 5
    assert sum(costs) == pytest.approx(2.1e6, abs=0.05e6)


@pytest.mark.parametrize("sides", [(28, 28), (32, 32), (8, 8), (33, 17)])
def test_any_side(sides):
    assert SmallCNN(7, 2, (0.5, 0.5), (1.0, 1.0)).eval()(torch.rand(3, 2, *sides)).shape == (3, 7)
