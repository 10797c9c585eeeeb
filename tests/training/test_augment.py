import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.spatial import SpatialLimits, rotate_shift
from landscape.training import Augment

EVERYTHING = Augment(flip=True, crop=2, pose=SpatialLimits(rotation=20.0, shift_x=2.0, shift_y=1.0))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.rand(7, 3, 9, 11, generator=generator(1)) + 0.01


def test_the_default_changes_nothing(images):
    assert Augment()(images, generator=generator()) is images


def test_a_flip_is_the_image_or_its_mirror_image_and_both_occur(images):
    flipped = Augment(flip=True)(images, generator=generator())
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(flipped, images, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(flipped, images, strict=True)]
    assert [a != b for a, b in zip(mirrored, kept, strict=True)] == [True] * len(images)
    assert any(mirrored)
    assert any(kept)


def test_the_same_flip_twice_is_the_identity(images):
    flip = Augment(flip=True)
    twice = flip(flip(images, generator=generator()), generator=generator())
    assert torch.equal(twice, images)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(0, 2**31))
def test_a_crop_shifts_by_whole_pixels_and_fills_with_black(padding, seed):
    images = torch.rand(5, 2, 8, 6, generator=generator(seed)) + 0.01
    cropped = Augment(crop=padding)(images, generator=generator(seed))
    shifts = [
        (dx, dy) for dx in range(-padding, padding + 1) for dy in range(-padding, padding + 1)
    ]
    for before, after in zip(images, cropped, strict=True):
        candidates = [shifted_pixel_by_pixel(before, dx, dy) for dx, dy in shifts]
        assert sum(torch.equal(after, candidate) for candidate in candidates) == 1


def shifted_pixel_by_pixel(image, dx, dy):
    moved = torch.zeros_like(image)
    _, height, width = image.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y - dy < height and 0 <= x - dx < width:
                moved[:, y, x] = image[:, y - dy, x - dx]
    return moved


def test_every_place_of_a_crop_is_equally_likely():
    dot = torch.zeros(4500, 1, 5, 5)
    dot[:, :, 2, 2] = 1
    places = Augment(crop=1)(dot, generator=generator()).mean(dim=(0, 1))[1:4, 1:4]
    assert_close(places, torch.full((3, 3), 1 / 9), atol=0.02, rtol=0)


def test_a_pose_is_drawn_for_each_image_within_the_limits(images):
    limits = SpatialLimits(rotation=20.0, shift_x=2.0, shift_y=1.0)
    posed = Augment(pose=limits)(images, generator=generator())
    poses = limits.draw(images, 1, generator=generator())[:, 0]
    assert poses.abs().amax(dim=0).le(torch.tensor([20.0, 2.0, 1.0])).all()
    assert len(poses.unique(dim=0)) == len(images)
    assert_close(posed, rotate_shift(images, poses))


def test_the_generator_decides_and_the_images_given_stay_as_they_are(images):
    before = images.clone()
    once, again = (EVERYTHING(images, generator=generator(3)) for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, EVERYTHING(images, generator=generator(4)))
    assert torch.equal(images, before)
    assert once.shape == images.shape


def test_the_global_generator_has_no_part(images):
    state = torch.get_rng_state()
    EVERYTHING(images, generator=generator())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_negative_crop_is_refused():
    with pytest.raises(InputError, match="got -1"):
        Augment(crop=-1)
