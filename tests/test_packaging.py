"""What the project says of itself in several places agrees."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import landscape
from landscape.attacks import ATTACKS
from landscape.data import DATASETS
from landscape.models import MODELS
from landscape.plots import PLOTS
from landscape.training import RECIPES

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
        ("weights", MODELS),
        ("evaluate", ATTACKS),
        ("evaluate", DATASETS),
        ("plot", PLOTS),
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


def test_help_reading_and_drawing_do_not_import_torch():
    code = """
import sys
import landscape, landscape.cli, landscape.store, landscape.plots
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
