"""`landscape figure`: the figures of a paper from recipes."""

from pathlib import Path

from landscape.cli.options import Files, Unset, refuse_none
from landscape.cli.output import say, stems


def figure(
    recipes: Files,
    /,
    out: Unset[Path] = None,
) -> None:
    """Figures of a paper, each from a recipe: a TOML file of a few lines.

    It names a plot, the surfaces that it shows and, where wanted, the venue whose sizes it has
    (icml, neurips, iclr, cvpr, ieee, nature), type set by LaTeX, panels' titles, images, a
    logarithmic scale and the view in 3-D. The same files and recipe give the same bytes.

    Args:
        recipes: TOML files, for example figures/recipes/*.toml.
        out: The folder to write to, where recipes of one name get folders of theirs; beside each
            recipe by default.
    """
    from landscape.plots.recipes import read_recipe

    refuse_none(recipes, "recipe (.toml)")
    read = {path: read_recipe(path) for path in recipes}  # all are sound before one is drawn
    for recipe, stem in zip(read.values(), stems(list(read), out), strict=True):
        for written in recipe.write(stem):
            say(str(written))
