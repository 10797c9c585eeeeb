"""The dictionary of measures: what each tells is what its function returns."""

import math

import pytest
import torch
import torch.nn.functional as F

from landscape.curvature import (
    MEASURES,
    ExtremeEigenvalues,
    Measure,
    Task,
    average_sharpness,
    make_measure,
    settings_of,
    sharpness,
    spectral_density,
    trace,
)
from landscape.errors import InputError
from landscape.losses import make_loss


@pytest.fixture
def task(reader, tokens, labels):
    return Task(reader, tokens, labels, make_loss("cross-entropy"), seed=3)


FEW = {
    "trace": "trace:samples=4",
    "density": "density:steps=5,vectors=2,points=50",
    "sharpness": "sharpness:steps=3,radius=0.01",
    "average": "average:draws=3,radius=1/10,scale=none",
}


def values(found):
    return {reading.name: reading.value for reading in found.readings}


@pytest.mark.parametrize("name", MEASURES)
def test_each_measures_any_network_and_leaves_it_as_it_was(name, task, untouched):
    measure = make_measure(FEW.get(name, name))
    assert isinstance(measure, Measure)
    with untouched(task.model):
        found = measure(task)
    for reading in found.readings:
        assert math.isfinite(reading.value)
        assert reading.units in ("nat", "1")
        assert 0 < len(reading.meaning) < 40
    assert found.readings == measure(task).readings


def test_they_tell_what_the_functions_return(task, reader, tokens, labels):
    data = (reader, tokens, labels)
    low, high = ExtremeEigenvalues(*data, seed=3).at()
    assert values(make_measure("hessian")(task)) == {
        "largest eigenvalue": high,
        "smallest eigenvalue": low,
        "|smallest / largest|": abs(low / high),
    }
    _, ggn = ExtremeEigenvalues(*data, matrix="ggn", seed=3).at()
    assert values(make_measure("ggn")(task)) == {"largest eigenvalue": ggn}
    summed, found = trace(*data, samples=4, seed=3), make_measure(FEW["trace"])(task)
    assert values(found) == {"trace": summed.value}
    assert found.readings[0].standard_error == summed.standard_error
    assert found.details["by_parameter"] == summed.by_parameter
    density = spectral_density(*data, steps=5, vectors=2, points=50, seed=3)
    found = make_measure(FEW["density"])(task)
    assert values(found)["mean eigenvalue"] == density.moment(1)
    variance = density.moment(2) - density.moment(1) ** 2
    assert values(found)["spread of eigenvalues"] == pytest.approx(variance**0.5)
    assert found.details["density"] == density.density.tolist()
    worst = sharpness(*data, steps=3, radius=0.01)
    assert values(make_measure(FEW["sharpness"])(task)) == {"worst rise": worst.rise}
    mean = average_sharpness(*data, draws=3, radius=0.1, scale="none", seed=3)
    assert values(make_measure(FEW["average"])(task)) == {"mean rise": mean.rise}
    reader.eval()
    gradient = torch.autograd.grad(
        F.cross_entropy(reader(tokens), labels), list(reader.parameters()), allow_unused=True
    )
    length = sum(float((g**2).sum()) for g in gradient if g is not None) ** 0.5
    assert values(make_measure("gradient")(task))["gradient norm"] == pytest.approx(length)


def test_settings_follow_a_colon():
    measure = make_measure("trace:method=hutch++,samples=30")
    assert settings_of(measure) == {"matrix": "hessian", "method": "hutch++", "samples": 30}
    assert settings_of(make_measure("average:radius=1/4"))["radius"] == 0.25


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hesian", "unknown measure 'hesian'; did you mean 'hessian'"),
        ("trace:number=3", r"trace has no setting 'number' \(known: matrix, method, samples\)"),
        ("gradient:x=1", r"has no setting 'x' \(known: none\)"),
        ("trace:samples", "expected trace:setting=value"),
        ("trace:samples=many", "a whole number for samples, got 'many'"),
        ("average:radius=1/0", "a number for radius, got '1/0'"),
        ("average:radius=1e400", "a number for radius, got '1e400'"),
    ],
)
def test_what_is_not_known_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        make_measure(text)
