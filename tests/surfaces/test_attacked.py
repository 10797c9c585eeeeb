"""Weight surfaces of data under attack, against a plain loop."""

import copy
import json
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import landscape
from landscape.attacks import FGSM, PGD
from landscape.engine import Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.store import facts
from landscape.surfaces import adversary
from landscape.weights import normalize, weights_of

STEPS = [-0.5, 0.0, 0.7]
ATTACK = FGSM(eps=0.1)


def surface(network, images, labels, **options):
    grid = {"alpha": STEPS, "beta": STEPS, "seed": 3}
    return landscape.weight_surface(network, images, labels, **(grid | options))


def moved(network, a, b):
    """The network with its weights at one point."""
    twin, weights = copy.deepcopy(network).eval(), weights_of(network)
    with torch.no_grad():
        for axis, step in (("alpha", a), ("beta", b)):
            draws = generator(3, "direction", axis)
            raw = {n: torch.randn(w.shape, generator=draws) for n, w in weights.items()}
            for name, direction in normalize(raw, weights).items():
                twin.get_parameter(name).add_(direction, alpha=step)
    return twin


def fgsm_by_hand(model, images, labels):
    x = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(x), labels, reduction="sum"), x)
    return (images + 0.1 * gradient.sign()).clamp(0, 1)


@pytest.mark.parametrize("together", [500, 3])
@pytest.mark.parametrize("at", ["center", "point"])
def test_it_is_a_plain_loop_over_attacked_images(
    network, images, labels, at, together, monkeypatch
):
    monkeypatch.setattr(adversary, "TOGETHER", together)
    data = surface(network, images, labels, attack=ATTACK, attack_at=at)
    centre = fgsm_by_hand(copy.deepcopy(network).eval(), images, labels)
    for a, b in product(STEPS, STEPS):
        model = moved(network, a, b)
        shown = fgsm_by_hand(model, images, labels) if at == "point" else centre
        with torch.no_grad():
            logits = model(shown)
        found = data.sel(alpha=a, beta=b)
        loss = F.cross_entropy(logits.double(), labels).item()
        assert float(found.loss) == pytest.approx(loss, abs=2e-4)
        accuracy = (logits.argmax(dim=1) == labels).double().mean().item()
        assert float(found.accuracy) == pytest.approx(accuracy, abs=1e-9)
    checks = {check["name"]: check for check in facts(data)["checks"]}
    assert {"centre", "recomputed", "float64"} <= checks.keys()
    assert all(check["passed"] is not False for check in checks.values())


def test_at_the_centre_both_are_the_same_and_attacks_anew_hurt_more_elsewhere(
    network, images, labels
):
    attack = PGD(eps=0.1, step=0.03, steps=5)
    clean = surface(network, images, labels)
    once = surface(network, images, labels, attack=attack)
    anew = surface(network, images, labels, attack=attack, attack_at="point")
    here = {"alpha": 0.0, "beta": 0.0}
    assert float(once.loss.sel(here)) == pytest.approx(float(anew.loss.sel(here)), abs=1e-5)
    assert float(once.loss.sel(here)) > float(clean.loss.sel(here))
    assert float(anew.loss.mean()) > float(once.loss.mean())


def test_the_file_says_how_and_is_not_continued_otherwise(network, images, labels, tmp_path):
    out = tmp_path / "w.h5"
    data = surface(network, images, labels, attack="fgsm:eps=0.1", out=out)
    known = json.loads(data.attrs["configuration"])
    assert known["attack"]["name"] == "fgsm"
    assert known["attack"]["eps"] == 0.1
    assert (known["attack_at"], known["attack_seed"]) == ("center", 3)
    again = surface(network, images, labels, attack="fgsm:eps=0.1", out=out)
    np.testing.assert_array_equal(again.loss, data.loss)
    with pytest.raises(InputError, match="attack_at is 'center' in the file, 'point' was asked"):
        surface(network, images, labels, attack="fgsm:eps=0.1", attack_at="point", out=out)
    with pytest.raises(InputError, match="attack is"):
        surface(network, images, labels, out=out)


def test_the_model_stays_as_it_was(network, images, labels, untouched):
    for at in ("center", "point"):
        with untouched(network):
            surface(network, images, labels, attack=ATTACK, attack_at=at)


def test_statistics_may_be_measured_anew(network, images, labels):
    data = surface(network, images, labels, attack=ATTACK, attack_at="point", bn="recompute")
    assert np.isfinite(data.loss).all()


def test_recomputing_takes_the_network_at_the_point(network, images, labels):
    runner = Network(moved(network, 0.7, -0.5))
    expected = ATTACK(runner, images, labels, generator=generator(3, "attack"))
    data = surface(network, images, labels, attack=ATTACK, attack_at="point")
    value = float(data.loss.sel(alpha=0.7, beta=-0.5))
    assert value == pytest.approx(expected.loss.mean().item(), abs=2e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"attack": "fgsn"}, "unknown attack 'fgsn'"),
        ({"attack": "fgsm", "attack_at": "edge"}, "unknown place of an attack 'edge'"),
    ],
)
def test_what_is_not_known_is_refused(network, images, labels, wrong, message):
    with pytest.raises(InputError, match=message):
        surface(network, images, labels, **wrong)
