"""Trade-offs as figures, on made-up accuracies."""

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection

from landscape.errors import InputError
from landscape.plots import PlotOptions, plots_for, write_plots
from landscape.plots.tradeoff import figure, means


def tradeoff(networks=2, seeds=3, epochs=4, attacks=2):
    """Clean accuracy rises and falls with the epochs; attack k leaves a k-th of it."""
    rng = np.random.default_rng(0)
    clean = 0.4 + 0.3 * np.sin(np.linspace(0, 2.2, epochs)) + 0.05 * rng.random((seeds, epochs))
    clean = np.stack([clean + 0.02 * number for number in range(networks)])
    accuracy = np.stack([clean / (1 + attack) for attack in range(attacks + 1)], axis=-1)
    dims = ("network", "seed", "epoch")
    return xr.Dataset(
        {
            "accuracy": ((*dims, "attack"), accuracy, {"units": "1", "long_name": "accuracy"}),
            "done": (dims, np.ones(clean.shape, "int8")),
        },
        coords={
            "network": range(networks),
            "seed": range(seeds),
            "epoch": range(1, epochs + 1),
            "attack": range(attacks + 1),
        },
        attrs={
            "kind": "tradeoff",
            "title": "accuracy of networks on noise",
            "complete": 1,
            "items": "[]",
            "networks": json.dumps({f"n{i}": f"Network {i}" for i in range(networks)}),
            "attack_names": json.dumps(["natural", *(f"attack {i}" for i in range(attacks))]),
            "configuration": "{}",
            "provenance": "{}",
            "checks": "[]",
        },
    )


def test_means_are_those_over_seeds_with_their_standard_errors():
    data = tradeoff()
    found = means(data, 2)
    assert list(found) == ["Network 0", "Network 1"]
    values = data.accuracy.values
    for number, (clean, attacked, error) in enumerate(found.values()):
        np.testing.assert_allclose(clean, values[number, :, :, 0].mean(axis=0))
        np.testing.assert_allclose(attacked, values[number, :, :, 2].mean(axis=0))
        expected = values[number, :, :, 2].std(axis=0, ddof=1) / 3**0.5
        np.testing.assert_allclose(error, expected)


def test_epochs_that_a_seed_lacks_are_left_out_of_the_mean_and_their_dots_are_drawn():
    data = tradeoff(networks=1)
    data.done[0, 2, 1] = 0
    ((clean, attacked, _),) = means(data, 1).values()
    assert len(clean) == len(attacked) == 3
    panel = figure(data, PlotOptions()).axes[0]
    dots, line = panel.lines
    assert np.isfinite(dots.get_xdata()).sum() == 11
    np.testing.assert_allclose(line.get_xdata(), 100 * clean)


def test_a_dot_for_every_epoch_a_line_for_the_mean_a_band_for_its_error():
    data = tradeoff()
    fig = figure(data, PlotOptions())
    panels = [ax for ax in fig.axes if ax.get_visible()]
    assert [ax.get_title() for ax in panels] == ["attack 0", "attack 1"]
    for attack, ax in enumerate(panels, 1):
        dots, line = ax.lines[0], ax.lines[1]
        every = 100 * data.accuracy[0, ..., attack].values.ravel()
        np.testing.assert_allclose(dots.get_ydata(), every)
        clean, attacked, error = means(data, attack)["Network 0"]
        np.testing.assert_allclose(line.get_ydata(), 100 * attacked)
        band = next(c for c in ax.collections if isinstance(c, PolyCollection))
        corners = band.get_paths()[0].vertices[:4]
        low, high = 100 * (attacked - error), 100 * (attacked + error)
        expected = [(clean[0] * 100, low[0]), (clean[1] * 100, low[1])]
        expected += [(clean[1] * 100, high[1]), (clean[0] * 100, high[0])]
        np.testing.assert_allclose(corners, expected)
    colours = {line.get_color() for line in panels[0].lines}
    assert len(colours) == 2
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Network 0", "Network 1"]


@pytest.mark.parametrize(("networks", "attacks"), [(1, 1), (4, 5), (6, 3)])
def test_any_number_of_networks_and_attacks_fits(networks, attacks, tmp_path):
    data = tradeoff(networks, seeds=1, attacks=attacks)
    assert plots_for(data) == ["tradeoff"]
    (file,) = write_plots(data, stem=tmp_path / "t", formats=("png",))
    assert file.stat().st_size > 5000


def test_a_single_seed_has_no_band():
    panel = figure(tradeoff(seeds=1), PlotOptions()).axes[0]
    assert all(not c.get_paths() for c in panel.collections)


def test_nothing_computed_is_nothing_to_draw():
    data = tradeoff()
    data["done"] *= 0
    with pytest.raises(InputError, match="trade-off with computed points, got none"):
        figure(data, PlotOptions())


def test_attacks_and_networks_are_taken_by_their_place():
    """A stranger's file may number them as it likes."""
    data = tradeoff()
    other = data.assign_coords(network=[7, 3], attack=[0, 9, 5])
    for mine, theirs in zip(means(data, 2).values(), means(other, 2).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert len(figure(other, PlotOptions()).axes) == 2


def test_a_trade_off_without_an_attack_is_refused():
    with pytest.raises(InputError, match="an attack besides"):
        figure(tradeoff(attacks=0), PlotOptions())
