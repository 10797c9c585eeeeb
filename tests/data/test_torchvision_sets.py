import gzip
import pickle
import struct
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close
from torchvision import datasets
from torchvision.datasets.utils import calculate_md5
from torchvision.transforms.functional import to_tensor

from landscape.data import load_dataset
from landscape.errors import InputError
from landscape.rng import generator

PARTS = {"train": ("train", 13), "test": ("t10k", 5)}


@pytest.fixture
def mnist(tmp_path) -> Path:
    """Random pictures in MNIST's own file format (idx)."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, (prefix, count) in PARTS.items():
        rng = generator(0, split)
        pixels = torch.randint(0, 256, (count * 28 * 28,), generator=rng).tolist()
        labels = torch.randint(0, 10, (count,), generator=rng).tolist()
        header = struct.pack(">4i", 0x803, count, 28, 28)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(header + bytes(pixels))
        header = struct.pack(">2i", 0x801, count)
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(header + bytes(labels))
    return tmp_path


@pytest.mark.parametrize("split", PARTS)
def test_mnist_is_what_torchvision_reads(mnist, split):
    ours = load_dataset("mnist", root=mnist, split=split)
    theirs = datasets.MNIST(mnist, train=split == "train", transform=to_tensor)
    assert len(ours) == len(theirs) == PARTS[split][1]
    for image, label, (their_image, their_label) in zip(
        ours.images(), ours.labels, theirs, strict=True
    ):
        assert_close(image, their_image, rtol=0, atol=0)
        assert label == their_label


@pytest.mark.parametrize(
    ("name", "reader", "label_key"),
    [("cifar10", datasets.CIFAR10, "labels"), ("cifar100", datasets.CIFAR100, "fine_labels")],
)
def test_cifar_is_what_torchvision_reads(name, reader, label_key, tmp_path, monkeypatch):
    """Random pictures in CIFAR's own file format; torchvision is told their digests."""
    folder = tmp_path / reader.base_folder
    folder.mkdir()
    pixels = torch.randint(0, 256, (5, 3072), generator=generator(0), dtype=torch.uint8).numpy()
    for file, content in (
        ("test", {"data": pixels, label_key: [3, 1, 4, 1, 5]}),
        ("meta", {reader.meta["key"]: list("abcdefghij")}),
    ):
        (folder / file).write_bytes(pickle.dumps(content, protocol=2))
    meta = {**reader.meta, "filename": "meta", "md5": calculate_md5(folder / "meta")}
    monkeypatch.setattr(reader, "meta", meta)
    monkeypatch.setattr(reader, "train_list", [])
    monkeypatch.setattr(reader, "test_list", [["test", calculate_md5(folder / "test")]])
    ours = load_dataset(name, root=tmp_path)
    theirs = reader(tmp_path, train=False, transform=to_tensor)
    assert ours.classes == tuple(theirs.classes)
    assert ours.labels.tolist() == [label for _, label in theirs]
    assert_close(ours.images(), torch.stack([image for image, _ in theirs]), rtol=0, atol=0)


def test_root_may_come_from_the_environment(mnist, monkeypatch):
    monkeypatch.setenv("LANDSCAPE_DATA", str(mnist))
    assert len(load_dataset("mnist")) == 5


def test_root_may_begin_with_the_home_folder(mnist, monkeypatch):
    monkeypatch.setenv("HOME", str(mnist.parent))
    assert len(load_dataset("mnist", root=f"~/{mnist.name}")) == 5


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
def test_without_a_root(name, monkeypatch):
    monkeypatch.delenv("LANDSCAPE_DATA", raising=False)
    with pytest.raises(InputError, match=r"--data-root .*LANDSCAPE_DATA"):
        load_dataset(name)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("mnist", "MNIST/raw"), ("cifar10", "cifar-10-batches-py"), ("cifar100", "cifar-100-python")],
)
def test_missing_data_says_where_it_was_sought_and_how_to_fetch_it(name, folder, tmp_path):
    with pytest.raises(InputError) as caught:
        load_dataset(name, root=tmp_path)
    message = str(caught.value)
    assert str(tmp_path / folder) in message
    assert "--download" in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [0, 3, 20])
@pytest.mark.parametrize("file", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_half_a_file_of_mnist(mnist, file, kept):
    path = mnist / "MNIST" / "raw" / file
    kept = min(kept, path.stat().st_size - 1)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="missing there, or damaged"):
        load_dataset("mnist", root=mnist)


@pytest.mark.usefixtures("unchecked_shapes")
def test_more_labels_than_images(mnist):
    raw = mnist / "MNIST" / "raw"
    (raw / "t10k-labels-idx1-ubyte").write_bytes((raw / "train-labels-idx1-ubyte").read_bytes())
    with pytest.raises(InputError, match="5 images, 13 labels"):
        load_dataset("mnist", root=mnist)


def test_half_a_download_of_cifar(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "test_batch").write_bytes(b"\x80\x03 half of it")
    with pytest.raises(InputError, match=r"cifar10 was sought in .*missing there, or damaged"):
        load_dataset("cifar10", root=tmp_path)


def test_a_download_that_fails(tmp_path):
    """A file where the folder should be: nothing can be written, whatever the network."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"mnist could not be fetched to .*file"):
        load_dataset("mnist", root=tmp_path / "file", download=True)


def test_download_uses_archives_that_are_already_there(mnist, monkeypatch):
    """The last step of a fetch: archives of the right digest are unpacked, nothing is requested."""
    raw = mnist / "MNIST" / "raw"
    resources = []
    for path in sorted(raw.iterdir()):
        archive = raw / f"{path.name}.gz"
        archive.write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        resources.append((archive.name, calculate_md5(archive)))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    assert len(load_dataset("mnist", root=mnist, download=True)) == 5


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
def test_unknown_split(name, tmp_path):
    with pytest.raises(InputError, match=rf"{name} has no split 'val' \(known: train, test\)"):
        load_dataset(name, root=tmp_path, split="val")


def test_unknown_name():
    with pytest.raises(InputError, match="unknown data set 'cifar11'; did you mean 'cifar10"):
        load_dataset("cifar11")
