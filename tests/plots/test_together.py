"""Several planes on one scale."""

import json
from functools import partial

import numpy as np
import pytest
from matplotlib.contour import QuadContourSet
from PIL import Image

from landscape.errors import InputError
from landscape.plots import TOGETHER, draw_together, look, scales, write_together

contours = partial(draw_together, name="contours")
in_3d = partial(draw_together, name="3d")


def bowls(make_weights, *depths):
    return {
        f"depth {depth:g}": make_weights(lambda a, b, d=depth: 0.1 + d * (a**2 + b**2), (9, 7))
        for depth in depths
    }


@pytest.mark.parametrize("count", [1, 3, 4, 5])
def test_all_panels_share_levels_and_colours(make_weights, count):
    surfaces = bowls(make_weights, *(2.0**n for n in range(count)))
    figure = contours(surfaces)
    panels = [ax for ax in figure.axes if ax.get_title()]
    assert [ax.get_title() for ax in panels] == list(surfaces)
    filled = [
        next(c for c in ax.collections if isinstance(c, QuadContourSet) and c.filled)
        for ax in panels
    ]
    every = np.concatenate([data.loss.values.ravel() for data in surfaces.values()])
    scale = scales.scale_of(every)
    for bands in filled:
        assert tuple(bands.levels) == scale.levels
        assert (bands.norm.vmin, bands.norm.vmax) == (scale.low, scale.high)
    assert sum("cross-entropy" in ax.get_ylabel() for ax in figure.axes) == 1  # one key


def test_every_panel_shows_all_of_every_surface(make_weights):
    wide, narrow, row = (
        make_weights(lambda a, b: 1 + a**2 + b**2, shape).assign_coords(alpha=reach * steps)
        for reach, shape in ((1.0, (9, 7)), (0.25, (9, 7)), (0.5, (9, 1)))
        for steps in [np.linspace(-1, 1, 9)]
    )
    for surfaces in ({"wide": wide, "narrow": narrow}, {"narrow": narrow, "wide": wide}):
        panels = [ax for ax in contours(surfaces).axes if ax.get_title()]
        assert {(ax.get_xlim(), ax.get_ylim()) for ax in panels} == {((-1, 1), (-1, 1))}
    panels = [ax for ax in contours({"row": row, "narrow": narrow}).axes if ax.get_title()]
    assert {ax.get_xlim() for ax in panels} == {(-0.5625, 0.5625)}  # its outer cells are whole


@pytest.mark.parametrize("name", ["contours", "3d", "slices", "spectra"])
def test_the_title_is_the_authors_or_there_is_none(make_weights, make_spatial, name):
    spatial = TOGETHER[name].kind == "spatial"
    surfaces = {"$a$": make_spatial(2)} if spatial else bowls(make_weights, 1.0, 60.0)
    plain = draw_together(surfaces, name)
    with look(title="of $ 5"):
        figure = draw_together(surfaces, name)
    assert figure.get_suptitle() == r"of \$ 5"
    assert not plain.get_suptitle()
    assert figure.get_figheight() > plain.get_figheight()


def test_in_3d_all_boxes_are_equally_high(make_weights):
    figure = in_3d(bowls(make_weights, 1.0, 30.0, 300.0))
    heights = {ax.get_zlim() for ax in figure.axes}
    assert len(figure.axes) == 3
    assert len(heights) == 1


def test_a_spike_is_cut_off_in_all_panels_and_named(make_weights):
    surfaces = {
        "bowl": make_weights(lambda a, b: 1 + a**2 + b**2),
        "spike": make_weights(lambda a, b: 1 + a**2 + 60 * ((a == 0) & (b == 0))),
    }
    figure = in_3d(surfaces)
    assert "cut off" in figure.get_suptitle()
    with look(title="bowls"):
        first, second = in_3d(surfaces).get_suptitle().splitlines()
    assert (first, second[:7]) == ("bowls", "cut off")


def test_what_is_no_number_gets_a_legend(make_weights):
    surfaces = bowls(make_weights, 1.0) | {
        "broken": make_weights(lambda a, b: np.where(a > 0.5, np.inf, 1 + b), (9, 9))
    }
    (legend,) = contours(surfaces).legends
    assert [text.get_text() for text in legend.get_texts()] == ["loss is inf"]


def test_files_carry_the_facts_of_every_surface(make_weights, tmp_path):
    surfaces = bowls(make_weights, 1.0, 4.0)
    written = write_together(surfaces, stem=tmp_path / "f" / "four", formats=("png", "pdf", "html"))
    names = [name for name, plot in TOGETHER.items() if plot.kind == "weights"]
    expected = [f"four-{name}.{suffix}" for name in names for suffix in ("png", "pdf")]
    assert [path.name for path in written] == expected
    with Image.open(written[0]) as picture:
        known = json.loads(picture.text["landscape"])
    assert set(known["surfaces"]) == set(surfaces)
    assert known["surfaces"]["depth 1"]["model"] == "cnn"


def test_what_cannot_be_compared_is_refused(make_weights, make_spatial, tmp_path):
    def write(surfaces, **options):
        write_together(surfaces, stem=tmp_path / "x", **options)

    with pytest.raises(InputError, match="one or more surfaces to draw together, got none"):
        write({})
    line = make_weights(lambda a: a**2, (5,))
    with pytest.raises(InputError, match="line is a weights surface over 1 axes; leave out"):
        write({"line": line})
    mixed = bowls(make_weights, 1.0) | {"poses": make_spatial()}
    with pytest.raises(InputError, match="poses is a spatial surface over 3 axes"):
        write(mixed)
    with pytest.raises(InputError, match="expected png, pdf, svg, got html"):
        write(bowls(make_weights, 1.0), formats=("html",))
    with pytest.raises(InputError, match="unknown figure format 'pgn'; did you mean 'png'"):
        write(bowls(make_weights, 1.0), formats=("pdf", "pgn"))
