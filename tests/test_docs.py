"""What the pages tell a reader to type is understood, and what they point at is there."""

import functools
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest
import tyro

from landscape import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
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
    tyro.cli(options or idle(names["main"]), args=shlex.split(words[1], comments=True))


def test_there_are_commands_and_scripts_to_look_at():
    assert len(COMMANDS) > 40
    assert {path.stem for path in SCRIPTS} - {words[0] for words in RUNS.values()} == {"demo"}


def blocks(page):
    """The Python of a page, block by block."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", blocks("docs/tutorials/your-model.md"))
def test_the_blocks_of_a_tutorial_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "<tutorial>", "exec"), {"__name__": "tutorial"})
    assert list(tmp_path.glob("*.h5"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [
        link
        for link in links
        if not link.startswith(("http:", "https:", "mailto:")) and not (page.parent / link).exists()
    ]
    assert not missing
