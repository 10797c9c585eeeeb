import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.models import ModelSpec, build_model
from landscape.rng import generator

FACTORIES = """
import torch
from torch import nn

def linear(pixels=12, classes=4):
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 3)
    def forward(self, x):
        return self.fc(x.flatten(1))
    @classmethod
    def make(cls):
        return cls()

def broken():
    raise RuntimeError("no such thing")

def no_module():
    return 3
"""


@pytest.fixture
def user_code(tmp_path, monkeypatch) -> str:
    """A module in the working directory, of a name that no other test has."""
    name = f"nets_{tmp_path.name}"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / f"{name}.py").write_text(FACTORIES)
    monkeypatch.chdir(tmp_path)
    return f"mine.{name}"


@pytest.fixture(autouse=True)
def forget_user_code():
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def build(spec: ModelSpec, seed: int = 0) -> nn.Module:
    return build_model(spec, generator=generator(seed))


def test_users_function_with_options(user_code):
    model = build(ModelSpec(f"{user_code}:linear", options={"classes": 5}))
    assert model(torch.rand(3, 3, 2, 2)).shape == (3, 5)


@pytest.mark.parametrize("attribute", ["Net", "Net.make"])
def test_users_class_and_its_method(user_code, attribute):
    assert build(ModelSpec(f"{user_code}:{attribute}"))(torch.rand(2, 3, 2, 2)).shape == (2, 3)


def test_factory_of_an_installed_package():
    spec = ModelSpec("torchvision.models:resnet18", options={"num_classes": 4})
    assert build(spec).eval()(torch.rand(2, 3, 32, 32)).shape == (2, 4)


def test_statistics_wrap_the_users_network(user_code):
    mean, std = (0.1, 0.2, 0.3), (1.0, 2.0, 3.0)
    model = build(ModelSpec(f"{user_code}:linear", mean=mean, std=std))
    x = torch.rand(3, 3, 2, 2)
    normalized = (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    assert_close(model(x), model.get_submodule("network")(normalized))


def test_search_path_is_put_back(user_code):
    before = list(sys.path)
    build(ModelSpec(f"{user_code}:linear"))
    with pytest.raises(InputError):
        build(ModelSpec(f"{user_code}:broken"))
    assert sys.path == before


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("lineer", "has no attribute 'lineer'"),
        ("broken", r"called with {} and raised RuntimeError: no such thing"),
        ("no_module", r"must return a torch\.nn\.Module, got int"),
        ("", "expected 'package.module:factory'"),
    ],
)
def test_factories_that_do_not_do(user_code, attribute, message):
    with pytest.raises(InputError, match=message):
        build(ModelSpec(f"{user_code}:{attribute}"))


def test_options_that_the_factory_does_not_have(user_code):
    with pytest.raises(InputError, match=r"{'depth': 3} and raised TypeError"):
        build(ModelSpec(f"{user_code}:linear", options={"depth": 3}))


def test_code_that_cannot_be_imported(user_code, tmp_path):
    with pytest.raises(InputError, match=rf"'mine\.nothing'.*or lie below {tmp_path}"):
        build(ModelSpec("mine.nothing:net"))
    Path("mine/bad.py").write_text("1 +")
    with pytest.raises(InputError, match="SyntaxError"):
        build(ModelSpec("mine.bad:net"))


@pytest.mark.parametrize("name", ["cnn", "torch.nn:Linear"])
def test_first_weights_are_the_generators_and_the_global_one_is_untouched(name):
    options = {"in_features": 9, "out_features": 2} if ":" in name else {}
    spec = ModelSpec(name, classes=10, channels=1, options=options)
    torch.manual_seed(5)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    one, same, other = (
        nn.utils.parameters_to_vector(build(spec, s).parameters()) for s in (1, 1, 2)
    )
    assert one.equal(same)
    assert not one.equal(other)
    assert torch.get_rng_state().equal(before)
    assert (np.random.get_state()[1] == numpy_before).all()  # noqa: NPY002


def test_global_generator_is_put_back_after_a_failure(user_code):
    before = torch.get_rng_state()
    with pytest.raises(InputError):
        build(ModelSpec(f"{user_code}:broken"))
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize(
    "spec",
    [
        ModelSpec("cnn"),
        ModelSpec("resnet20", classes=10, channels=3, mean=(0.5,) * 3, std=(1.0,) * 3),
        ModelSpec("a.b:c", options={"depth": 3, "widths": [1, 2]}),
    ],
)
def test_survives_json(spec):
    assert ModelSpec.from_dict(json.loads(json.dumps(asdict(spec)))) == spec


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet23"}, "unknown model 'resnet23'; did you mean 'resnet"),
        ({"name": "cnn", "options": {"depth": 2}}, "cnn has no option 'depth' \\(known: levels, "),
        ({"name": "cnn", "classes": 0}, "at least 1 for classes, got 0"),
        ({"name": "cnn", "channels": -1}, "at least 1 for channels, got -1"),
        ({"name": "cnn", "mean": (0.5,)}, "mean and std go together"),
    ],
)
def test_impossible_specifications(arguments, message):
    with pytest.raises(InputError, match=message):
        ModelSpec(**arguments)


@pytest.mark.parametrize("known", [{}, {"classes": 10}, {"channels": 1}])
def test_registered_model_needs_its_sizes(known):
    with pytest.raises(InputError, match="cnn needs the number of classes and of image channels"):
        build(ModelSpec("cnn", **known))
