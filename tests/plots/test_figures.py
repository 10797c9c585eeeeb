import numpy as np
import pytest
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.path import Path
from matplotlib.text import Text
from numpy.testing import assert_allclose, assert_array_equal

from landscape.errors import InputError
from landscape.plots import (
    PLOTS,
    PlotOptions,
    draw,
    look,
    panels,
    plots_for,
    spatial_slices,
    weight_contour,
    weight_line,
)
from landscape.plots.panels import _bilinear, _facets
from landscape.plots.prepare import PLANES, worst_pose
from landscape.plots.scales import number, scale_of
from landscape.plots.style import small, style
from landscape.plots.venues import VENUES


def texts(figure):
    """All words of a figure, as they are drawn."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def outline(text):
    """The corners of a word as it is drawn, turned with it, pixels."""
    upright = text.get_rotation()
    text.set_rotation(0.0)
    box = text.get_window_extent()
    text.set_rotation(upright)
    middle, turn = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2, np.deg2rad(upright)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * [box.width, box.height]
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return middle + 0.4 * corners @ spin  # of the line's height much is empty


def hatches(ax):
    return {
        c.get_label(): c for c in ax.collections if isinstance(c, PolyCollection) and c.get_hatch()
    }


def marker(ax, label):
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return [float(v[0]) for v in line.get_data()]


def test_every_plot_draws_every_surface_of_its_kind(surface, monkeypatch):
    monkeypatch.setattr(panels, "FACETS", 6)
    names = plots_for(surface)
    assert names
    for name in names:
        figure = draw(surface, name)
        if isinstance(figure, Figure):
            with style():
                figure.draw_without_rendering()
            words = [text for text in figure.findobj(Text) if text.get_text()]
            assert min(text.get_fontsize() for text in words) >= small()
            assert figure.get_figwidth() in (3.25, 6.75)


def test_a_plot_refuses_another_kind_and_an_unknown_name(make_spatial, make_weights):
    with pytest.raises(
        InputError, match="weights surface over 2 axes for the plot 'weight-contour'"
    ):
        draw(make_spatial(), "weight-contour")
    with pytest.raises(InputError, match="did you mean 'weight-contour'"):
        draw(make_spatial(), "weight-contuor")
    line = make_weights(lambda a: a**2, (5,))
    assert plots_for(line) == ["weight-line", "weight-line-interactive"]
    assert {plot.kind for plot in PLOTS.values()} == {"spatial", "weights", "tradeoff", "curve"}


class TestContours:
    def draw(self, data):
        ax = Figure().subplots()
        weight_contour.plot(data, ax=ax)
        return ax

    def test_lines_of_a_bowl_are_circles_at_round_levels(self, make_weights):
        ax = self.draw(make_weights(lambda a, b: 1 + a**2 + b**2))
        lines = ax.collections[-1]
        levels = [level for level in lines.levels if level < 2]
        assert len(levels) >= 4
        for level, path in zip(lines.levels, lines.get_paths(), strict=True):
            if level < 2:  # closed within the plane
                radii = np.hypot(*path.vertices.T)
                assert_allclose(radii, np.sqrt(level - 1), atol=0.05**2)

    def test_levels_are_logarithmic_where_the_range_asks(self, make_weights):
        ax = self.draw(make_weights(lambda a, b: 10 ** (3 * (a**2 + b**2) - 2)))
        lines = ax.collections[-1]
        assert {1.0, 10.0, 100.0} <= set(np.round(lines.levels, 9))
        for level, path in zip(lines.levels, lines.get_paths(), strict=True):
            radius = np.sqrt((np.log10(level) + 2) / 3)
            if radius < 1:  # lines are interpolated in the loss, not its logarithm
                assert_allclose(np.hypot(*path.vertices.T), radius, atol=0.05**2 * 3)

    def test_the_axes_are_not_exchanged(self, make_weights):
        ax = self.draw(make_weights(lambda a, b: a + 0 * b, (41, 11)))
        for level, path in zip(
            ax.collections[-1].levels, ax.collections[-1].get_paths(), strict=True
        ):
            assert_allclose(path.vertices[:, 0], level, atol=1e-9)

    def test_inf_and_nan_are_hatched_where_they_were_measured(self, make_weights):
        data = make_weights(lambda a, b: 1 + a**2 + b**2, (11, 11))
        data["loss"][2, 7], data["loss"][9, 1] = np.inf, np.nan
        marks = hatches(self.draw(data))
        for name, where in {"inf": (2, 7), "nan": (9, 1)}.items():
            (cell,) = marks[name].get_paths()
            centre = [
                float(data[axis][i]) for axis, i in zip(("alpha", "beta"), where, strict=True)
            ]
            assert_allclose(cell.vertices[:4].mean(axis=0), centre, atol=1e-12)
        assert hatches(self.draw(make_weights(lambda a, b: a + b))) == {}

    def test_missing_points_are_not_hatched(self, make_weights, stop_at):
        data = make_weights(lambda a, b: 1 + a**2 + b**2, (9, 9))
        done = np.zeros((9, 9))
        done[::2, ::2] = 1
        figure = draw(stop_at(data, done), "weight-contour")
        assert hatches(figure.axes[0]) == {}
        assert any("unfinished: 30 % of 81 points" in text for text in texts(figure))

    @pytest.mark.parametrize("steep", [1.0, 6.0, 30.0])
    @pytest.mark.parametrize("venue", ["icml", "cvpr", "nature"])
    def test_levels_are_written_where_they_can_be_read(self, make_weights, venue, steep):
        """Not on each other, nor across the frame; also where lines crowd into a corner."""
        data = make_weights(lambda a, b: np.exp(steep * (a + b)) + a**2, (15, 15))
        with look(venue):
            figure = draw(data, "weight-contour")
            figure.draw_without_rendering()
        ax = figure.axes[0]
        outlines = [outline(text) for text in ax.texts if text.get_text()]
        assert outlines
        for place, one in enumerate(outlines):
            inside = ax.transAxes.inverted().transform(one)
            assert (inside > -0.02).all()
            assert (inside < 1.02).all()
            assert not any(Path(one).intersects_path(Path(other)) for other in outlines[:place])

    def test_labels_title_and_key(self, make_weights):
        words = texts(draw(make_weights(lambda a, b: 1 + a**2 + b**2), "weight-contour"))
        assert {"alpha", "beta", "cross-entropy loss (nat)", "plane of a cnn"} <= set(words)


class TestSlices:
    def test_cells_carry_the_losses_and_the_star_is_at_the_highest(self, make_spatial):
        data = make_spatial()
        figure = draw(data, "spatial-slices")
        axes = np.array(figure.axes[: 2 * 5]).reshape(2, 5)
        for row in range(2):
            image = data.isel(image=row)
            worst = worst_pose(image)
            for ax, (x, y) in zip(axes[row, 2:], PLANES, strict=True):
                (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
                (fixed,) = {"rotation", "shift_x", "shift_y"} - {x, y}
                cut = image["loss"].sel({fixed: worst.pose[fixed]}).transpose(y, x)
                assert_array_equal(mesh.get_array().reshape(cut.shape), cut)
                assert marker(ax, "worst pose") == [worst.pose[x], worst.pose[y]]
                assert marker(ax, "clean pose") == [0, 0]
                assert ax.yaxis_inverted() == (y == "shift_y")

    def test_the_border_is_where_the_margin_changes_sign(self, make_spatial):
        image = make_spatial(1, (61, 61, 1)).isel(image=0)
        ellipse = 1 - (image["rotation"] / 20) ** 2 - (image["shift_x"] / 2) ** 2
        image["margin"] = ellipse.broadcast_like(image["margin"])
        ax = Figure().subplots()
        spatial_slices.plot(
            image, ax=ax, x="rotation", y="shift_x", scale=scale_of(image["loss"].values)
        )
        (line,) = [c for c in ax.collections if hasattr(c, "levels")]
        x, y = line.get_paths()[0].vertices.T
        assert_allclose((x / 20) ** 2 + (y / 2) ** 2, 1, atol=0.01)

    def test_words(self, make_spatial):
        data = make_spatial(5, (3, 3, 3))
        words = texts(draw(data, "spatial-slices"))
        assert {"rotation (°)", "shift right (px)", "shift down (px)"} <= set(words)
        assert any("4 of 5 images" in word for word in words)
        label = int(data["label"][0])
        names = ["zero", "one", "two", "three"]
        assert f"image 7\n{names[label]}" in words
        assert f"worst pose\n→ {names[(label + 1) % 4]}" in words

    def test_pictures_are_left_out_where_they_cannot_be_right(self, make_spatial):
        for attribute in ("convention", "padding"):
            foreign = make_spatial(2).assign_attrs({attribute: "of another program"})
            assert len(draw(foreign, "spatial-slices").findobj(AxesImage)) == 2
        assert len(draw(make_spatial(2), "spatial-slices").findobj(AxesImage)) == 4

    def test_only_the_images_asked_for(self, make_spatial):
        words = texts(draw(make_spatial(4), "spatial-slices", PlotOptions(images=(27,))))
        assert [word.split()[1] for word in words if word.startswith("image ")] == ["27"]
        assert any("1 of 4 images" in word for word in words)


class TestThreeDimensions:
    def test_the_star_is_at_the_worst_pose(self, make_spatial):
        data = make_spatial(2)
        for image, ax in enumerate(draw(data, "spatial-3d").axes):
            worst = worst_pose(data.isel(image=image))
            (star,) = [line for line in ax.lines if line.get_marker() == "*"]
            x, y, z = (float(v[0]) for v in star.get_data_3d())
            assert (x, y) == (worst.rotation, worst.shift_x)
            assert ax.zaxis.get_major_formatter()(z) == number(worst.loss)

    def test_facets_go_through_the_measured_points(self):
        x, y = np.linspace(0, 1, 4), np.linspace(0, 2, 3)
        z = np.random.default_rng(0).normal(size=(3, 4))
        points = _facets(x, y, z).reshape(-1, 3)
        for (i, j), height in np.ndenumerate(z):
            near = np.abs(points[:, :2] - (x[j], y[i])).sum(axis=1) < 1e-9
            assert_allclose(points[near, 2], height)

    def test_between_points_the_surface_is_bilinear(self):
        z = np.array([[0.0, 1.0, 5.0], [2.0, 4.0, 5.0]])
        middle = _bilinear(z, np.array([0.5]), np.array([0.5, 1.5, 2.0]))
        assert_allclose(middle, [[7 / 4, 15 / 4, 5.0]])

    def test_patches_around_what_is_no_number_are_open(self):
        z = np.zeros((3, 3))
        z[0, 0] = np.nan
        area = 0.0
        for quad in _facets(np.arange(3.0), np.arange(3.0), z):
            area += np.ptp(quad[:, 0]) * np.ptp(quad[:, 1])
        assert area == pytest.approx(3.0)

    def test_a_cut_spike_is_named(self, make_weights):
        spike = make_weights(lambda a, b: 2 + a + 50 * ((a == 0) & (b == 0)))
        assert any("cut off at 3 (largest 52)" in text for text in texts(draw(spike, "weight-3d")))
        assert not any(
            "cut off" in t for t in texts(draw(make_weights(lambda a, b: a), "weight-3d"))
        )

    def test_marks_on_the_floor(self, make_weights):
        data = make_weights(lambda a, b: 1 + a**2 + b**2, (11, 11))
        data["loss"][2, 7] = np.inf
        ax = draw(data, "weight-3d").axes[0]
        (mark,) = [line for line in ax.lines if line.get_label() == "loss is inf"]
        x, y, z = (float(v[0]) for v in mark.get_data_3d())
        assert (x, y, z) == (float(data["alpha"][2]), float(data["beta"][7]), 1.0)


class TestLine:
    def test_lines_and_bands_carry_the_data(self, make_weights):
        data = make_weights(lambda a: 1 + a**2, (21,))
        ax = Figure().subplots()
        weight_line.plot(data, ax=ax)
        (twin,) = [other for other in ax.figure.axes if other is not ax]
        for axes, name, error in ((ax, "loss", 0.1), (twin, "accuracy", 0.02)):
            x, y = axes.lines[0].get_data()
            assert_array_equal(x, data["alpha"])
            assert_array_equal(y, data[name])
            (band,) = axes.collections
            box = band.get_datalim(axes.transData)
            assert box.y0 == pytest.approx(float(data[name].min()) - error)
            assert box.y1 == pytest.approx(float(data[name].max()) + error)
        assert twin.get_ylabel() == "accuracy"

    def test_inf_is_hatched_and_the_line_interrupted(self, make_weights):
        data = make_weights(lambda a: np.where(a > 0.5, np.inf, 1 + a), (21,))
        ax = Figure().subplots()
        weight_line.plot(data, ax=ax)
        spans = [patch for patch in ax.patches if patch.get_hatch()]
        assert len(spans) == int(np.isinf(data["loss"]).sum())
        assert np.isnan(ax.lines[0].get_ydata()).sum() == len(spans)

    def test_decades_get_a_logarithmic_axis(self, make_weights):
        figure = draw(make_weights(lambda a: np.exp(9 * np.abs(a)), (21,)), "weight-line")
        assert figure.axes[0].get_yscale() == "log"


def test_the_style_does_not_depend_on_the_users_settings(make_weights):
    import matplotlib as mpl

    with mpl.rc_context({"axes.labelsize": 30, "axes.grid": True}), style():
        assert mpl.rcParams["axes.labelsize"] == VENUES["icml"].normal
        assert not mpl.rcParams["axes.grid"]
