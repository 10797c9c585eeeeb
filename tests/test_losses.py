"""Losses of any form as one value per example."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.losses import LOSSES, Loss, correct, make_loss


@pytest.fixture
def logits():
    return torch.randn(7, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def classes():
    return torch.tensor([0, 1, 2, 0, 1, 2, 0])


FORMS = {
    "name": "cross-entropy",
    "module": nn.CrossEntropyLoss(),
    "module, each": nn.CrossEntropyLoss(reduction="none"),
    "function, mean": lambda o, t: F.nll_loss(o.log_softmax(1), t),
    "function, each": lambda o, t: -o.log_softmax(1).gather(1, t[:, None])[:, 0],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_cross_entropy_gives_the_same_values(form, logits, classes):
    expected = torch.stack(
        [
            -(row.exp() / row.exp().sum()).log()[c]
            for row, c in zip(logits.double(), classes, strict=True)
        ]
    )
    loss = make_loss(FORMS[form])
    assert_close(loss(logits, classes), expected)
    loss.verify(logits, classes)
    assert_close(loss.mean(logits, classes).double(), expected.mean(), rtol=1e-6, atol=0)


def test_a_plain_module_is_the_loss_of_that_name():
    assert make_loss(nn.CrossEntropyLoss()) is LOSSES["cross-entropy"]
    assert make_loss(nn.CrossEntropyLoss(label_smoothing=0.1)) is not LOSSES["cross-entropy"]
    assert make_loss(nn.CrossEntropyLoss(reduction="sum")) is not LOSSES["cross-entropy"]
    assert make_loss(nn.MSELoss()).name == "MSELoss()"


def test_several_values_per_example_are_averaged():
    outputs, targets = torch.rand(5, 2, 3), torch.rand(5, 2, 3)
    expected = ((outputs.double() - targets) ** 2).mean(dim=(1, 2))
    for loss in ("mse", nn.MSELoss(), nn.MSELoss(reduction="none")):
        assert_close(make_loss(loss)(outputs, targets), expected, rtol=1e-6, atol=0)


def test_a_function_that_vmap_cannot_run_is_called_for_each():
    def cautious(outputs, targets):
        assert float(outputs.sum()) < 1e9  # a look at a number
        return F.mse_loss(outputs, targets)

    outputs, targets = torch.rand(4, 2), torch.rand(4, 2)
    assert_close(
        make_loss(cautious)(outputs, targets),
        ((outputs.double() - targets) ** 2).mean(dim=1),
        rtol=1e-6,
        atol=0,
    )


@pytest.mark.parametrize(
    "loss",
    [
        nn.MSELoss(reduction="sum"),
        lambda o, t: F.mse_loss(o, t).sqrt(),
        lambda o, t: ((o - o.mean(dim=0)) ** 2).mean(),
    ],
)
def test_a_number_that_is_no_mean_over_examples_is_refused(loss):
    outputs, targets = torch.rand(4, 2), torch.rand(4, 2)
    with pytest.raises(InputError, match="reduction='none'"):
        make_loss(loss).verify(outputs, targets)


def test_weighted_classes_are_refused_as_a_mean_and_taken_one_by_one(logits, classes):
    weight = torch.tensor([1.0, 5.0, 2.0], dtype=torch.float64)
    with pytest.raises(InputError, match="mean over examples"):
        make_loss(nn.CrossEntropyLoss(weight=weight)).verify(logits, classes)
    each = make_loss(nn.CrossEntropyLoss(weight=weight, reduction="none"))
    each.verify(logits, classes)
    plain = LOSSES["cross-entropy"](logits, classes)
    assert_close(each(logits, classes), weight[classes] * plain)


def test_what_is_no_loss_is_refused(logits, classes):
    with pytest.raises(InputError, match="unknown loss 'cross_entropy'; did you mean"):
        make_loss("cross_entropy")
    with pytest.raises(InputError, match="expected a tensor"):
        make_loss(lambda o, t: 0.5)(logits, classes)
    with pytest.raises(InputError, match="each of 7 examples"):
        Loss("pairs", lambda o, t: torch.ones(3))(logits, classes)
    with pytest.raises(InputError, match="shape"):
        LOSSES["mse"](torch.rand(3, 1), torch.rand(3))


def test_accuracy_per_example_over_one_prediction_or_many():
    outputs = torch.tensor([[0.1, 0.9], [0.8, 0.2], [float("nan"), 0.0]])
    assert correct(outputs, torch.tensor([1, 1, 0])).tolist() == [1, 0, 0]
    tokens = torch.zeros(2, 3, 4)
    tokens[0, 1, :3] = 1
    assert correct(tokens, torch.ones(2, 4, dtype=torch.int64)).tolist() == [0.75, 0]
    with pytest.raises(InputError, match="for an accuracy"):
        correct(torch.rand(3, 2), torch.rand(3, 1))
