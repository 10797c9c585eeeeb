import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.testing import assert_close
from torchvision import datasets, transforms

from landscape.data import ImageSet, load_dataset
from landscape.errors import InputError
from landscape.rng import generator

SIZES = {"ant/wide.png": (400, 300), "bee/tall.jpg": (227, 391), "bee/small.PNG": (40, 61)}
"""width and height"""


def picture(mode: str, size: tuple[int, int]) -> Image.Image:
    """Coarse random colour, so that JPEG does not destroy it."""
    coarse = torch.randint(0, 256, (5, 6, 3), generator=generator(0, mode), dtype=torch.uint8)
    return Image.fromarray(coarse.numpy()).resize(size).convert(mode)


def write(folder: Path) -> Path:
    for name, size in SIZES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture("RGB", size).save(path)
    return folder


@pytest.fixture
def root(tmp_path) -> Path:
    write(tmp_path / "val")
    return tmp_path


def load(root: Path, split: str = "val") -> ImageSet:
    return load_dataset("imagefolder", root=root, split=split)


def test_images_are_those_of_torchvisions_evaluation_transform(root):
    ours = load(root)
    theirs = datasets.ImageFolder(
        root / "val",
        transforms.Compose(
            [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()]
        ),
    )
    assert list(ours.classes) == theirs.classes == ["ant", "bee"]
    assert ours.labels.tolist() == theirs.targets == [0, 1, 1]
    expected = torch.stack([image for image, _ in theirs])
    assert_close(ours.images(), expected, rtol=0, atol=0)


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "1"])
def test_every_kind_of_picture_becomes_colour(tmp_path, mode):
    path = tmp_path / "val" / "ant" / ("a.tiff" if mode == "CMYK" else "a.png")
    path.parent.mkdir(parents=True)
    picture(mode, (256, 256)).save(path)
    red, green, blue = load(tmp_path).images()[0]
    assert red.shape == (224, 224)
    assert red.equal(green) == blue.equal(green) == (mode in ("L", "1"))


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.pgm"])
def test_of_16_bits_the_higher_8_count(tmp_path, name):
    path = tmp_path / "val" / "ant" / name
    path.parent.mkdir(parents=True)
    ramp = torch.arange(256).repeat(256, 1)
    Image.fromarray((256 * ramp + 255 - ramp).numpy().astype("uint16")).save(path)
    middle = ramp[16:240, 16:240] / 255
    assert_close(load(tmp_path).images()[0], middle.expand(3, 224, 224), rtol=0, atol=0)


def test_values_of_32_bits_have_no_black_and_white(tmp_path):
    for mode in ("I", "F"):
        path = tmp_path / "val" / "ant" / f"{mode}.tiff"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, (256, 256), 1000).save(path)
        with pytest.raises(InputError, match=rf"{mode}.tiff cannot be .* 8 or 16 bits, got 32"):
            load(tmp_path).images()
        path.unlink()


def test_a_part_is_still_on_disk_and_the_same(root):
    data = load(root)
    part = data.take(torch.tensor([2, 0]))
    assert_close(part.images(), data.images(torch.tensor([2, 0])), rtol=0, atol=0)
    assert (part.labels.tolist(), part.indices.tolist()) == ([1, 0], [2, 0])
    assert not isinstance(part.pixels, torch.Tensor)
    assert part.images(slice(0, 0)).shape == (0, 3, 224, 224)


def test_digest_is_of_names_sizes_and_labels(root):
    digests = {load(root).sha256}
    assert load(root).sha256 in digests
    digests.add(load(root).take(torch.tensor([2, 0])).sha256)
    (root / "val" / "bee" / "tall.jpg").rename(root / "val" / "bee" / "tail.jpg")
    digests.add(load(root).sha256)
    with (root / "val" / "ant" / "wide.png").open("ab") as file:
        file.write(b" ")
    digests.add(load(root).sha256)
    (root / "val" / "aaa").mkdir()  # every label moves up by one
    digests.add(load(root).sha256)
    assert len(digests) == 5


def test_digest_does_not_depend_on_where_the_folder_lies(root):
    before = load(root).sha256
    (root / "val").rename(root / "elsewhere")
    assert load(root, "elsewhere").sha256 == before


def test_an_empty_class_keeps_its_label(root):
    (root / "val" / "ape").mkdir()
    data = load(root)
    assert data.classes == ("ant", "ape", "bee")
    assert data.labels.tolist() == [0, 2, 2]


def test_other_files_and_hidden_folders_are_passed_over(root):
    (root / "val" / "ant" / "notes.txt").write_text("no picture")
    (root / "val" / "README.md").write_text("no class")
    (root / "val" / ".cache").mkdir()
    (root / "val" / ".cache" / "x.png").write_text("no picture")
    assert (len(load(root)), load(root).classes) == (3, ("ant", "bee"))


def test_test_means_val_where_there_is_no_test_folder(root):
    assert load(root, "test").split == "val"
    write(root / "test")
    assert load(root, "test").split == "test"


@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "text", "half"])
def test_a_damaged_image_is_named(root, content):
    path = root / "val" / "bee" / "tall.jpg"
    path.write_bytes(path.read_bytes()[:1000] if content is None else content)
    data = load(root)
    data.images(torch.tensor([0, 1]))
    with pytest.raises(InputError, match=r"tall\.jpg cannot be read as an image"):
        data.images()


def test_missing_folders_and_the_layout_are_named(root, monkeypatch):
    with pytest.raises(InputError, match=rf"no {root / 'train'} \(in {root}: val\).*<class>"):
        load(root, "train")
    with pytest.raises(InputError, match="no such folder"):
        load(root / "nowhere")
    with pytest.raises(InputError, match=r"no \S+nowhere.test and no \S+nowhere.val \(in"):
        load(root / "nowhere", "test")
    (root / "hollow" / "ant").mkdir(parents=True)
    with pytest.raises(InputError, match=r"found no image below .*hollow"):
        load(root, "hollow")
    monkeypatch.delenv("LANDSCAPE_DATA", raising=False)
    with pytest.raises(InputError, match="--data-root"):
        load_dataset("imagefolder")


def test_there_is_nothing_to_download(root):
    with pytest.raises(InputError, match="nothing to fetch"):
        load_dataset("imagefolder", root=root, download=True)


def test_some_of_imagenets_classes_are_numbered_otherwise_than_all(root, recwarn):
    classes = [f"n{i:08}" for i in range(1000)]
    for name in classes[500:503]:
        (root / "part" / name).mkdir(parents=True)
    picture("RGB", (30, 40)).save(root / "part" / classes[501] / "a.png")
    with pytest.warns(UserWarning, match=r"found 3 of .* 0 to 2 and do not match .* empty folder"):
        assert load(root, "part").labels.tolist() == [1]
    for name in classes:
        (root / "part" / name).mkdir(exist_ok=True)
    data = load(root, "part")
    assert (len(data.classes), data.labels.tolist()) == (1000, [501])
    assert not recwarn.list


def test_the_warning_is_given_once_and_only_for_names_of_imagenet(root):
    picture("RGB", (30, 40)).save(root / "val" / "ant" / "a.png")
    (root / "some" / "n01440764").mkdir(parents=True)
    (root / "val" / "ant" / "a.png").rename(root / "some" / "n01440764" / "a.png")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            load(root, "some")
    assert len(caught) == 1
    (root / "some" / "mine").mkdir()
    load(root, "some")  # a warning would be an error
