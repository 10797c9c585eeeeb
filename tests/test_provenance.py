"""Facts about a run, against what the interpreter and git say."""

import importlib.metadata
import platform
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

import landscape.provenance
from landscape.provenance import provenance


def test_versions_are_those_of_the_interpreter():
    facts = provenance()
    assert facts["python"] == platform.python_version()
    assert facts["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert facts["landscape"] == importlib.metadata.version("landscape")
    assert all(isinstance(value, str) and value for value in facts.values())


def test_the_time_is_now_and_says_its_zone():
    age = datetime.now(UTC) - datetime.fromisoformat(provenance()["created"])
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_the_command_is_shown_without_the_folder_of_the_program(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/home/someone/bin/landscape", "weights", "my.pt"])
    assert provenance()["command"] == "landscape weights my.pt"


def test_the_device_is_named_only_where_one_computed():
    assert "device" not in provenance()
    assert provenance(device="cuda:0")["device"] == "cuda:0"


def test_a_package_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(landscape.provenance, "PACKAGES", ("numpy", "not-a-package-of-anyone"))
    facts = provenance()
    assert "numpy" in facts
    assert "not-a-package-of-anyone" not in facts


def commit() -> str | None:
    """What a process says that begins now."""
    landscape.provenance._commit.cache_clear()
    return provenance().get("commit")


def git(folder: Path, *words: str) -> str:
    user = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    command = ["git", "-C", str(folder), *user, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A repository with a package in it, from which the module believes to run."""
    module = tmp_path / "package" / "provenance.py"
    module.parent.mkdir()
    module.write_text("one = 1\n")
    monkeypatch.setattr(landscape.provenance, "__file__", str(module))
    return tmp_path


@pytest.mark.usefixtures("checkout")
def test_outside_a_repository_there_is_no_commit():
    assert commit() is None


def test_the_commit_is_marked_where_the_package_was_changed(checkout):
    git(checkout, "init", "--quiet")
    assert commit() is None  # nothing committed yet
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "first")
    head = git(checkout, "rev-parse", "HEAD")
    assert commit() == head
    (checkout / "notes.txt").write_text("not part of the package")
    assert commit() == head
    (checkout / "package" / "provenance.py").write_text("one = 2\n")
    assert provenance()["commit"] == head
    assert commit() == head + "+"


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    git(checkout, "init", "--quiet")
    monkeypatch.setenv("PATH", "")
    assert commit() is None
