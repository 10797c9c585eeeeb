"""Random views of photographs, against torchvision and the formula of Krizhevsky et al."""

import numpy as np
import torch
from PIL import Image
from torch.testing import assert_close
from torchvision.transforms import v2

from landscape.data.pixels import Pictures
from landscape.data.views import EIGENVALUES, EIGENVECTORS, random_view
from landscape.rng import generator


def picture(width=300, height=260):
    coarse = torch.randint(0, 256, (7, 9, 3), generator=generator(0), dtype=torch.uint8)
    return Image.fromarray(coarse.numpy()).resize((width, height))


def seen(view):
    pixels, light = view
    return Pictures(pixels[None], light[None]).images(torch.device("cpu"))[0]


def test_a_view_is_torchvisions_crop_and_jitter_then_light():
    theirs = v2.Compose(
        [v2.RandomResizedCrop(224), v2.ColorJitter(0.1, 0.1, 0.1), v2.PILToTensor()]
    )
    for seed in range(5):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            expected = theirs(picture())
        pixels, light = random_view(picture(), seed)
        assert torch.equal(pixels, expected)
        lit = (expected.double() / 255 + light.double()[:, None, None]).clamp(0, 1)
        assert_close(seen((pixels, light)), lit.float(), atol=2e-7, rtol=0)


def test_light_has_the_covariance_of_the_colours():
    """Cov = V diag(0.05 l)^2 V^T, and nothing but the seed decides."""
    black = Image.new("RGB", (8, 8))
    light = torch.stack([random_view(black, seed)[1] for seed in range(1000)]).numpy()
    vectors = EIGENVECTORS.numpy()
    expected = vectors @ np.diag((0.05 * EIGENVALUES.numpy()) ** 2) @ vectors.T
    np.testing.assert_allclose(np.cov(light.T), expected, rtol=0.15)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-3)
    assert abs(light.mean(axis=0)).max() < 4 * np.sqrt(expected.diagonal().max() / 1000)


def test_crops_have_every_size_from_a_twelfth_of_the_picture_to_all_of_it():
    """In a picture of two slopes, the differences within a view tell how much it shows."""
    x, y = np.meshgrid(np.arange(256), np.arange(256))
    slopes = Image.fromarray(np.stack([x, y, 0 * x], axis=2).astype(np.uint8))
    areas = []
    for seed in range(300):
        red, green, _ = random_view(slopes, seed)[0].double()
        width, height = np.ptp(red.mean(dim=0).numpy()), np.ptp(green.mean(dim=1).numpy())
        areas.append(width * height / 255**2)
    assert 0.05 < min(areas) < 0.12
    assert max(areas) > 0.8
    assert 0.4 < np.mean(areas) < 0.6  # uniform in area, but for the largest that do not fit


def test_small_and_oblong_pictures_fill_the_view():
    for size in ((3, 200), (500, 4), (1, 1)):
        assert seen(random_view(picture(*size), 0)).shape == (3, 224, 224)


def test_values_are_clamped_and_not_rounded():
    pixels = torch.tensor([0, 100, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    light = torch.tensor([[-0.01, 0.001, 0.01]])
    lit = Pictures(pixels, light).images(torch.device("cpu"))
    assert_close(lit.flatten(), torch.tensor([0, 100 / 255 + 0.001, 1]))
