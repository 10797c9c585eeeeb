"""What the page of weight surfaces shows is what the files hold."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from landscape.explorer import marks
from landscape.explorer.sources import Sources
from landscape.explorer.state import CUTS, from_query
from landscape.explorer.weight_page import WeightPage
from landscape.plots.scales import clipped_scale, scale_of
from landscape.store import load_surface

NOWHERE = ("", None)  # what is held, and the version


@pytest.fixture(scope="module")
def page(folder):
    names = ("plane", "steep", "line", "volume", "s")
    return WeightPage(Sources([folder / f"{name}.h5" for name in names]))


def asked(beside=(), mode="beside", frame=0, field="loss", scale="auto", percent=95, plane=CUTS[0]):
    return (list(beside), mode, frame, field, scale, percent, plane)


def of_type(figure, kind):
    return [trace for trace in figure.data if trace.type == kind]


@pytest.mark.parametrize("field", ["loss", "accuracy", "train_loss", "loss_stderr"])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_surface_and_contours_are_the_field(page, folder, field, scale):
    above, below, look, _, note = page.draw(
        *asked(["plane"], field=field, scale=scale), *NOWHERE, 2, 3, 0, "plane", []
    )
    values = load_surface(folder / "plane.h5")[field].transpose("beta", "alpha").values
    log = scale == "log" and field != "loss_stderr"  # a constant has no logarithmic scale
    expected = np.log10(values) if log else values
    (surface,), (heat,) = of_type(above, "surface"), of_type(below, "heatmap")
    assert_allclose(surface.z, expected)
    assert_allclose(heat.z, expected)
    assert look == "figures one"
    assert bool(note) == (scale == "log" and not log)


def test_the_cursor_is_at_the_sliders_in_both_views(page, folder):
    stored = load_surface(folder / "plane.h5")
    above, below, *_ = page.draw(*asked(["plane"], scale="linear"), *NOWHERE, 2, 5, 0, "plane", [])
    x, y = float(stored.alpha[2]), float(stored.beta[5])
    pole, ball = above.data[0], above.data[1]
    assert (ball.x[0], ball.y[0], ball.z[0]) == (x, y, float(stored.loss[2, 5]))
    assert (pole.x[0], pole.y[0]) == (x, y)
    assert [(t.x[0], t.y[0]) for t in below.data[:2]] == [(x, y)] * 2
    up, down = page.move(7, 0, 0, *asked(["plane"], scale="linear"), "plane")
    steps = {tuple(s["location"]): s["params"]["value"] for s in up.to_plotly_json()["operations"]}
    assert steps["data", 1, "x"] == [float(stored.alpha[7])]
    assert steps["data", 1, "z"] == [float(stored.loss[7, 0])]
    steps = {
        tuple(s["location"]): s["params"]["value"] for s in down.to_plotly_json()["operations"]
    }
    assert steps["data", 0, "y"] == steps["data", 1, "y"] == [float(stored.beta[0])]


def test_several_surfaces_share_one_scale(page, folder):
    both = [load_surface(folder / f"{n}.h5")["loss"].values for n in ("plane", "steep")]
    scale = scale_of(np.stack(both), log=False)
    above, below, look, *_ = page.draw(
        *asked(["steep", "plane"], scale="linear"), *NOWHERE, 0, 0, 0, "plane", []
    )
    assert look == "figures stacked"
    for figure in (above, below):
        axis = figure.layout.coloraxis
        assert (axis.cmin, axis.cmax) == scale.ends
    assert [trace.scene for trace in of_type(above, "surface")] == ["scene", "scene2"]
    for heat, values in zip(of_type(below, "heatmap"), both, strict=True):
        assert_allclose(heat.z, values.T)
    titles = [note.text for note in below.layout.annotations]
    assert titles == ["plane", "steep"]  # in the order of the files
    assert above.data[3].name == "cursor"  # three traces of each panel come first


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12, 40])
@pytest.mark.parametrize("gap", [0.035, 0.05, 0.06, 0.09, 0.12])
def test_panels_share_the_width_and_stay_within_it(count, gap):
    places = np.array(marks.domains(count, gap))
    assert_allclose(np.diff(places, axis=1), places[0, 1])
    gaps = places[1:, 0] - places[:-1, 1]
    assert_allclose(gaps, min(gap, 0.6 / count))
    assert places[0, 0] == 0 < places[0, 1]
    assert (places <= 1).all()
    assert_allclose(places[-1, 1], 1)


def test_in_turn_every_surface_is_on_the_scale_of_all(page):
    ends = set()
    for frame, label in enumerate(("plane", "steep")):
        _, below, *_ = page.draw(*asked([], "sequence", frame), *NOWHERE, 0, 0, 0, "plane", [])
        (heat,) = of_type(below, "heatmap")
        assert heat.z.max() <= below.layout.coloraxis.cmax
        ends.add((below.layout.coloraxis.cmin, below.layout.coloraxis.cmax))
        view = page.shown((0, 0, 0), asked([], "sequence", frame), "plane")
        assert list(view.parts) == [label]
    assert len(ends) == 1


def test_axes_are_alike_where_directions_are(tmp_path, make_weights):
    wide = make_weights(tmp_path / "wide.h5", lambda a, b: a + b, reach=4)
    narrow = make_weights(tmp_path / "narrow.h5", lambda a, b: a + b)
    other = make_weights(tmp_path / "other.h5", lambda a, b: a + b, long="another {}")
    page = WeightPage(Sources([wide, narrow, other]))
    _, below, *_ = page.draw(*asked(["wide", "narrow"]), *NOWHERE, 0, 0, 0, "wide", [])
    assert below.layout.xaxis.range == below.layout.xaxis2.range == (-4, 4)
    _, below, *_ = page.draw(*asked(["wide", "other"]), *NOWHERE, 0, 0, 0, "wide", [])
    assert (below.layout.xaxis.range, below.layout.xaxis2.range) == ((-4, 4), (-1, 1))


def test_a_clipped_scale_ends_at_the_quantile(page, folder):
    above, _, _, _, note = page.draw(
        *asked(["steep"], scale="clipped", percent=70), *NOWHERE, 0, 0, 0, "steep", []
    )
    values = load_surface(folder / "steep.h5")["loss"].values
    scale = clipped_scale(values, 0.7)
    assert scale.high <= np.quantile(values, 0.7) < scale.largest == values.max()
    (surface,) = of_type(above, "surface")
    assert_allclose(surface.z, np.clip(values, None, scale.high).T)
    assert_array_equal(surface.customdata[..., 0], values.T)  # the pointer tells what was measured
    assert note.startswith("cut off at")


@pytest.mark.parametrize("plane", CUTS)
@pytest.mark.parametrize("alpha", [1, 2])
def test_contours_of_a_volume_are_the_cut_at_the_cursor(page, folder, plane, alpha):
    stored = load_surface(folder / "volume.h5")["loss"]
    at = {"alpha": alpha, "beta": 2, "gamma": 2}
    above, below, *_ = page.draw(
        *asked(["volume"], scale="linear", plane=plane), *NOWHERE, *at.values(), "volume", []
    )
    x, y = plane.split("-")
    (held,) = set(at) - {x, y}
    (heat,) = of_type(below, "heatmap")
    assert_allclose(heat.z, stored.isel({held: at[held]}).transpose(y, x))
    (shells,) = of_type(above, "isosurface")
    assert_allclose(shells.value, stored.values.ravel())
    assert below.data[0].x[0] == float(stored[x][at[x]])
    marked = [trace for trace in below.data if trace.name == "trained weights"]
    assert len(marked) == (float(stored[held][at[held]]) == 0)


def test_lines_carry_their_standard_errors(page, folder):
    above, below, *_ = page.draw(*asked(["line"]), *NOWHERE, 3, 0, 0, "line", [])
    stored = load_surface(folder / "line.h5")
    cursor, line = above.data[0], above.data[1]
    assert_array_equal(cursor.x, [float(stored.alpha[3])] * 2)
    assert_allclose(line.y, stored.loss)
    assert_allclose(line.error_y.array, stored.loss_stderr)
    assert_allclose(below.data[1].y, stored.accuracy)


def test_a_path_lies_on_the_surface(tmp_path, make_weights):
    way = np.array([[-1.0, -1.0], [0.25, 0.5], [1.0, 0.0]])
    path = make_weights(tmp_path / "p.h5", lambda a, b: 2 + a + 3 * b, path_of=way)
    page = WeightPage(Sources([path]))
    above, below, *_ = page.draw(*asked(["p"], scale="linear"), *NOWHERE, 0, 0, 0, "p", [])
    (line,) = [t for t in above.data if t.name == "path"]
    lift = 0.01 * 8  # of the range of values
    assert_allclose(line.z, 2 + np.asarray(line.x) + 3 * np.asarray(line.y) + lift, atol=1e-9)
    (flat,) = [t for t in below.data if t.name == "path"]
    assert_allclose(np.stack([flat.x, flat.y], axis=1), way)


def test_the_table_holds_what_was_measured_at_the_cursor(page, folder):
    stored = load_surface(folder / "plane.h5").isel(alpha=1, beta=2)
    told = str(page.values(1, 2, 0, *asked(["plane", "steep"]), None, "plane"))
    assert f"{float(stored.loss):.4g} ± 0.1" in told
    assert f"{float(stored.accuracy):.2%}" in told
    assert "steep" in told


def test_the_query_reproduces_the_page(page):
    controls = asked(["plane", "steep"], "sequence", "1", "accuracy", "clipped", "70")
    view = from_query(page.describe("2", "3", "0", *controls, "plane", []))
    assert (view.file, view.beside) == ("plane", ("plane", "steep"))
    assert (view.mode, view.frame, view.field) == ("sequence", 1, "accuracy")
    assert (view.scale, view.quantile) == ("clipped", 0.7)
    assert_allclose(view.at, (-0.5, 0.0))
    volume = from_query(page.describe(1, 2, 2, *asked(["volume"], plane=CUTS[2]), "volume", []))
    assert (volume.plane, len(volume.at)) == (CUTS[2], 3)


def test_an_unfinished_surface_shows_what_is_there(tmp_path, make_weights):
    path = make_weights(tmp_path / "u.h5", lambda a, b: 1 + a**2 + b**2, points=30)
    page = WeightPage(Sources([path]))
    _, below, *_ = page.draw(*asked(["u"]), *NOWHERE, 0, 0, 0, "u", [])
    (heat,) = of_type(below, "heatmap")
    assert np.isfinite(heat.z).all()
    assert 1 < heat.z.size <= 30
