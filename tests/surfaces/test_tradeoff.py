"""Clean and attacked accuracy over networks, seeds and epochs, against plain loops."""

import copy
import json

import numpy as np
import pytest
import torch

import landscape
from landscape.attacks import PGD
from landscape.engine import Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.store import facts

ATTACKS = {"PGD 0.1": PGD(eps=0.1, step=0.05, steps=3), "worst of 3": "random:k=3"}
GRID = {"networks": {"a": "First", "b": "Second"}, "seeds": [0, 1], "epochs": [1, 2, 4]}


@pytest.fixture
def load(network):
    """Networks that differ by name, seed and epoch; `load.seen` tells which were asked for."""

    def loaded(name, seed, epoch):
        loaded.seen.append((name, seed, epoch))
        model = copy.deepcopy(network)
        with torch.no_grad():
            shift = torch.randn(16, generator=generator(seed, name)) * epoch
            model[-1].weight[0] += shift
        return model

    loaded.seen = []
    return loaded


def test_every_point_is_what_its_network_makes_of_the_images(load, images, labels):
    found = landscape.tradeoff(load, images, labels, attacks=ATTACKS, seed=3, **GRID)
    assert found.accuracy.dims == ("network", "seed", "epoch", "attack")
    assert found.accuracy.shape == (2, 2, 3, 3)
    assert json.loads(found.attrs["attack_names"]) == ["natural", *ATTACKS]
    for i, name in enumerate(GRID["networks"]):
        for seed in GRID["seeds"]:
            for epoch in GRID["epochs"]:
                model = load(name, seed, epoch).eval()
                with torch.no_grad():
                    logits = model(images)
                point = found.sel(network=i, seed=seed, epoch=epoch)
                right = (logits.argmax(dim=1) == labels).double().mean()
                assert float(point.accuracy.sel(attack=0)) == pytest.approx(float(right))
                loss = torch.nn.functional.cross_entropy(logits, labels)
                assert float(point.loss.sel(attack=0)) == pytest.approx(float(loss), rel=1e-5)
                attacked = ATTACKS["PGD 0.1"](
                    Network(model), images, labels, generator=generator(3, "attack")
                )
                share = (attacked.prediction == labels).double().mean()
                assert float(point.accuracy.sel(attack=1)) == pytest.approx(float(share))
    assert (found.loss.sel(attack=1) >= found.loss.sel(attack=0) - 1e-6).all()


def test_the_same_attack_under_two_names_finds_the_same(load, images, labels):
    twice = {"one": ATTACKS["PGD 0.1"], "two": ATTACKS["PGD 0.1"]}
    found = landscape.tradeoff(load, images, labels, attacks=twice, **GRID)
    np.testing.assert_array_equal(found.accuracy.sel(attack=1), found.accuracy.sel(attack=2))


def test_it_goes_on_where_it_was_stopped(load, images, labels, tmp_path, ctrl_c):
    whole = landscape.tradeoff(load, images, labels, attacks=ATTACKS, **GRID)
    load.seen.clear()

    def stopping(name, seed, epoch):
        if len(load.seen) == 5:
            ctrl_c()
        return load(name, seed, epoch)

    out = tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        landscape.tradeoff(stopping, images, labels, attacks=ATTACKS, out=out, **GRID)
    assert int((landscape.load_surface(out).done == 1).sum()) == 6
    load.seen.clear()
    resumed = landscape.tradeoff(load, images, labels, attacks=ATTACKS, out=out, **GRID)
    assert len(load.seen) == 6 + 3  # what was missing, and the checks
    np.testing.assert_array_equal(resumed.accuracy, whole.accuracy)
    np.testing.assert_array_equal(resumed.loss, whole.loss)


def test_the_file_says_all_settings_and_its_checks(load, images, labels, tmp_path):
    out = tmp_path / "t.h5"
    landscape.tradeoff(
        load, images, labels, attacks=ATTACKS, out=out, identity={"dataset": "noise"}, **GRID
    )
    told = facts(landscape.load_surface(out))
    assert told["configuration"]["attacks"]["PGD 0.1"]["eps"] == 0.1
    assert told["configuration"]["attacks"]["worst of 3"]["k"] == 3
    assert told["configuration"]["networks"] == GRID["networks"]
    assert told["title"] == "clean and attacked accuracy of networks on noise"
    checks = {check["name"]: check for check in told["checks"]}
    assert all(check["passed"] for check in checks.values())
    assert checks["recomputed"]["value"] < 1e-5
    with pytest.raises(InputError, match="holds another surface: attack_seed is 0 in the file"):
        landscape.tradeoff(load, images, labels, attacks=ATTACKS, out=out, seed=1, **GRID)


@pytest.mark.parametrize("attacks", [{}, {"natural": "natural"}])
def test_attacks_are_needed_and_none_is_called_natural(load, images, labels, attacks):
    with pytest.raises(InputError, match="one or more attacks, none of them called 'natural'"):
        landscape.tradeoff(load, images, labels, attacks=attacks, **GRID)


def test_a_network_that_is_not_there_is_told_of(load, images, labels):
    with pytest.raises(InputError, match="the axis network needs one or more values"):
        landscape.tradeoff(load, images, labels, attacks=ATTACKS, **GRID | {"networks": {}})
