"""The pages that say how something is added are followed to the letter, all in one copy."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from landscape.models import ModelSpec, build_model, save_checkpoint
from landscape.rng import generator

ROOT = Path(__file__).parents[1]
PAGES = ("attack", "dataset", "model", "surface", "plot")  # a plot draws what a surface wrote
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)


def blocks(page):
    """(language, file or "", text) of every block of a page."""
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    return BLOCK.findall(text)


def patched(text, diff):
    """The text with the lines of a diff: found, taken out, or put in behind the one before."""
    place = 0
    for line in diff.splitlines():
        sign, content = line[0], line[1:] + "\n"
        if sign == "+":
            text = text[:place] + content + text[place:]
            place += len(content)
            continue
        at = text.index("\n" + content, max(place - 1, 0)) + 1
        place = at if sign == "-" else at + len(content)
        if sign == "-":
            text = text[:at] + text[at + len(content) :]
    return text


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its tests with all that the pages add, and a checkpoint of a network."""
    folder = tmp_path_factory.mktemp("copy")
    for part in ("landscape", "tests/conformance"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    for file in ("tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, folder / file)
    for page in PAGES:
        for language, title, text in blocks(page):
            file = folder / title
            if language == "diff":
                file.write_text(patched(file.read_text(encoding="utf-8"), text), encoding="utf-8")
            elif title:
                assert not file.exists()
                file.write_text(text, encoding="utf-8")
    spec = ModelSpec("cnn", classes=10, channels=1)
    facts = {"configuration": {"data": {"name": "digits"}}, "provenance": {}}
    save_checkpoint(folder / "model.pt", build_model(spec, generator=generator(0)), spec, **facts)
    return folder


def typed(page):
    """What a page says is typed: programs of Python, and lines of a shell."""
    for language, title, text in blocks(page):
        if language == "python" and not title:
            yield text
        elif language == "sh":
            yield from (shlex.split(line) for line in text.splitlines())


FOLLOWED = """
import pytest
from landscape.cli import main

STEPS = {steps!r}

def test_the_pages(monkeypatch):
    monkeypatch.chdir({folder!r})
    for step in STEPS:
        if isinstance(step, str):
            exec(compile(step, "<page>", "exec"), {{"__name__": "page"}})
        else:
            assert step[0] == "landscape"
            assert main(step[1:]) == 0, step
"""


@pytest.mark.walkthrough
def test_the_pages_are_followed_to_the_letter(copy):
    """In one process, under the checks of the suite: all is read, typed and tested at once."""
    steps = [step for page in PAGES for step in typed(page)]
    tests = [step[3:] for step in steps if step[:3] == ["python", "-m", "pytest"]]
    assert [words[1] for words in tests] == ["-k"] * len(tests) == ["-k", "-k"]
    rest = [step for step in steps if step[0] != "python"]
    program = FOLLOWED.format(steps=rest, folder=str(copy))
    (copy / "tests" / "test_pages.py").write_text(program, encoding="utf-8")
    chosen = " or ".join(["test_the_pages", *(words[2] for words in tests)])
    files = ["tests/test_pages.py", *(words[0] for words in tests)]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *files,
        "-k",
        chosen,
        "-rA",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for name in (
        "noise.h5",
        "patches.h5",
        "attacked.h5",
        "brightness.h5",
        "brightness-brightness.pdf",
    ):
        assert (copy / name).stat().st_size > 1000
    for name in ("brightness", "patchnet"):
        assert sum(f"[{name}" in line for line in done.stdout.splitlines()) > 5
    assert "brightness:limit=0.6,tries=9" in done.stdout
    assert "check: recomputed" in done.stdout


def test_what_the_pages_add_keeps_to_the_house_rules(copy):
    files = sorted(title for page in PAGES for _, title, _ in blocks(page) if title)
    for words in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, *set(files)], cwd=copy, capture_output=True
        )
        assert done.returncode == 0, done.stdout.decode()
