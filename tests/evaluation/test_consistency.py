"""Shift consistency against a loop over images, and networks whose answer is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape.engine import Compute
from landscape.errors import InputError
from landscape.evaluation import shift_consistency
from landscape.rng import generator

IMAGES = torch.rand(23, 1, 6, 8, generator=generator(0))


class Corner(nn.Module):
    """Says whether the top left pixel is bright."""

    def forward(self, x):
        bright = x[:, 0, 0, 0] - 0.5
        return torch.stack([bright, -bright], dim=1)


class Sums(nn.Module):
    """Sees nothing but the mean of all pixels."""

    def forward(self, x):
        mean = x.mean(dim=(1, 2, 3)) - 0.5
        return torch.stack([mean, -mean], dim=1)


def shifted(image, x, y, edges):
    if edges == "circular":
        return image.roll((y, x), dims=(1, 2))
    padded = F.pad(image, (4, 4, 4, 4))
    return padded[:, 4 - y : 4 - y + image.shape[1], 4 - x : 4 - x + image.shape[2]]


@pytest.mark.parametrize("edges", ["circular", "zeros"])
@pytest.mark.parametrize("pairs", [1, 3])
def test_it_is_what_a_loop_over_images_finds(edges, pairs):
    found = shift_consistency(
        Corner(), IMAGES, limit=3, pairs=pairs, edges=edges, generator=generator(1)
    )
    moves = torch.randint(-3, 4, (23, pairs, 2, 2), generator=generator(1)).tolist()
    agreed = []
    for image, of_pairs in zip(IMAGES, moves, strict=True):
        seen = [[shifted(image, *move, edges)[0, 0, 0] > 0.5 for move in pair] for pair in of_pairs]
        agreed.append(np.mean([bool(a) == bool(b) for a, b in seen]))
    assert found.value == pytest.approx(np.mean(agreed))
    assert found.standard_error == pytest.approx(np.std(agreed, ddof=1) / 23**0.5)
    assert found.count == 23
    assert 0 < found.value < 1


def test_what_sees_no_place_agrees_wherever_nothing_is_lost():
    assert shift_consistency(Sums(), IMAGES, limit=5, generator=generator(0)).value == 1
    assert shift_consistency(Corner(), IMAGES, limit=0, generator=generator(0)).value == 1
    lossy = shift_consistency(Sums(), IMAGES, limit=5, edges="zeros", generator=generator(0))
    assert lossy.value < 1


def test_what_is_nan_agrees_with_nothing():
    half = IMAGES.clone()
    half[:3] = torch.nan
    found = shift_consistency(Sums(), half, limit=2, pairs=2, generator=generator(0))
    assert found.value == pytest.approx(20 / 23)


def test_passes_of_any_size_find_the_same_and_the_model_stays(network, images, untouched):
    found = set()
    with untouched(network):
        for size in (1, 3, 7):
            compute = Compute(micro_batch=size)
            draws = generator(2)
            found.add(shift_consistency(network, images, limit=2, generator=draws, compute=compute))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit": 6}, r"limit from 0 to 5 pixels, got 23 images, pairs=1, limit=6"),
        ({"limit": -1}, "limit=-1"),
        ({"pairs": 0}, "pairs=0"),
        ({"edges": "circle"}, "unknown edges 'circle'; did you mean 'circular'"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        shift_consistency(Sums(), IMAGES, **{"limit": 1, "generator": generator(0)} | changes)
