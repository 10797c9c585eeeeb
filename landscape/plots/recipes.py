"""Figures of a paper as recipes: small TOML files that say what is drawn, of what, and for whom.

    plot = "contours"                 # a plot of one surface, or a figure of several on one scale
    files = ["plain.h5", "robust.h5"] # beside the recipe, or absolute
    titles = ["plain", "robust"]      # of the panels, where there are several files
    venue = "neurips"

The figure gets the recipe's name.
"""

import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from landscape.errors import InputError
from landscape.plots import (
    PAPER,
    PLOTS,
    TOGETHER,
    PlotOptions,
    draw,
    draw_together,
    facts_together,
    look,
    save,
)
from landscape.plots.venues import Look
from landscape.registry import lookup
from landscape.store import open_surface
from landscape.text import distinct_names, printable


@dataclass(frozen=True)
class Recipe:
    """What a recipe says.

    Attributes:
        plot: a name in `PLOTS` that is drawn for papers, or in `TOGETHER`.
        files: of the surfaces; one of them for a plot in `PLOTS`.
        titles: of the panels of several; by default what tells the files apart.
        title: of the whole; none by default, a paper has a caption.
        images: of spatial surfaces, by their numbers in the data set; the first ones by default.
        venue: whose sizes the figure has, a name in `VENUES`.
        latex: whether LaTeX sets its type.
        log: whether losses are spaced logarithmically; by their range by default.
        view: elevation and azimuth of surfaces in 3-D, degrees.
        formats: suffixes of what is written.
        made_by: the command that makes the surfaces, for who does not have them.
    """

    plot: str
    files: tuple[Path, ...]
    titles: tuple[str, ...] = ()
    title: str = ""
    images: tuple[int, ...] = ()
    venue: str = "icml"
    latex: bool = False
    log: bool | None = None
    view: tuple[float, float] = Look.view
    formats: tuple[str, ...] = ("pdf", "png")
    made_by: str = ""

    def __post_init__(self) -> None:
        printed = {name: plot for name, plot in PLOTS.items() if plot.formats == PAPER}
        lookup({**printed, **TOGETHER}, self.plot, kind="plot for a paper")
        paper = dict.fromkeys(PAPER)
        for suffix in self.formats:
            lookup(paper, suffix, kind="format of a figure for a paper")
        if not self.formats:
            raise InputError(f"expected one or more formats among {', '.join(PAPER)}, got none")
        if self.plot in PLOTS and len(self.files) != 1:
            raise InputError(
                f"expected one file for the plot {self.plot!r}, got {len(self.files)}; several are "
                f"drawn as {', '.join(TOGETHER)}"
            )
        if self.titles and len(self.titles) != len(self.files):
            raise InputError(
                f"expected a title for each of {len(self.files)} files, got {len(self.titles)}"
            )
        if len(set(self.titles)) < len(self.titles):
            raise InputError(
                "expected titles that tell the panels apart, got the same one twice: "
                f"{', '.join(map(printable, self.titles))}"
            )

    @property
    def missing(self) -> list[Path]:
        """The surfaces that are not there."""
        return [file for file in self.files if not file.is_file()]

    def write(self, stem: Path) -> list[Path]:
        """Draw the figure and write `<stem>.<format>` for each format.

        Raises:
            InputError: a file cannot be read or does not fit the plot, or a path not be written.
        """
        if self.made_by and self.missing:
            made_by = printable(self.made_by)
            raise InputError(f"no such file: {self.missing[0]}; it is made by: {made_by}")
        choices = {"latex": self.latex, "title": self.title, "log": self.log, "view": self.view}
        with look(self.venue, **choices), ExitStack() as stack:
            opened = [stack.enter_context(open_surface(file)) for file in self.files]
            options = PlotOptions(self.images or None)
            if self.plot in PLOTS:
                (about,) = opened
                figure = draw(about, self.plot, options)
            else:
                names = self.titles or distinct_names(self.files)
                surfaces = dict(zip(names, opened, strict=True))
                figure = draw_together(surfaces, self.plot, options)
                about = facts_together(surfaces)
            written = [stem.with_name(f"{stem.name}.{suffix}") for suffix in self.formats]
            for path in written:
                save(figure, path, data=about)
        return written


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file; files are looked for beside it.

    Raises:
        InputError: there is no such file, it is not TOML, or says what no recipe says.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no such file: {path}; a recipe (.toml) is expected") from None
    except (OSError, ValueError) as error:  # of TOML and of UTF-8
        told = printable(str(error), 200)
        raise InputError(f"{path} cannot be read as a recipe in TOML ({told})") from error
    try:
        recipe = _checked(said)
        return Recipe(**{**recipe, "files": tuple(path.parent / file for file in recipe["files"])})
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


LISTS: Mapping[str, type] = {"files": str, "titles": str, "images": int, "formats": str}
SINGLES: Mapping[str, type] = {
    "plot": str,
    "title": str,
    "venue": str,
    "made_by": str,
    "latex": bool,
    "log": bool,
}


def _checked(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe says, with lists as tuples."""
    known = {field.name: None for field in fields(Recipe)}
    for name in said:
        lookup(known, name, kind="entry of a recipe")
    for name in ("plot", "files"):
        if name not in said:
            raise InputError(f"expected an entry {name!r}, got {', '.join(said) or 'none'}")
    checked = {}
    for name, value in said.items():
        if name in SINGLES:
            right = type(value) is SINGLES[name]
        else:
            types = {int, float} if name == "view" else {LISTS[name]}
            right = isinstance(value, list) and {type(one) for one in value} <= types
            right = right and (name != "view" or len(value) == 2)
        if not right:
            raise InputError(f"expected {_wanted(name)} as {name!r}, got {value!r:.100}")
        many = map(float, value) if name == "view" else value
        checked[name] = tuple(many) if isinstance(value, list) else value
    return checked


def _wanted(name: str) -> str:
    words = {str: "text", int: "whole numbers", bool: "true or false"}
    if name == "view":
        return "two numbers (elevation and azimuth)"
    return words[SINGLES[name]] if name in SINGLES else f"a list of {words[LISTS[name]]}"
