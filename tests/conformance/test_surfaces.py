"""What every kind of surface promises to the sweep."""

import copy

import numpy as np
import pytest
import torch

from landscape.attacks import PGD, RandomPose
from landscape.directions import Around, make_directions
from landscape.directions.curve import straight
from landscape.engine import Compute
from landscape.spatial import Warp
from landscape.surfaces import SURFACES, Surface, grid_axis, pose_axes
from landscape.weights import weights_of


def make_spatial(network, images, labels):
    axes = pose_axes(height=8, width=8, rotation=[-20.0, 0.0, 20.0])
    return SURFACES["spatial"](
        network,
        images,
        labels,
        axes=axes,
        warp=Warp(),
        compute=Compute(),
        identity={"model": "small"},
    )


def make_weights(network, images, labels):
    axes = tuple(grid_axis(name, [-1.0, 0.0, 0.5], "1", name) for name in ("alpha", "beta"))
    directions = make_directions(None, Around(weights_of(network)), ["alpha", "beta"])
    return SURFACES["weights"](
        network,
        images,
        labels,
        axes=axes,
        directions=directions,
        compute=Compute(),
        identity={"model": "small"},
    )


def make_tradeoff(network, images, labels):
    def load(name, seed, epoch):
        model = copy.deepcopy(network)
        with torch.no_grad():
            model[-1].weight.mul_(1 + seed + epoch + (name == "other"))
        return model

    return SURFACES["tradeoff"](
        load,
        images,
        labels,
        networks={"one": "One", "other": "Other"},
        seeds=[0, 3],
        epochs=[1, 2, 5],
        attacks={"pgd": PGD(steps=2), "poses": RandomPose(3)},
        seed=0,
        compute=Compute(),
        identity={"model": "small"},
    )


def make_curve(network, images, labels):
    other = copy.deepcopy(network)
    with torch.no_grad():
        other[-1].weight.mul_(-1)
    return SURFACES["curve"](
        network,
        images,
        labels,
        curve=straight(network, other, bends=1),
        axis=grid_axis("t", [0.0, 0.4, 1.0], "1", "place"),
        compute=Compute(),
        identity={"model": "small"},
    )


MAKERS = {
    "spatial": make_spatial,
    "weights": make_weights,
    "tradeoff": make_tradeoff,
    "curve": make_curve,
}


@pytest.fixture(params=SURFACES)
def surface(request, network, images, labels):
    return MAKERS[request.param](network, images, labels)


def test_every_kind_is_made_here():
    assert MAKERS.keys() == SURFACES.keys()


def test_its_layout_says_what_it_is(surface):
    assert isinstance(surface, Surface)
    assert SURFACES[surface.layout.kind] is type(surface)
    assert "of small" in surface.layout.about["title"]


def test_points_do_not_depend_on_their_company_or_order(surface):
    points = surface.layout.coordinates(np.arange(np.prod(surface.layout.grid_shape)))
    together = surface.evaluate(points)
    backwards = surface.evaluate(points[::-1])
    for field in surface.layout.fields:
        values = together[field.name]
        own = tuple(len(axis) for axis in field.own)
        assert values.shape == (len(points), *surface.layout.item_shape, *own)
        alone = np.concatenate([surface.evaluate(point[None])[field.name] for point in points])
        np.testing.assert_allclose(values, alone, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(values, backwards[field.name][::-1], rtol=1e-5, atol=1e-6)
