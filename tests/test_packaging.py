"""What the project says of itself in several places agrees."""

import builtins
import dis
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from types import CodeType

import jaxtyping
import pytest
import torch
import yaml
from beartype.roar import BeartypeCallHintViolation

import landscape
from landscape.attacks import ATTACKS
from landscape.attacks.stadv import flow_roughness
from landscape.curvature import MEASURES
from landscape.data import DATASETS
from landscape.directions import DIRECTIONS
from landscape.engine import Scores
from landscape.export import EXPORTS
from landscape.models import MODELS, ModelSpec, build_model, save_checkpoint
from landscape.plots import PLOTS
from landscape.surfaces import METRICS, QUANTITIES
from landscape.text import printable
from landscape.training import RECIPES
from landscape.weights import NORMALIZATIONS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch"}


def split(requirement):
    name, _, bound = requirement.partition(">=")
    return name, bound


def test_environment_yml_has_the_constraints_of_pyproject():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    wanted = {CONDA_NAMES.get(n, n): b for n, b in map(split, PROJECT["dependencies"])}
    wanted |= {"python": split(PROJECT["requires-python"])[1], "pip": ""}
    assert dict(map(split, conda)) == wanted


def test_the_version_is_that_of_the_changelog():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert landscape.__version__ == PROJECT["version"] == newest
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == newest


def global_names(code):
    """The global names that functions look up when they run."""
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield step.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from global_names(inner)


def test_every_name_that_a_function_uses_exists():
    """Shapes in annotations look like names to linters, which therefore cannot tell."""
    for found in pkgutil.walk_packages(landscape.__path__, "landscape."):
        if found.name == "landscape.__main__":
            continue
        module = importlib.import_module(found.name)
        code = compile(Path(module.__file__).read_text(encoding="utf-8"), found.name, "exec")
        unknown = {name for name in global_names(code) if not hasattr(module, name)}
        assert unknown <= set(dir(builtins)), found.name


@pytest.mark.parametrize("name", landscape.PUBLIC)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(landscape, name).__doc__
    assert name in dir(landscape)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'weight_surfce'"):
        landscape.weight_surfce  # noqa: B018


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("train", DATASETS),
        ("train", MODELS),
        ("train", RECIPES),
        ("train", ATTACKS),
        ("weights", MODELS),
        ("weights", DIRECTIONS),
        ("weights", METRICS),
        ("weights", QUANTITIES),
        ("weights", NORMALIZATIONS),
        ("evaluate", ATTACKS),
        ("evaluate", DATASETS),
        ("plot", PLOTS),
        ("measure", MEASURES),
        ("export", EXPORTS),
    ],
)
def test_help_names_every_entry_of_the_dictionaries(command, table):
    """Help is written without importing them, so that it is instant."""
    done = subprocess.run(
        [sys.executable, "-m", "landscape", command, "--help"], capture_output=True, text=True
    )
    words = re.sub(r"[│\s]+", " ", done.stdout)
    for name in table:
        assert name in words, f"landscape {command} --help does not mention {name}"


IMPORTS = """
import sys
from landscape.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules)
"""
DRAWING = {"matplotlib", "plotly", "scipy", "PIL"}
EXPORTING = {"trimesh", "vtkmodules", "gudhi"}
COMPILING = {"torch._dynamo", "torch._inductor", "triton", "sympy"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds an untrained checkpoint for the digits, model.pt, and a surface of it, line.h5."""
    folder = tmp_path_factory.mktemp("packaging")
    spec = ModelSpec("cnn", classes=10, channels=1)
    model = build_model(spec, generator=landscape.generator(0))
    configuration = {"data": {"name": "digits"}}
    save_checkpoint(folder / "model.pt", model, spec, configuration=configuration, provenance={})
    images, labels = torch.rand(2, 1, 8, 8), torch.tensor([0, 1])
    landscape.weight_surface(
        model, images, labels, alpha=[-1, 0, 1], beta=None, out=folder / "line.h5"
    )
    return folder


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("--help", {"torch", "numpy", "xarray", *DRAWING}),
        ("info line.h5", {"torch", *DRAWING}),
        ("plot line.h5 --formats svg", {"torch", "plotly", "scipy", *EXPORTING}),
        ("export line.h5 --formats csv li", {"torch", *DRAWING, *EXPORTING}),
        (
            "weights model.pt --out plane.h5 --samples 3 --alpha -1 1 3 --beta -1 1 3",
            {"torchvision", *DRAWING, *COMPILING},
        ),
    ],
    ids=lambda value: value.split()[0] if isinstance(value, str) else "",
)
@pytest.mark.processes
def test_a_command_imports_nothing_slow_that_it_does_not_need(command, unneeded, folder):
    """Each of these takes from a tenth of a second to some seconds of every small job."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *command.split()],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    imported = unneeded.intersection(done.stdout.splitlines()[-1].split())
    assert not imported


def test_the_package_and_its_readers_import_nothing_slow():
    code = """
import sys
import landscape, landscape.cli, landscape.store, landscape.plots, landscape.export
assert not {"torch", "matplotlib", "plotly", "scipy", "trimesh", "vtkmodules"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("module", "frozen"), [("json", True), ("triton", False)])
@pytest.mark.processes
def test_leaving_makes_no_noise(module, frozen):
    """Python's last search for garbage is left out, unless a module counts on it."""
    if find_spec(module) is None:
        pytest.skip(f"there is no {module} for this platform")
    code = f"""
import atexit, gc, {module}
atexit.register(lambda: print("frozen:", gc.get_freeze_count() > 0))
from landscape.cli import main
main(["info"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == f"frozen: {frozen}"
    assert "leaked" not in done.stderr


def test_no_second_inference_loop():
    """Networks are run by the engine and by the plain twins that check it; others differentiate."""
    package = Path(landscape.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"no_grad|inference_mode|enable_grad", path.read_text(encoding="utf-8"))
    }
    assert {name for name in found if not name.startswith("engine/")} == {
        "surfaces/checks.py",
        "curvature/gradient.py",
        "curvature/operators.py",
    }


def test_annotations_are_held_to(checked_anew):
    """Shapes where a module names some, among arguments and what is returned; types elsewhere."""
    with pytest.raises(jaxtyping.TypeCheckError):
        flow_roughness(torch.zeros(2, 3, 5, 4))
    with pytest.raises(jaxtyping.TypeCheckError):
        Scores(torch.zeros(3), torch.zeros(2), torch.zeros(3))
    with pytest.raises(BeartypeCallHintViolation):
        printable(3)
