"""What the pages tell a reader to type is understood, and what they point at is there."""

import functools
import re
import runpy
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import landscape
from landscape import cli
from landscape.cli.parsing import parse
from landscape.models.cnn import SmallCNN
from landscape.training import SETTINGS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TUTORIAL = "docs/tutorials/your-model.md"
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
RECIPES = sorted((ROOT / "figures" / "recipes").glob("*.toml"))
COMMAND = re.compile(r"(?:^|-m )landscape ([a-z]+\b .*)")
SCRIPT = re.compile(r"^python scripts/(\w+)\.py\b(.*)")


def lines(text):
    """Lines as a shell reads them: continued ones in one, chained ones apart."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        yield from (part.strip() for part in line.split("&&"))


def texts():
    for path in [*PAGES, *SCRIPTS]:
        yield path.name, path.read_text(encoding="utf-8")
    for path in RECIPES:
        yield path.name, tomllib.loads(path.read_text(encoding="utf-8")).get("made_by", "")


def typed(pattern):
    """What stands on lines of their own, as (page, what the pattern finds there)."""
    found = {}
    for name, text in texts():
        for line in lines(text):
            if (match := pattern.search(line)) and "..." not in line:
                words = [shlex.split(group, comments=True) for group in match.groups()]
                found.setdefault(str(words), (f"{name}: {line[:100]}", match.groups()))
    return dict(found.values())  # each once, wherever it stands


COMMANDS, RUNS = typed(COMMAND), typed(SCRIPT)


def idle(function):
    """A function that is called like another and does nothing."""

    @functools.wraps(function)
    def nothing(*arguments, **options):
        return None

    return nothing


@functools.cache
def names_of(script):
    return runpy.run_path(str(ROOT / "scripts" / f"{script}.py"))


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_every_command_is_understood(words, monkeypatch):
    stubs = {name: idle(command) for name, command in cli.COMMANDS.items()}
    monkeypatch.setattr(cli, "COMMANDS", stubs)
    assert cli.main(shlex.split(words[0], comments=True)) == 0


@pytest.mark.parametrize("words", RUNS.values(), ids=RUNS)
def test_every_run_of_a_script_is_understood(words, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    names = names_of(words[0])
    options = names.get("Options") or getattr(names.get("cli"), "Options", None)
    parse(options or idle(names["main"]), shlex.split(words[1], comments=True))


def test_there_are_commands_and_scripts_to_look_at():
    assert len(COMMANDS) > 40
    assert {path.stem for path in SCRIPTS} - {words[0] for words in RUNS.values()} == {"demo"}


def blocks(page, languages):
    """(language, text) of the blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```({languages})\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(code):
    exec(compile(code, "<page>", "exec"), {"__name__": "page"})


@pytest.mark.walkthrough
@pytest.mark.parametrize("code", [code for _, code in blocks(TUTORIAL, "python")])
def test_the_blocks_of_a_tutorial_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(code)
    assert list(tmp_path.glob("*.h5"))


@pytest.fixture
def brief(monkeypatch):
    """Trainings by recipe take an epoch."""
    setting = SETTINGS["digits"]
    short = {how: replace(getattr(setting, how), epochs=1) for how in ("paper", "budget")}
    monkeypatch.setitem(SETTINGS, "digits", replace(setting, **short))


NETS = """
from landscape.models.cnn import SmallCNN

def build():
    return SmallCNN(10, 1)
"""


@pytest.mark.walkthrough
@pytest.mark.usefixtures("brief")
def test_what_the_readme_says_is_done(tmp_path, monkeypatch, capsys):
    """Block by block in one folder; a reader brings `my.pth` and the code of its network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage" / "nets.py").write_text(NETS)
    torch.save(SmallCNN(10, 1).state_dict(), "my.pth")
    for language, text in blocks("README.md", "python|sh|toml"):
        if language == "python":
            run(text)
        elif language == "toml":
            (tmp_path / "digits.toml").write_text(text)
        else:
            for line in text.splitlines():
                program, *words = shlex.split(line)
                assert program == "landscape"
                assert cli.main(words) == 0, line
    assert {"poses.h5", "plane.h5", "mine.h5", "digits-poses.h5", "digits-plane.h5"} == {
        path.name for path in tmp_path.glob("*.h5")
    }
    for name in ("plane.pdf", "digits.pdf", "mine-weight-contour.png", "runs/digits/report.html"):
        assert (tmp_path / name).stat().st_size > 2000
    assert "check: recomputed" in capsys.readouterr().out


def test_every_target_of_make_that_a_page_names_is_one():
    known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"^    make ([a-z-]+)|`make ([a-z-]+)", text, re.MULTILINE):
            assert "".join(target) in known


@pytest.mark.walkthrough
@pytest.mark.usefixtures("brief")
def test_the_demo_prints_what_the_readme_shows(tmp_path, monkeypatch, capsys):
    """In form: a network of one epoch, without the grid, a coarse plane."""
    demo = names_of("demo")["main"]
    monkeypatch.setitem(demo.__globals__, "ATTACKS", ("natural", "random", "worst-of-10"))
    plane = functools.partial(landscape.weight_surface, alpha=3, beta=3)
    monkeypatch.setattr(landscape, "weight_surface", plane)
    demo(tmp_path)
    printed = capsys.readouterr().out

    def form(text):
        return re.sub(r" +", " ", re.sub(r"[\d.]+ %|[\d.]+ to [\d.]+", "#", text))

    for line in README.splitlines():
        if line.startswith("    accuracy on") or line.startswith(
            ("      nat", "      ran", "      wor")
        ):
            assert form(line.removeprefix("    ")) in form(printed)
    assert {
        "poses.h5",
        "plane.h5",
        "poses-spatial-slices.png",
        "plane-weight-interactive.html",
    } <= {path.name for path in tmp_path.iterdir()}


def test_the_papers_to_cite_are_those_of_the_citation_file():
    known = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    titles = re.findall(r"^  title +=? *= \{(.+)\}", README, re.MULTILINE)
    assert len(titles) == README.count("\n@") == 5
    assert all(f"title: {title}\n" in known for title in titles)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [
        link
        for link in links
        if not link.startswith(("http:", "https:", "mailto:")) and not (page.parent / link).exists()
    ]
    assert not missing
