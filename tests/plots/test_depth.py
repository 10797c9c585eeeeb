"""Paths, several fields and volumes, as they are drawn."""

import json

import numpy as np
import pytest
from matplotlib.text import Text

from landscape.plots import draw, look, plots_for
from landscape.plots.paths import marked
from landscape.plots.prepare import drawn_fields


def bowl(*axes):
    return 0.1 + sum(axis**2 for axis in axes)


def with_path(data, *, directions="trajectory", residual=0.3):
    path = np.array([[0.9, 0.5], [0.4, -0.3], [0.0, 0.0]])[:, : data["done"].ndim]
    for axis, column in zip(data["done"].dims, path.T, strict=True):
        data[f"path_{axis}"] = ("path", column)
    data["path_residual"] = ("path", np.array([residual, residual, 0.0]))
    data["path_distance"] = ("path", np.array([1.0, 0.5, 0.0]))
    data.attrs["path_names"] = json.dumps(["first", "second", "last"])
    data.attrs["configuration"] = json.dumps({"directions": directions})
    return data


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def lines(ax, label):
    return [line for line in ax.get_lines() if line.get_label() == label]


def test_a_trajectory_is_a_line_through_its_checkpoints_and_what_it_leaves_out_is_told(
    make_weights,
):
    data = with_path(make_weights(bowl, (9, 9)))
    figure = draw(data, "weight-contour")
    (line,) = lines(figure.axes[0], "path of the training")
    np.testing.assert_array_equal(line.get_xydata(), marked(data).coordinates)
    assert any("9 % of it lies outside" in text for text in texts(figure))  # 0.3 squared
    inside = draw(with_path(make_weights(bowl, (9, 9)), residual=0.0), "weight-contour")
    assert not any("outside" in text for text in texts(inside))


def test_other_networks_are_marks_with_names(make_weights):
    figure = draw(with_path(make_weights(bowl, (9, 9)), directions="models"), "weight-contour")
    (marks,) = lines(figure.axes[0], "other networks")
    assert marks.get_linestyle() == "None"
    assert {"first", "second", "last"} <= set(texts(figure))
    line = draw(with_path(make_weights(bowl, (9,)), directions="models"), "weight-line")
    assert {"first", "second"} <= set(texts(line))
    checkpoints = draw(with_path(make_weights(bowl, (9,))), "weight-line")
    (row,) = lines(checkpoints.axes[0], "checkpoints")
    assert row.get_xdata().tolist() == [0.9, 0.4, 0.0]


def test_pages_show_the_same_places(make_weights):
    page = draw(with_path(make_weights(bowl, (9, 9))), "weight-interactive")
    paths = [trace for trace in page.data if trace.name == "path"]
    assert list(paths[0].x) == [0.9, 0.4, 0.0]
    assert paths[0].text[0] == "first: 30% outside the plane"


def test_every_quantity_has_a_panel_and_eigenvalues_their_ratio(make_weights):
    data = make_weights(bowl, (7, 7))
    assert "weight-fields" not in plots_for(data)  # loss and accuracy are in other figures
    rows = data["loss"]
    data["hessian_min"] = (-0.5 * rows).assign_attrs(units="1", long_name="smallest eigenvalue")
    data["hessian_max"] = (2 * rows).assign_attrs(units="1", long_name="largest eigenvalue")
    data["train_loss"] = rows * 0.5
    assert "weight-fields" in plots_for(data)
    figure = draw(data, "weight-fields")
    panels = [ax for ax in figure.axes if ax.get_title()]
    titles = [ax.get_title().replace("\n", " ") for ax in panels]
    assert titles[0] == "cross-entropy loss (nat)"
    assert titles[-1] == "|smallest / largest| eigenvalue" or titles[3].startswith("|smallest")
    assert len(panels) == 6
    ratio = next(ax for ax in panels if ax.get_title().startswith("|smallest"))
    assert ratio.get_visible()


def test_the_spacing_that_is_asked_for_is_that_of_losses(make_weights):
    data = make_weights(bowl, (5, 5))
    data["gradient_norm"] = data["train_loss"] = data["loss"]
    with look(log=True):
        panels = [ax for ax in draw(data, "weight-fields").axes if ax.get_title()]
    names = [type(ax.collections[0].norm).__name__ for ax in panels]
    assert drawn_fields(data) == ["loss", "accuracy", "train_loss", "gradient_norm"]
    assert names == ["LogNorm", "Normalize", "LogNorm", "Normalize"]


def test_quantities_of_further_data_come_before_the_rest(make_weights):
    data = make_weights(bowl, (3, 3))
    data["gradient_norm"] = data["train_accuracy"] = data["loss"]
    assert drawn_fields(data) == ["loss", "accuracy", "train_accuracy", "gradient_norm"]


def test_lines_of_further_data_and_panels_of_further_quantities(make_weights):
    data = make_weights(bowl, (9,))
    data["train_loss"] = data["loss"] * 0.5
    data["train_loss_stderr"] = data["loss_stderr"]
    data["gradient_norm"] = data["loss"].assign_attrs(units="1", long_name="norm of the gradient")
    figure = draw(data, "weight-line")
    labels = {line.get_label(): line for ax in figure.axes for line in ax.get_lines()}
    np.testing.assert_allclose(labels["train loss"].get_ydata(), data["train_loss"])
    assert labels["train loss"].get_color() != labels["loss ± standard error"].get_color()
    assert "norm\nof the gradient" in texts(figure) or "norm of the gradient" in texts(figure)
    page = draw(data, "weight-line-interactive")
    assert {trace.name for trace in page.data} >= {"loss", "train loss", "accuracy"}
    assert page.layout.showlegend  # which of them is which


def test_a_loss_without_accuracy_is_drawn_alone(make_weights):
    for shape, name in (((9,), "weight-line"), ((9, 9), "weight-contour")):
        data = make_weights(bowl, shape).drop_vars(["accuracy", "accuracy_stderr"])
        assert draw(data, name).axes
        page = draw(data, "weight-line-interactive" if len(shape) == 1 else "weight-interactive")
        assert "accuracy" not in page.to_json()


def test_a_curve_is_drawn_over_its_parameter(make_weights):
    data = make_weights(bowl, (9,)).rename(alpha="t").assign_attrs(kind="curve")
    assert plots_for(data) == ["curve-line", "curve-line-interactive"]
    assert "t" in texts(draw(data, "curve-line"))


@pytest.mark.parametrize("depth", [1, 2, 4, 9])
def test_a_volume_is_slices_on_one_scale(make_weights, depth):
    data = make_weights(bowl, (7, 5, depth))
    assert plots_for(data) == ["weight-slices", "weight-volume"]
    figure = draw(data, "weight-slices")
    panels = {ax.get_title(): ax for ax in figure.axes if ax.get_title()}
    assert len(panels) == min(depth, 5)
    assert next(iter(panels)) == ("at 0" if depth == 1 else "at \N{MINUS SIGN}1")
    trained = [title for title, ax in panels.items() if lines(ax, "trained weights")]
    assert trained == (["at 0"] if depth % 2 else [])


def test_slices_close_to_each_other_have_titles_of_their_own(make_weights):
    gamma = 0.004 * np.linspace(-1, 1, 5) + 1e-19  # not exact in binary
    data = make_weights(bowl, (3, 3, 5)).assign_coords(gamma=gamma)
    panels = {ax.get_title(): ax for ax in draw(data, "weight-slices").axes if ax.get_title()}
    below = [f"at \N{MINUS SIGN}{step}" for step in ("0.004", "0.002")]
    assert list(panels) == [*below, "at 0", "at 0.002", "at 0.004"]
    assert lines(panels["at 0"], "trained weights")


def test_a_volume_is_a_page_of_nested_surfaces(make_weights):
    data = make_weights(bowl, (5, 6, 7))
    data["loss"][0, 0, 0] = np.inf
    page = draw(with_volume_path(data), "weight-volume")
    shells = page.data[0]
    assert shells.type == "isosurface"
    places = np.array([shells.x, shells.y, shells.z])
    corner = np.flatnonzero((places.T == [1, 1, 1]).all(axis=1))
    assert shells.customdata[corner[0]] == pytest.approx(3.1)
    assert np.isfinite(shells.value).all()
    assert list(page.data[-1].z) == [0.2, 0.0]


def with_volume_path(data):
    for axis in ("alpha", "beta", "gamma"):
        data[f"path_{axis}"] = ("path", np.array([0.2, 0.0]))
    return data
