"""The figures of the gallery in the narrowest columns of a venue."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.text import Text
from mpl_toolkits.mplot3d.axes3d import Axes3D

import landscape.plots.recipes
from landscape.plots.recipes import read_recipe

RECIPES = sorted((Path(__file__).parents[2] / "figures" / "recipes").glob("*.toml"))
NARROWEST = "neurips"
FLAT = [path for path in RECIPES if "3d" not in path.stem]  # of the others no layout is asked


def numbers(axis):
    """The numbers of an axis: all it has, and those it shows."""
    ticks = axis.get_major_ticks() + axis.get_minor_ticks()
    low, high = sorted(axis.get_view_interval())
    room = 1e-6 * (high - low)
    every = {label for tick in ticks for label in (tick.label1, tick.label2)}
    shown = {
        label
        for tick in ticks
        if low - room <= tick.get_loc() <= high + room
        for label in (tick.label1, tick.label2)
    }
    return every, shown


def boxes(figure):
    """Where the words of a figure stand, pixels; labels of lines and places are left out."""
    figure.draw_without_rendering()
    words = set(figure.findobj(Text))
    for ax in figure.axes:
        words -= set(ax.texts) if ax.get_visible() else set(ax.findobj(Text))
        for axis in (ax.xaxis, ax.yaxis):
            every, shown = numbers(axis)
            words -= every - shown
    return [
        (text.get_text(), text.get_window_extent())
        for text in words
        if text.get_visible() and text.get_text().strip()
    ]


@pytest.mark.parametrize("path", FLAT, ids=[path.stem for path in FLAT])
def test_all_words_are_on_the_page_and_none_on_another(path, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(
        landscape.plots.recipes, "save", lambda figure, *_, **__: drawn.append(figure)
    )
    replace(read_recipe(path), venue=NARROWEST, formats=("png",)).write(tmp_path / "figure")
    (figure,) = drawn
    assert not any(isinstance(ax, Axes3D) for ax in figure.axes)
    found = boxes(figure)
    assert len(found) > 5
    for word, box in found:
        assert box.x0 > -1, word
        assert box.y0 > -1, word
        assert box.x1 < figure.bbox.width + 1, word
        assert box.y1 < figure.bbox.height + 1, word
    for (one, first), (other, second) in combinations(found, 2):
        overlap = first.x1 - 1 > second.x0 + 1 and second.x1 - 1 > first.x0 + 1
        above = first.y1 - 2 > second.y0 + 2 and second.y1 - 2 > first.y0 + 2
        assert not (overlap and above), (one, other)
