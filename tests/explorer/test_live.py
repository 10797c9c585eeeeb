"""What a checkpoint says in the page is what the network says."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import landscape
from landscape.errors import InputError
from landscape.explorer.live import STEPS, WAYS, Live
from landscape.explorer.live_page import LivePage
from landscape.explorer.sources import Source, Sources
from landscape.explorer.spatial_page import SpatialPage
from landscape.models import ModelSpec, build_model, load_checkpoint, save_checkpoint
from landscape.spatial import rotate_shift

AXES = ("rotation", "shift_x", "shift_y")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two networks, a.pt and b.pt, and the surface of the first one on three images, s.h5."""
    run = tmp_path_factory.mktemp("live")
    torch.set_num_threads(1)
    spec = ModelSpec("cnn", classes=10, channels=1)
    for seed, name in enumerate("ab"):
        model = build_model(spec, generator=landscape.generator(seed))
        save_checkpoint(run / f"{name}.pt", model, spec, configuration={}, provenance={})
    pixels = torch.randint(0, 256, (3, 1, 8, 8), generator=landscape.generator(0))
    landscape.spatial_surface(
        load_checkpoint(run / "a.pt").model,
        pixels / 255,
        torch.tensor([3, 1, 7]),
        rotation=[-20, 0, 20],
        shift_x=[-1, 0, 1],
        shift_y=[0.0, 1.0],
        out=run / "s.h5",
    )
    return run


@pytest.fixture(scope="module")
def live(run):
    return Live([run / "b.pt", run / "a.pt"])


def test_probabilities_are_those_of_the_network(run, live):
    source, at = Source("s", run / "s.h5"), (20.0, -1.0, 1.0)
    cube = source.cube(2)
    said = live.say(source, cube, at)
    image = torch.from_numpy(cube["pixels"].values).float()[None] / 255
    with torch.no_grad():
        logits = load_checkpoint(run / "a.pt").model(rotate_shift(image, torch.tensor(at)))[0]
    expected = logits.double().softmax(0).sort(descending=True)
    assert said.classes == tuple(expected.indices[:5].tolist())
    assert_allclose(said.probabilities, expected.values[:5], rtol=1e-5)
    point = cube.sel(dict(zip(AXES, at, strict=True)))
    assert_allclose(said.loss, float(point["loss"]), rtol=1e-4)
    assert_allclose(said.loss, -np.log(float(logits.double().softmax(0)[7])), rtol=1e-5)


def test_a_checkpoint_of_other_weights_is_refused_in_a_sentence(run):
    source = Source("s", run / "s.h5")
    live = Live([run / "b.pt"])
    sentence = live.refusal(source)
    assert sentence.startswith("s names weights ")
    assert "b.pt" in sentence
    with pytest.raises(InputError, match="s names weights"):
        live.say(source, source.cube(0), (0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="s names weights"):
        live.climb(source, source.cube(0))
    page = LivePage(SpatialPage(Sources([run / "s.h5"]), live))
    assert sentence in str(page.say(0, 0, 0, 0, "", None, "s"))
    with pytest.raises(InputError, match="s names weights"):
        page.attack(1, 0, "", "s")


def test_the_attack_climbs_from_every_start_within_the_grid(run, live):
    source = Source("s", run / "s.h5")
    found = live.climb(source, source.cube(1), steps=20)
    assert len(found.ways) == len(found.best) == WAYS
    for way, best in zip(found.ways, found.best, strict=True):
        assert way.shape == (21, 3)
        assert (np.abs(way) <= np.array([20, 1, 1]) + 1e-5).all()
        start, end = (live.say(source, source.cube(1), way[place].tolist()) for place in (0, -1))
        assert best >= max(start.loss, end.loss) - 1e-4
    again = live.climb(source, source.cube(1), steps=20)
    assert_allclose(again.ways, found.ways)


def test_the_page_tells_how_far_the_attack_came(run, live):
    page = LivePage(SpatialPage(Sources([run / "s.h5"]), live))
    (kept,) = page.attack(1, 2, "", "s")
    assert kept["image"] == 2
    assert np.shape(kept["ways"]["s"]) == (WAYS, STEPS + 1, 3)
    assert kept["told"].endswith(f"of {WAYS} reach 90% of the highest loss")
    (columns,) = page.say(2, 2, 0, 1, "", None, "s")
    assert "live loss" in str(columns)
    assert "fill" in str(columns)
