"""What the pages of the site take from elsewhere: the README, help texts, docstrings, figures.

A hook of mkdocs, which knows files in its own folder alone.
"""

import contextlib
import io
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

import landscape
from landscape.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
WRITTEN = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changes.md": "CHANGELOG.md",
}
SECTIONS = {
    "api": "Surfaces",
    "attacks": "Attacks",
    "curvature": "Curvature",
    "data": "Data",
    "directions": "Curves of low loss",
    "errors": "Errors",
    "evaluation": "Evaluation",
    "export": "Exports",
    "measures": "Measures of stored surfaces",
    "models": "Models",
    "plots": "Figures",
    "rng": "Random numbers",
    "spatial": "Poses",
    "store": "Files",
    "training": "Training",
}
"""Headings of the reference, by the part of the package that a public name is from."""


def on_files(files: Files, config: Any) -> Files:
    """Add pages and figures that are not in the folder of the pages."""
    made = {page: _from_root((ROOT / file).read_text("utf-8")) for page, file in WRITTEN.items()}
    made["reference/python.md"] = _python()
    made["reference/commands.md"] = _commands()
    made["decisions/index.md"] = _decisions()
    made["gallery.md"] = _gallery()
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    for folder in ("figures", "figures/results"):
        for figure in sorted((ROOT / folder).glob("*.png")):
            files.append(
                File.generated(config, f"{folder}/{figure.name}", abs_src_path=str(figure))
            )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links that lead out of the folder in the repository lead to the copies within the site."""
    if page.file.src_uri in WRITTEN:
        return markdown
    return re.sub(r"\]\(\.\./figures/", "](figures/", markdown)


def _from_root(text: str) -> str:
    """A page of the top folder, as it is linked from the site's."""
    pages = {file: page for page, file in WRITTEN.items()}
    text = text.replace("](docs/decisions)", "](decisions/index.md)")
    text = text.replace("](figures/README.md)", "](gallery.md)")
    text = text.replace("[CITATION.cff](CITATION.cff)", "`CITATION.cff`")
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(r"\]\((\w+\.md)\)", lambda m: f"]({pages.get(m[1], m[1])})", text)


def _gallery() -> str:
    """The page of the folder of figures, with the recipe below each."""
    folder = ROOT / "figures"
    text, _, _ = (folder / "README.md").read_text("utf-8").partition("\n## Folders")

    def shown(found: re.Match[str]) -> str:
        recipe = (folder / "recipes" / f"{found[2]}.toml").read_text("utf-8")
        return f"![{found[1]}](figures/{found[2]}.png)\n\n```toml\n{recipe}```"

    text = re.sub(r"!\[(.*)\]\(([\w-]+)\.png\)", shown, text)
    return text.replace("](../docs/", "](")


def _python() -> str:
    sections = defaultdict(list)
    for name, module in landscape.PUBLIC.items():
        sections[SECTIONS[module.split(".")[1]]].append(f"::: {module}.{name}")
    parts = ["# Python", "Every public name; all are imported from `landscape`."]
    for title in sorted(sections):
        parts += [f"## {title}", *sections[title]]
    return "\n\n".join(parts) + "\n"


def _commands() -> str:
    parts = ["# Command line", "`landscape COMMAND --help`, as it is printed."]
    os.environ["COLUMNS"] = "100"  # what fits
    for name in COMMANDS:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            main([name, "--help"])
        parts += [f"## {name}", f"```text\n{printed.getvalue().rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def _decisions() -> str:
    lines = ["# Decisions", "", "Why things are as they are, one page each.", ""]
    for path in sorted((ROOT / "docs" / "decisions").glob("0*.md")):
        title = path.read_text("utf-8").splitlines()[0].lstrip("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines) + "\n"
