"""The gallery in figures/ from stored surfaces, or the figures of your own recipes.

    python scripts/figures.py                               # all of figures/recipes, as PNG
    python scripts/figures.py mine/*.toml --out mine --formats pdf

A recipe whose surfaces are not there is passed over, with the command that makes them.
"""

import sys
from dataclasses import replace
from os.path import normpath
from pathlib import Path

import tyro

from landscape.cli.options import Several
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.plots.recipes import read_recipe

RECIPES = Path("figures/recipes")


def main(
    recipes: tyro.conf.Positional[Several[Path]] = (),
    /,
    out: Path = Path("figures"),
    formats: tuple[str, ...] = ("png",),
) -> int:
    """Draw every recipe whose surfaces are there.

    Args:
        recipes: TOML files; all of figures/recipes by default.
        out: The folder for the figures.
        formats: pdf, png, svg.
    """
    drawn = 0
    for path in recipes or sorted(RECIPES.glob("*.toml")):
        recipe = replace(read_recipe(path), formats=formats)
        if recipe.missing:
            missing, made_by = normpath(recipe.missing[0]), recipe.made_by or "you"
            print(f"{path.stem}: no {missing}; made by: {made_by}")
            continue
        for figure in recipe.write(out / path.stem):
            print(figure)
        drawn += 1
    return int(drawn == 0)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
