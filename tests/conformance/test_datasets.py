"""What every data set must do; a new one needs a line in `WRITERS`, and nothing else here."""

import hashlib
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.testing import assert_close
from torchvision import datasets

from landscape.data import DATASETS, ImageSet, load_dataset
from landscape.errors import InputError
from landscape.rng import generator

COUNTS = {"train": 11, "test": 7}
"""Images in each of the small sets that are written here in the real formats."""


def random_bytes(*shape: int, below: int = 256) -> torch.Tensor:
    return torch.randint(0, below, shape, generator=generator(0), dtype=torch.uint8)


def write_mnist(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", COUNTS["train"]), ("t10k", COUNTS["test"])):
        for kind, magic, content in (
            ("images-idx3", (0x803, count, 28, 28), random_bytes(count, 28, 28)),
            ("labels-idx1", (0x801, count), random_bytes(count, below=10)),
        ):
            header = struct.pack(f">{len(magic)}i", *magic)
            body = content.numpy().tobytes()
            (raw / f"{prefix}-{kind}-ubyte").write_bytes(header + body)


def cifar_writer(reader: type, label_key: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    """Pickles like those of the real archives; torchvision is told their digests."""

    def write(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = root / reader.base_folder
        folder.mkdir()

        def write_pickle(name: str, content: dict[str, object]) -> str:
            data = pickle.dumps(content, protocol=2)
            (folder / name).write_bytes(data)
            return hashlib.md5(data).hexdigest()

        for split, count in COUNTS.items():
            content = {
                "data": random_bytes(count, 3072).numpy(),
                label_key: random_bytes(count, below=10).tolist(),
            }
            files = [[split, write_pickle(split, content)]]
            monkeypatch.setattr(reader, f"{split}_list", files)
        meta = {**reader.meta, "filename": "meta"}
        meta["md5"] = write_pickle("meta", {meta["key"]: [f"class {i}" for i in range(10)]})
        monkeypatch.setattr(reader, "meta", meta)

    return write


def write_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split, count in COUNTS.items():
        for i in range(count):
            path = root / split / f"class {i % 3}" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random_bytes(30 + i, 40, 3).numpy()).save(path)


WRITERS = {
    "digits": lambda root, monkeypatch: None,
    "mnist": write_mnist,
    "cifar10": cifar_writer(datasets.CIFAR10, "labels"),
    "cifar100": cifar_writer(datasets.CIFAR100, "fine_labels"),
    "imagefolder": write_folder,
}


@pytest.fixture(params=DATASETS)
def load(request, tmp_path, monkeypatch) -> Callable[[str], ImageSet]:
    WRITERS[request.param](tmp_path, monkeypatch)
    return lambda split: load_dataset(request.param, root=tmp_path, split=split)


@pytest.mark.parametrize("split", COUNTS)
def test_images_and_labels(load, split):
    data = load(split)
    images = data.images(slice(0, 9))
    assert images.dtype == torch.float32
    assert images.shape == (min(9, len(data)), *data.shape)
    assert 0 <= images.min() < 0.1 < 0.9 < images.max() <= 1
    assert data.labels.dtype == torch.int64
    assert 0 <= data.labels.min() <= data.labels.max() < len(data.classes)
    assert len(set(data.classes)) == len(data.classes)
    assert data.indices.tolist() == list(range(len(data)))
    assert data.split == split


def test_name_is_that_of_the_registry(load, request):
    assert load("test").name == request.node.callspec.params["load"]


def test_splits_differ(load):
    assert load("train").sha256 != load("test").sha256


def test_reading_twice_gives_the_same(load):
    one, two = load("test"), load("test")
    assert one.sha256 == two.sha256
    assert_close(one.images(slice(0, 3)), two.images(slice(0, 3)), rtol=0, atol=0)


def test_ragged_batches_are_the_whole(load):
    data = load("test").subset(5, generator=generator(0))
    images, labels = zip(*data.batches(3), strict=True)
    assert [len(part) for part in labels] == [3, 2]
    assert_close(torch.cat(images), data.images(), rtol=0, atol=0)
    assert_close(torch.cat(labels), data.labels)


def test_the_same_seed_draws_the_same_part(load):
    data = load("train")
    one, two = (data.subset(4, generator=generator(3, "subset")) for _ in range(2))
    assert one.sha256 == two.sha256 != data.sha256
    assert_close(one.images(), data.images(one.indices), rtol=0, atol=0)


def test_unknown_split_is_refused(load):
    with pytest.raises(InputError, match="holdout"):
        load("holdout")
