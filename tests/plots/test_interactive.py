import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from landscape.plots import PlotOptions, draw
from landscape.plots.prepare import worst_pose
from landscape.plots.scales import scale_of


def shown(page, update):
    """The traces that are visible after a button or a step of a slider."""
    visible = update["args"][0]["visible"]
    assert len(visible) == len(page.data)
    return [trace for trace, on in zip(page.data, visible, strict=True) if on]


def of_type(traces, kind):
    return [trace for trace in traces if trace.type == kind]


def test_each_image_and_step_shows_its_own_surface(make_spatial):
    data = make_spatial(3, (9, 5, 4))
    page = draw(data, "spatial-interactive")
    scale = scale_of(data["loss"].values)
    for image, button in enumerate(page.layout.updatemenus[0].buttons):
        (slider,) = button["args"][1]["sliders"]
        for step, update in enumerate(slider["steps"]):
            (surface,) = of_type(shown(page, update), "surface")
            expected = data["loss"].isel(image=image, shift_y=step).values.T
            assert_allclose(surface.z, scale.position(expected), rtol=1e-6)
            assert_array_equal(surface.customdata[..., 0], expected)
            assert len(of_type(shown(page, update), "heatmap")) == 3
        worst = worst_pose(data.isel(image=image))
        assert slider["active"] == int(np.flatnonzero(data["shift_y"] == worst.shift_y)[0])
        stars = [t for t in shown(page, button) if t.name == "worst pose"]
        (star,) = of_type(stars, "scatter3d")
        assert (star.x[0], star.y[0]) == (worst.rotation, worst.shift_x)
        assert len(stars) == 4


def test_the_page_opens_on_the_worst_pose_of_the_first_image(make_spatial):
    data = make_spatial(2)
    page = draw(data, "spatial-interactive", PlotOptions(images=(17,)))
    (button,) = page.layout.updatemenus[0].buttons
    assert [t.visible for t in page.data] == button["args"][0]["visible"]
    assert "image 17" in button["label"]


def test_hover_tells_pose_loss_margin_and_class(make_spatial):
    page = draw(make_spatial(1), "spatial-interactive")
    (surface,) = of_type([t for t in page.data if t.visible], "surface")
    for word in ("rotation %{x", "shift right %{y", "loss", "margin", "predicted %{text}"):
        assert word in surface.hovertemplate
    assert set(np.unique(surface.text)) <= {"zero", "one", "two", "three"}


def test_the_buttons_change_between_linear_and_logarithmic(make_weights):
    data = make_weights(lambda a, b: 10 ** (3 * (a**2 + b**2) - 2))
    page = draw(data, "weight-interactive")
    linear, logarithmic = page.layout.updatemenus[0].buttons
    (surface,) = of_type(shown(page, linear), "surface")
    assert_allclose(surface.z, data["loss"].values.T)
    (surface,) = of_type(shown(page, logarithmic), "surface")
    assert_allclose(surface.z, np.log10(data["loss"].values.T))
    assert page.layout.updatemenus[0].active == 1
    for button in (linear, logarithmic):  # arguments go to the browser as they are
        scale = button["args"][1]["coloraxis"]["colorscale"]
        assert scale[0] == [0.0, "#440154"]
        assert scale[-1] == [1.0, "#fde725"]


def test_no_logarithm_of_a_saddle(make_weights):
    page = draw(make_weights(lambda a, b: a**2 - b**2), "weight-interactive")
    assert not page.layout.updatemenus


def test_what_is_no_number_is_marked_on_surface_and_plane(make_weights):
    data = make_weights(lambda a, b: 1 + a**2 + b**2, (11, 11))
    data["loss"][2, 7] = np.inf
    page = draw(data, "weight-interactive")
    marks = [t for t in page.data if t.visible and t.name == "loss is inf"]
    assert sorted(t.type for t in marks) == ["scatter", "scatter3d"]
    for mark in marks:
        assert (mark.x[0], mark.y[0]) == (float(data["alpha"][2]), float(data["beta"][7]))
    (surface,) = of_type([t for t in page.data if t.visible], "surface")
    assert np.isnan(surface.z).sum() == 1


def test_lines_carry_the_data_with_its_errors(make_weights):
    data = make_weights(lambda a: 1 + a**2, (21,))
    loss, accuracy = draw(data, "weight-line-interactive").data
    for trace, name in ((loss, "loss"), (accuracy, "accuracy")):
        assert_array_equal(trace.y, data[name])
        assert_array_equal(trace.error_y.array, data[f"{name}_stderr"])


@pytest.mark.parametrize("name", ["spatial-interactive", "weight-interactive"])
def test_what_goes_to_the_browser_is_json(make_spatial, make_weights, name):
    data = make_spatial() if name.startswith("spatial") else make_weights(lambda a, b: 1 + a * b)
    assert json.loads(draw(data, name).to_json())["data"]
