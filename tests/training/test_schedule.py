import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from landscape.errors import InputError
from landscape.training import Cosine, Step

TOTAL = 40


def rates(make_scheduler):
    """The learning rates that PyTorch's scheduler gives to steps 0 to TOTAL - 1, from 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make_scheduler(optimizer)
    values = []
    for _ in range(TOTAL):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


def test_cosine_is_that_of_pytorch():
    theirs = rates(lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, T_max=TOTAL))
    ours = [Cosine()(step / TOTAL) for step in range(TOTAL)]
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_step_is_that_of_pytorch():
    theirs = rates(lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [20, 36], gamma=0.2))
    ours = [Step((0.5, 0.9), factor=0.2)(step / TOTAL) for step in range(TOTAL)]
    assert ours == pytest.approx(theirs, rel=1e-12)


def test_warmup_rises_in_a_straight_line_and_then_the_cosine_falls():
    schedule = Cosine(warmup=0.2)
    assert [schedule(x) for x in (0.0, 0.05, 0.1, 0.2)] == pytest.approx([0, 0.25, 0.5, 1])
    assert schedule(0.6) == pytest.approx(0.5)
    assert schedule(1.0) == pytest.approx(0.0)


@given(st.floats(0, 1), st.floats(0, 0.99))
def test_factors_lie_between_zero_and_one(done, warmup):
    assert 0 <= Cosine(warmup)(done) <= 1
    assert math.isclose(Step()(done), 1 if done < 0.5 else 0.1 if done < 0.75 else 0.01)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cosine(warmup=1.0),
        lambda: Cosine(warmup=-0.1),
        lambda: Step((0.75, 0.5)),
        lambda: Step((0.5, 1.0)),
        lambda: Step((100.0, 150.0)),
        lambda: Step(factor=1.5),
    ],
)
def test_senseless_schedules_are_refused(make):
    with pytest.raises(InputError, match="got"):
        make()
