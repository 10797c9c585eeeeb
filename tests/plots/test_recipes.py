"""Figures for a venue: their sizes, their type, LaTeX's terms, and recipes."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from landscape.cli import main
from landscape.errors import InputError
from landscape.plots import TOGETHER, VENUES, draw, draw_together, look, plots_for
from landscape.plots.latex import in_latex
from landscape.plots.recipes import Recipe, read_recipe
from landscape.plots.style import RC
from landscape.store import Axis, Field, Layout, SurfaceWriter

NEEDS_LATEX = pytest.mark.skipif(shutil.which("latex") is None, reason="no LaTeX is installed")


def write_bowl(path, depth=1.0):
    axes = [Axis(name, np.linspace(-1, 1, 5), "1", name) for name in ("alpha", "beta")]
    layout = Layout(
        kind="weights",
        points=tuple(axes),
        fields=(Field("loss", "float64", "nat", "mean cross-entropy"),),
        about={"title": f"a bowl of depth {depth}", "provenance": {}},
    )
    with SurfaceWriter(path, layout) as writer:
        points = writer.pending()
        writer.write(points, {"loss": 0.1 + depth * (layout.coordinates(points) ** 2).sum(1)})
        writer.finish({"checks": []})
    return path


def write_recipe(folder, *lines):
    for name, depth in (("a", 1.0), ("b", 2.0)):
        if not (folder / f"{name}.h5").exists():
            write_bowl(folder / f"{name}.h5", depth)
    path = folder / "bowls.toml"
    path.write_text("\n".join(lines))
    return path


CONTOURS = ('plot = "contours"', 'files = ["a.h5", "b.h5"]')


@pytest.mark.parametrize("venue", VENUES)
def test_figures_have_the_widths_and_the_type_of_the_venue(make_weights, venue):
    asked = VENUES[venue]
    data = make_weights(lambda a, b: 1 + a**2 + b**2)
    with look(venue):
        column, page = draw(data, "weight-contour"), draw_together({"a": data}, "contours")
    assert column.get_figwidth() == asked.column
    assert page.get_figwidth() == asked.page
    assert column.axes[0].xaxis.label.get_fontsize() == asked.normal
    assert column.axes[0].get_xticklabels()[0].get_fontsize() == asked.small


def test_natures_figures_have_no_type_above_7_points(make_weights, make_spatial):
    """And none below 5, as its guide asks."""
    surfaces = [make_spatial(3), make_weights(lambda a, b: 1 + a**2 + b**2)]
    with look("nature"):
        figures = [
            draw(data, name)
            for data in surfaces
            for name in plots_for(data)
            if "interactive" not in name
        ]
    assert len(figures) == 4
    for figure in figures:
        texts = figure.findobj(lambda one: isinstance(one, Text) and one.get_text().strip())
        assert {5 <= text.get_fontsize() <= 7 for text in texts} == {True}


def test_the_author_chooses_title_spacing_and_view(make_weights):
    data = make_weights(lambda a, b: 1 + a**2 + b**2)
    with look(title="", log=True, view=(10.0, 20.0)):
        contour, surface = draw(data, "weight-contour"), draw(data, "weight-3d")
    assert contour.get_suptitle() == ""
    assert "Log" in type(contour.axes[0].collections[0].norm).__name__
    assert (surface.axes[0].elev, surface.axes[0].azim) == (10, 20)
    assert draw(data, "weight-contour").get_suptitle() != ""  # after the block as before
    with look(log=True):
        draw(make_weights(lambda a, b: a + b), "weight-contour")  # negative losses cannot be


def test_an_unknown_venue_is_told():
    with pytest.raises(InputError, match="did you mean 'neurips'"), look("neurip"):
        pass


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("50 % of a_b & c #1", r"50 \% of a\_b \& c \#1"),
        (r"\$5 {x}", r"\$5 \{x\}"),
        (r"$3\times10^{-4}$ nat", r"$3\times10^{-4}$ nat"),
        ("$10^{5}$", "$10^{5}$"),
        (r"$\input{secret}$", r"\$\textbackslash{}input\{secret\}\$"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("^^5c", r"\textasciicircum{}\textasciicircum{}5c"),
        ("\N{MINUS SIGN}30° → 5 px", r"$-$30$^\circ$ $\to$ 5 px"),
        ("Zoë\n中", "Zoë\n?"),
    ],
)
def test_words_are_no_commands(text, latex):
    assert in_latex(text) == latex


@NEEDS_LATEX
def test_latex_can_set_every_character(tmp_path):
    every = "".join(map(chr, range(0x20, 0x2500)))
    body = "\\par\n".join(in_latex(every[i : i + 60]) for i in range(0, len(every), 60))
    head = r"\documentclass{article}\usepackage{type1ec}\usepackage[utf8]{inputenc}"
    text = f"{head}{RC['text.latex.preamble']}\\begin{{document}}{body}\\end{{document}}"
    (tmp_path / "t.tex").write_text(text, encoding="utf-8")
    command = ["latex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout[-1500:]


@NEEDS_LATEX
def test_a_figure_is_set_by_latex_in_its_own_fonts(tmp_path):
    recipe = write_recipe(tmp_path, *CONTOURS, 'titles = ["100 %", "x_1"]', "latex = true")
    assert main(["figure", str(recipe)]) == 0
    fonts = re.findall(rb"/FontName /(?:[A-Z]{6}\+)?([A-Za-z0-9-]+)", pdf(tmp_path / "bowls.pdf"))
    assert fonts
    assert all(name.startswith((b"SF", b"CM")) for name in fonts), fonts


def test_without_latex_the_wish_for_it_is_refused(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="got no latex and no dvipng"), look(latex=True):
        pass


def pdf(path):
    """The objects of a PDF, with those that are compressed spelled out."""
    import zlib

    data = path.read_bytes()
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            data += zlib.decompress(stream)
        except zlib.error:
            continue
    return data


def width_of(path):
    """Of the page of a PDF, in points."""
    return float(re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ", path.read_bytes())[1])


def test_a_recipe_is_drawn_as_it_says_and_the_same_twice(tmp_path, capsys):
    recipe = write_recipe(tmp_path, *CONTOURS, 'titles = ["one", "two"]', 'venue = "neurips"')
    assert main(["figure", str(recipe)]) == 0
    paths = [tmp_path / f"bowls.{suffix}" for suffix in ("pdf", "png")]
    assert capsys.readouterr().out.split() == [str(path) for path in paths]
    first = [path.read_bytes() for path in paths]
    assert width_of(paths[0]) == pytest.approx(72 * VENUES["neurips"].page, abs=0.1)
    assert b"/Subtype /Type3" not in pdf(paths[0])  # fonts are TrueType, embedded
    assert b"/FontFile2" in pdf(paths[0])
    assert main(["figure", str(recipe)]) == 0
    assert [path.read_bytes() for path in paths] == first
    assert main(["figure", str(recipe), "--out", str(tmp_path / "there")]) == 0
    assert (tmp_path / "there" / "bowls.pdf").read_bytes() == first[0]


def test_a_recipe_of_one_surface(tmp_path):
    lines = ('plot = "weight-3d"', 'files = ["a.h5"]', 'title = "A bowl"', 'formats = ["svg"]')
    (written,) = read_recipe(write_recipe(tmp_path, *lines)).write(tmp_path / "bowl")
    assert written == tmp_path / "bowl.svg"
    assert not (tmp_path / "bowl.png").exists()


@pytest.mark.parametrize(("command", "name"), [("figure", "bowls.toml"), ("plot", "a.h5")])
def test_files_of_one_name_do_not_take_each_others_place(
    tmp_path, capsys, monkeypatch, command, name
):
    monkeypatch.setattr("landscape.plots.write_plots", lambda data, *, stem, **_: [stem])
    monkeypatch.setattr(Recipe, "write", lambda recipe, stem: [stem])
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        write_recipe(folder, *CONTOURS)
    files = [str(folder / name) for folder in folders]
    assert main([command, *files, "--out", str(tmp_path / "out")]) == 0
    stem = Path(name).stem
    expected = [str(tmp_path / "out" / folder.name / stem) for folder in folders]
    assert capsys.readouterr().out.split() == expected
    assert main([command, *files]) == 0
    assert capsys.readouterr().out.split() == [str(folder / stem) for folder in folders]


WRONG = {
    "plot = 3": "expected text as 'plot', got 3",
    'plot = "contour"': "did you mean 'contours'",
    'plot = "weight-interactive"': "unknown plot for a paper 'weight-interactive'",
    'files = "a.h5"': "expected a list of text as 'files'",
    "files = [1]": "expected a list of text as 'files'",
    "files = []": "got no",
    'files = ["none.h5", "a.h5"]': "none.h5",
    'plot = "weight-contour"': "expected one file for the plot 'weight-contour', got 2",
    'plot = "spectra"': "can be drawn as: contours, 3d",
    'titles = ["x"]': "expected a title for each of 2 files, got 1",
    'titles = ["x", "x"]': "expected titles that tell the panels apart, got the same one twice",
    'venue = "icnl"': "did you mean 'icml'",
    'formats = ["html"]': "format of a figure for a paper",
    "formats = []": "expected one or more formats",
    "latex = 1": "expected true or false as 'latex'",
    "view = [1]": "expected two numbers",
    "images = [true]": "expected a list of whole numbers",
    'colour = "red"': "unknown entry of a recipe 'colour'",
    "plot = ": "cannot be read as a recipe in TOML",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_a_recipe_cannot_say_is_one_sentence(tmp_path, capsys, line):
    name = line.partition(" ")[0]
    kept = [other for other in CONTOURS if not other.startswith(name)]
    assert main(["figure", str(write_recipe(tmp_path, *kept, line))]) == 2
    said = capsys.readouterr().err
    assert WRONG[line] in " ".join(said.split()), said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("bowls.p*"))


def test_one_bad_recipe_and_none_is_drawn(tmp_path, capsys):
    good = write_recipe(tmp_path, *CONTOURS)
    (tmp_path / "bad.toml").write_text("files = []")
    assert main(["figure", str(good), str(tmp_path / "bad.toml")]) == 2
    assert "bad.toml: expected an entry 'plot'" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.pdf"))
    assert main(["figure", str(tmp_path / "none.toml")]) == 2
    assert main(["figure"]) == 2


def test_the_command_line_names_every_venue_and_plot_draws_for_one(tmp_path, capsys):
    path = write_bowl(tmp_path / "a.h5")
    words = ["plot", path, "--plots", "weight-contour", "--formats", "pdf", "--venue", "nature"]
    assert main([str(word) for word in words]) == 0
    box = re.search(
        rb"/MediaBox \[ 0 0 ([0-9.]+) ", (tmp_path / "a-weight-contour.pdf").read_bytes()
    )
    assert float(box[1]) == pytest.approx(89 / 25.4 * 72, abs=0.1)
    for command in ("plot", "figure"):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main([command, "--help"])
        shown = " ".join(capsys.readouterr().out.replace("│", "").split())
        assert ", ".join(VENUES) in shown
    assert set(TOGETHER) == {"contours", "3d", "slices", "spectra"}
