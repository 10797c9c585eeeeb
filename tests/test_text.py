"""Text from files is shown as it is, and steers nothing."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from landscape.text import checkpoint_names, distinct_names, literal, page_text, printable

STEERING = "\x1b[31mred\x1b]0;title\x07 \x9b1m \r\x08 \u202egnp.exe \ud800"


def test_what_steers_a_terminal_is_spelled_out():
    shown = printable(STEERING)
    assert shown.isprintable()
    assert shown.startswith("\\x1b[31mred\\x1b]0;title\\x07")
    assert "\\u202e" in shown
    shown.encode()
    assert printable("größe 3 → 日本\n\tx") == "größe 3 → 日本\n\tx"


def test_long_text_is_shortened_in_the_middle():
    assert printable("ab" * 100, 20) == "ababab [...] ababab"
    assert len(printable("x" * 10_000, 200)) <= 200
    assert printable("x" * 200, 200) == "x" * 200


@pytest.mark.parametrize("text", ["$\\frac{$", "a $x^{_}$ b", "$", "\\$ $$ \\", "100 $ or \\alpha"])
def test_matplotlib_draws_what_is_no_formula(text):
    figure = Figure()
    figure.suptitle(literal(text))
    figure.canvas.draw()
    (drawn,) = figure.texts
    drawn_as, is_math = drawn._preprocess_math(drawn.get_text())
    assert (drawn_as.replace("\\$", "$"), is_math) == (text.replace("\\$", "$"), False)


def test_pages_get_neither_tags_nor_values():
    assert page_text("<b>x</b> & %{y}") == "&lt;b&gt;x&lt;/b&gt; &amp; %&#123;y}"
    assert page_text(literal("5 $\nmore")) == "5 $<br>more"
    assert "<" not in page_text("".join(map(chr, np.arange(32, 1000)))).replace("<br>", "")


def test_files_are_told_apart_by_the_fewest_folders_and_links_keep_their_names(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "latest.h5").symlink_to(tmp_path / "plane.h5")
    plane, latest = tmp_path / "a" / ".." / "plane.h5", tmp_path / "a" / "latest.h5"
    assert distinct_names([plane, latest]) == ["plane", "latest"]
    other = tmp_path / "a" / "plane.h5"
    assert distinct_names([plane, other]) == [f"{tmp_path.name}/plane", "a/plane"]
    assert distinct_names([plane, plane]) == ["plane (1)", "plane (2)"]


def test_checkpoints_are_called_as_their_files_or_as_the_folders_of_runs():
    files = [Path("runs/a/model.pt"), Path("runs/b/epochs/0001.pt"), Path("model.safetensors")]
    assert checkpoint_names(files) == ["a", "0001", Path.cwd().name]
