"""Spatial surfaces of several networks on one scale."""

from functools import partial

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from landscape.errors import InputError
from landscape.measures.roughness import spectrum
from landscape.plots import PlotOptions, draw_together, write_together
from landscape.plots.scales import scale_of

slices = partial(draw_together, name="slices")
spectra = partial(draw_together, name="spectra")


def meshes(figure):
    return [mesh for ax in figure.axes for mesh in ax.collections if isinstance(mesh, QuadMesh)]


def test_all_panels_share_the_colours_and_show_the_loss_through_the_clean_pose(make_spatial):
    surfaces = {"low": make_spatial(3, (9, 5, 3)), "high": make_spatial(3, (9, 5, 3), factor=9.0)}
    figure = slices(surfaces)
    panels = [mesh for mesh in meshes(figure) if mesh.get_array().size == 9 * 5]
    assert len(panels) == 2 * 3
    cut = {name: data.loss.sel(shift_y=0.0) for name, data in surfaces.items()}
    scale = scale_of(np.concatenate([c.values.ravel() for c in cut.values()]))
    assert {(m.norm.vmin, m.norm.vmax) for m in panels} == {(scale.low, scale.high)}
    drawn = np.asarray(panels[4].get_array()).reshape(5, 9)
    np.testing.assert_allclose(drawn, cut["high"].isel(image=1).values.T, rtol=1e-6)
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert "low\nshift right (px)" in labels
    assert "high\nshift right (px)" in labels
    assert sum("cross-entropy" in label for label in labels) == 1
    assert sum(ax.get_title().startswith("image") for ax in figure.axes) == 3


def test_the_longest_axes_are_drawn_and_down_is_down(make_spatial):
    figure = slices({"one": make_spatial(1, (1, 9, 5))})
    panel = next(ax for ax in figure.axes if ax.get_xlabel() == "shift right (px)")
    assert panel.get_ylabel() == "one\nshift down (px)"
    assert panel.yaxis_inverted()


def test_surfaces_without_pictures_are_drawn_too(make_spatial):
    figure = slices({"one": make_spatial(5, pixels=False)})
    assert not any(ax.images for ax in figure.axes)
    assert len([m for m in meshes(figure) if m.get_array().size == 45]) == 4  # of five images


def test_images_are_those_asked_for(make_spatial):
    surfaces = {"a": make_spatial(6, (3, 9, 5)), "b": make_spatial(6, (3, 9, 5), factor=9.0)}
    wanted = PlotOptions(images=(57, 17))  # the last and the second one of the file
    titles = [ax.get_title() for ax in slices(surfaces, options=wanted).axes if ax.get_title()]
    assert titles == ["image 57", "image 17"]
    (panel,) = spectra(surfaces, options=wanted).axes
    two = {name: data.isel(image=[5, 1]) for name, data in surfaces.items()}
    for line, expected in zip(panel.lines, spectra(two).axes[0].lines, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), expected.get_ydata())
    with pytest.raises(InputError, match="expected images among 7, 17, 27, 37, 47, 57, got 99"):
        slices(surfaces, options=PlotOptions(images=(99,)))


def test_spectra_are_means_over_all_images(make_spatial):
    surfaces = {n: make_spatial(6, (3, 9, 5), factor=f) for n, f in (("a", 1.0), ("b", 10.0))}
    figure = spectra(surfaces)
    (panel,) = figure.axes
    assert panel.get_yscale() == "log"
    for line, data in zip(panel.lines, surfaces.values(), strict=True):
        power = spectrum(data.loss.sel(rotation=0, shift_y=0), "shift_x").mean("image")
        np.testing.assert_allclose(line.get_xdata(), power.frequency[1:])
        np.testing.assert_allclose(line.get_ydata(), power[1:])
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b"]
    assert "cycles/px" in panel.get_xlabel()


def test_one_image_has_a_spectrum_without_a_band(make_spatial):
    (panel,) = spectra({"one": make_spatial(1, (1, 9, 1))}).axes
    assert np.isfinite(panel.lines[0].get_ydata()).all()


def test_what_is_not_of_the_same_images_or_too_short_is_refused(make_spatial):
    one = make_spatial(2)
    with pytest.raises(InputError, match="b has other values of image than a"):
        slices({"a": one, "b": make_spatial(3)})
    with pytest.raises(InputError, match="b has other values of rotation than a"):
        spectra({"a": one, "b": make_spatial(2, (7, 5, 3))})
    with pytest.raises(InputError, match="4 or more values of a shift, the surfaces have 3"):
        spectra({"a": make_spatial(2, (9, 3, 3))})


def test_they_are_written_with_the_facts_of_both(make_spatial, tmp_path):
    written = write_together(
        {r"a $\bad$": make_spatial(2), "b": make_spatial(2, factor=2.0)},  # no formula
        stem=tmp_path / "two",
        formats=("png",),
    )
    assert [path.name for path in written] == ["two-slices.png", "two-spectra.png"]
    assert all(path.stat().st_size > 5000 for path in written)


def test_what_cannot_be_drawn_is_named_and_the_rest_is(make_spatial, tmp_path):
    surfaces = {"a": make_spatial(2, (9, 3, 3))}
    with pytest.warns(UserWarning, match="'spectra' is left out: a spectrum needs 4 or more"):
        written = write_together(surfaces, stem=tmp_path / "x", formats=("svg",))
    assert written == [tmp_path / "x-slices.svg"]
    assert written[0].exists()
    with pytest.raises(InputError, match="a spectrum needs 4 or more"):
        write_together(surfaces, stem=tmp_path / "x", names=("spectra",))
