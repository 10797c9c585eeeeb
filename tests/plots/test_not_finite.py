"""What was measured as nan or inf has a mark and a legend; what was not measured has neither."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_array_equal

from landscape.plots import PLOTS, draw, draw_together, together_spatial, weight_line

KINDS = ("inf", "-inf", "nan")
LOSSES = {f"loss is {kind}" for kind in KINDS}
VALUES = {f"value is {kind}" for kind in KINDS}
SHAPES = {1: (9,), 2: (9, 9), 3: (5, 5, 2)}


def bowl(*axes):
    return 1 + sum(axis**2 for axis in axes)


def axis_of(field):
    return "shift_x" if "shift_x" in field.dims else field.dims[0]


def spoiled(field):
    """At the end of an axis the values are inf, then -inf, then nan."""
    axis = axis_of(field)
    for place, kind in enumerate(KINDS):
        field[{axis: place}] = float(kind)


@pytest.fixture
def sound(make_spatial, make_weights):
    """A surface that a plot can draw, all of it finite."""

    def make(name):
        plot = PLOTS[name]
        if plot.kind == "spatial":
            return make_spatial(1, (3, 5, 3))
        data = make_weights(bowl, SHAPES[plot.axes])
        if name == "weight-fields":
            data["gradient_norm"] = data["loss"].copy(deep=True).assign_attrs(long_name="slope")
        return data.rename(alpha="t").assign_attrs(kind="curve") if plot.kind == "curve" else data

    return make


def keys(figure):
    """What the legends say of values that are no numbers."""
    if isinstance(figure, Figure):
        legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
        words = [text.get_text() for legend in legends for text in legend.get_texts()]
    else:
        assert figure.layout.showlegend
        shown = [t for t in figure.data if t.showlegend is not False and t.visible is not False]
        words = [trace.name for trace in shown if trace.type.startswith("scatter")]
    found = [word for word in words if word and " is " in word]
    assert len(set(found)) == len(found) or len(getattr(figure, "axes", [])) > 1
    return set(found)


@pytest.mark.parametrize("name", [name for name in PLOTS if name != "tradeoff"])
def test_every_plot_has_a_key_to_what_was_measured_as_no_number_alone(name, sound, stop_at):
    data = sound(name)
    done = data["done"].copy(deep=True)
    done[{axis_of(done): 1}] = 0  # what lies there is missing
    assert keys(draw(stop_at(data, done.values), name)) == set()
    spoiled(data["loss"])
    assert keys(draw(data, name)) == (VALUES if name == "weight-fields" else LOSSES)


def test_so_have_figures_of_several_surfaces(sound):
    planes = {name: sound("weight-contour") for name in "ab"}
    images = {name: sound("spatial-slices") for name in "ab"}
    spoiled(planes["b"]["loss"])
    spoiled(images["b"]["loss"])
    for name, surfaces in (("contours", planes), ("3d", planes), ("slices", images)):
        assert keys(draw_together(surfaces, name)) == LOSSES


def test_other_quantities_of_a_plane_have_marks_and_a_key_too(sound):
    data = sound("weight-fields")
    spoiled(data["gradient_norm"])
    figure = draw(data, "weight-fields")
    assert keys(figure) == VALUES
    hatched = {
        ax.get_title(): sum(bool(c.get_hatch()) for c in ax.collections) for ax in figure.axes
    }
    assert {title: count for title, count in hatched.items() if count} == {"slope (nat)": 3}


@pytest.mark.parametrize("field", ["train_loss", "accuracy", "gradient_norm"])
def test_other_lines_have_marks_where_they_break(make_weights, field):
    data = make_weights(bowl, (9,))
    for name in ("train_loss", "gradient_norm"):
        data[name] = data["loss"].copy(deep=True)
    spoiled(data[field])
    wanted = {f"{field.replace('_', ' ')} is {kind}": i for i, kind in enumerate(KINDS)}
    figure = draw(data, "weight-line")
    assert keys(figure) == wanted.keys()
    lines = {line.get_label(): line for ax in figure.axes for line in ax.lines}
    for label, place in wanted.items():
        assert_array_equal(lines[label].get_xdata(), data["alpha"][place])
    if field != "gradient_norm":  # for which the page has no line
        page = draw(data, "weight-line-interactive")
        marks = {trace.name: trace for trace in page.data}
        assert keys(page) == wanted.keys()
        for label, place in wanted.items():
            assert_array_equal(marks[label].x, data["alpha"][place])


def test_a_point_between_points_that_are_no_numbers_is_seen(make_weights):
    data = make_weights(bowl, (9,))
    data["loss"].values[[3, 5, 6]] = np.inf
    ax = Figure().subplots()
    weight_line.plot(data, ax=ax)
    dots = [line for line in ax.lines if line.get_marker() == "."]
    assert_array_equal(dots[0].get_xdata(), data["alpha"][[4]])
    assert len(dots) == 1


def test_points_of_a_volume_are_marked_where_they_are(make_weights):
    data = make_weights(bowl, (5, 6, 7))
    for kind, place in zip(KINDS, [(0, 1, 2), (4, 0, 6), (2, 3, 1)], strict=True):
        data["loss"].values[place] = float(kind)
        page = draw(data, "weight-volume")
        (mark,) = [trace for trace in page.data if trace.name == f"loss is {kind}"]
        there = [float(data[axis][i]) for axis, i in zip(data["loss"].dims, place, strict=True)]
        assert [mark.x[0], mark.y[0], mark.z[0]] == there
        assert np.isfinite(page.data[0].value).all()


def test_a_large_volume_is_thinned_about_its_centre(make_weights):
    data = make_weights(bowl, (131, 9, 3))
    page = draw(data, "weight-volume")
    shells = page.data[0]
    assert_array_equal(np.unique(shells.x), data["alpha"][2::3])
    assert len(shells.x) == 43 * 9 * 3
    assert 0 in shells.x
    assert "43 x 9 x 3 of 131 x 9 x 3 points" in page.layout.title.text
    assert "points" not in draw(make_weights(bowl, (64, 3, 3)), "weight-volume").layout.title.text


def test_a_spectrum_is_that_of_the_finite_images_and_says_so(make_spatial):
    data = make_spatial(4, (3, 9, 3))
    whole = data.isel(image=[0, 3])
    data["loss"].values[1, 1, 4, 1], data["loss"].values[2, 1, 0, 1] = np.nan, np.inf
    drawn = []
    for surface in (data, whole, data.assign(loss=data["loss"] * np.nan)):
        ax = Figure().subplots()
        look = {"label": "cnn", "colour": "k", "dash": "-"}
        together_spatial.plot_spectrum(surface, ax=ax, dim="shift_x", **look)
        drawn.append(ax.lines[0])
    assert_array_equal(drawn[0].get_ydata(), drawn[1].get_ydata())
    labels = [line.get_label() for line in drawn]
    assert labels == ["cnn (2 of 4 images are finite)", "cnn", "cnn (0 of 4 images are finite)"]
