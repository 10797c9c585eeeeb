import hashlib

import pytest
import torch
from torch.testing import assert_close

from landscape.data import ImageSet
from landscape.errors import InputError
from landscape.rng import generator


def image_set(count: int = 7, classes: int = 3) -> ImageSet:
    rng = generator(0, "pixels")
    return ImageSet(
        name="made",
        split="test",
        pixels=torch.randint(0, 256, (count, 2, 4, 5), generator=rng).to(torch.uint8),
        labels=torch.arange(count) % classes,
        classes=tuple("abcdefgh"[:classes]),
        indices=torch.arange(count),
    )


def test_every_byte_is_its_255th_part():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    data = ImageSet("made", "test", every, torch.zeros(1).long(), ("a",), torch.zeros(1).long())
    expected = [value / 255 for value in range(256)]
    assert_close(data.images().flatten(), torch.tensor(expected), rtol=0, atol=0)


def test_shape_and_length():
    assert (len(image_set()), image_set().shape) == (7, (2, 4, 5))


def test_images_at_chosen_places():
    data = image_set()
    chosen = torch.tensor([5, 0, 5])
    expected = torch.stack([data.images()[5], data.images()[0], data.images()[5]])
    assert_close(data.images(chosen), expected, rtol=0, atol=0)
    assert_close(data.images(slice(5, None)), data.images()[5:], rtol=0, atol=0)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batches_are_the_whole_in_order_with_a_ragged_end(size):
    data = image_set()
    batches = list(data.batches(size))
    assert [len(y) for _, y in batches] == [min(size, 7 - i) for i in range(0, 7, size)]
    assert_close(torch.cat([x for x, _ in batches]), data.images(), rtol=0, atol=0)
    assert_close(torch.cat([y for _, y in batches]), data.labels)


def test_an_image_can_be_changed_without_changing_the_set():
    data = image_set()
    before = data.sha256
    data.images().zero_()
    assert image_set().sha256 == before
    assert data.pixels.sum() > 0


def test_digest_is_that_of_shape_pixels_and_labels():
    data = image_set()
    bytes_ = b"(7, 2, 4, 5)" + bytes(data.pixels.flatten().tolist())
    bytes_ += b"".join(label.to_bytes(8, "little") for label in data.labels.tolist())
    assert data.sha256 == hashlib.sha256(bytes_).hexdigest()


@pytest.mark.parametrize("part", ["pixels", "labels", "order"])
def test_digest_sees_every_change(part):
    data = image_set()
    other = image_set()
    if part == "pixels":
        other.pixels[6, 1, 3, 4] ^= 1
    elif part == "labels":
        other.labels[6] = 1
    else:
        other = other.take(torch.tensor([1, 0, 2, 3, 4, 5, 6]))
    assert other.sha256 != data.sha256


def test_digest_of_a_strided_tensor_is_that_of_its_content():
    data = image_set()
    backwards = data.take(torch.arange(6, -1, -1))
    there_and_back = backwards.take(torch.arange(6, -1, -1))
    strided = ImageSet(
        "made",
        "test",
        data.pixels.to(memory_format=torch.channels_last),
        data.labels.repeat_interleave(2)[::2],
        data.classes,
        data.indices,
    )
    assert there_and_back.sha256 == data.sha256 == strided.sha256 != backwards.sha256


def test_subset_is_drawn_by_its_generator_and_keeps_the_order():
    data = image_set(100)
    one, same, other = (data.subset(40, generator=generator(seed)) for seed in (1, 1, 2))
    assert one.indices.tolist() == same.indices.tolist() != other.indices.tolist()
    assert one.indices.tolist() == sorted(set(one.indices.tolist()))
    assert_close(one.images(), data.images(one.indices), rtol=0, atol=0)
    assert_close(one.labels, data.labels[one.indices])


def test_every_image_is_as_likely_to_be_drawn():
    data = image_set(10)
    counts = torch.zeros(10)
    for seed in range(400):
        counts[data.subset(5, generator=generator(seed)).indices] += 1
    assert (counts - 200).abs().max() < 50  # five standard deviations of a fair draw


def test_part_of_a_part_knows_its_place_in_the_whole():
    data = image_set(20)
    part = data.subset(10, generator=generator(0)).subset(4, generator=generator(1))
    assert_close(part.images(), data.images(part.indices), rtol=0, atol=0)


@pytest.mark.parametrize("n", [None, 7])
def test_all_of_it_is_itself(n):
    data = image_set()
    assert data.subset(n, generator=generator(0)) is data


@pytest.mark.parametrize("n", [0, -1, 8])
def test_refuses_a_part_of_impossible_size(n):
    with pytest.raises(InputError, match=rf"has 7 images; between 1 and 7 .*not {n}"):
        image_set().subset(n, generator=generator(0))


@pytest.mark.parametrize(("index", "named"), [(7, "7"), (-1, "-1")])
def test_refuses_an_index_outside(index, named):
    with pytest.raises(InputError, match=f"has 7 images.* none at {named}$"):
        image_set().take(torch.tensor([0, index]))


def test_refuses_an_empty_part():
    with pytest.raises(InputError, match="no image"):
        image_set().take(torch.tensor([], dtype=torch.int64))


def test_refuses_an_empty_batch():
    with pytest.raises(InputError, match="size=0"):
        next(image_set().batches(0))


@pytest.mark.parametrize("label", [3, -1])
def test_refuses_a_label_without_a_class(label):
    data = image_set()
    labels = data.labels.clone()
    labels[2] = label
    with pytest.raises(InputError, match="must lie in 0 to 2"):
        ImageSet("made", "test", data.pixels, labels, data.classes, data.indices)


@pytest.mark.usefixtures("unchecked_shapes")
def test_refuses_another_number_of_labels():
    data = image_set()
    with pytest.raises(InputError, match="7 images, 6 labels and 6 indices"):
        ImageSet("made", "test", data.pixels, data.labels[1:], data.classes, data.indices[1:])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("wrong", [lambda x: x / 255, lambda x: x[:, 0]], ids=["float", "3-D"])
def test_refuses_pixels_that_are_not_bytes_of_images(wrong):
    data = image_set()
    with pytest.raises(InputError, match="must be uint8"):
        ImageSet("made", "test", wrong(data.pixels), data.labels, data.classes, data.indices)
