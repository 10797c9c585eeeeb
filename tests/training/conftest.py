import pytest
import torch

from landscape.data import ImageSet
from landscape.models import ModelSpec
from landscape.training import train

DROPOUT_NETWORK = """
from torch import nn

def build(classes):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.4), nn.Linear(4 * 6 * 6, classes),
    )
"""


class SpringingPixels:
    """Pixels as if on disk, that do something when they have been read `at` times."""

    def __init__(self, pixels, spring, at):
        self.pixels, self.spring, self.left = pixels, spring, at

    @property
    def shape(self):
        return tuple(self.pixels.shape)

    @property
    def sha256(self):
        return "0"

    def __getitem__(self, indices, /):
        self.left -= 1
        if self.left == 0:
            self.spring()
        return self.pixels[indices]

    def take(self, indices):
        return SpringingPixels(self.pixels[indices], self.spring, self.left)


@pytest.fixture
def shapes():
    """`shapes(count, seed=0)`: noisy 8x8 pictures of a bar, a column or a dot.

    With `spring` and `at` the pictures call `spring()` as the step after `at` others reads them
    (one read is the check before training).
    """

    def draw(count, *, seed=0, spring=lambda: None, at=10**6):
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) % 3
        pixels = torch.randint(0, 200, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
        pixels[labels == 0, :, 3] = 230
        pixels[labels == 1, :, :, 4] = 230
        pixels[labels == 2, :, 2:4, 2:4] = 230
        springing = SpringingPixels(pixels, spring, at + 2)
        classes = ("bar", "column", "dot")
        return ImageSet("shapes", "train", springing, labels, classes, torch.arange(count))

    return draw


@pytest.fixture
def cnn():
    return ModelSpec("cnn", classes=3, channels=1)


@pytest.fixture
def dropout_network(tmp_path, monkeypatch):
    (tmp_path / "net_with_dropout.py").write_text(DROPOUT_NETWORK)
    monkeypatch.chdir(tmp_path)
    return ModelSpec("net_with_dropout:build", options={"classes": 3})


@pytest.fixture
def run(cnn, tmp_path):
    """`train` with the arguments that most tests do not care about."""

    def call(data, config, *, spec=cnn, out=tmp_path / "run", **changes):
        arguments = {
            "validation": None,
            "seed": 0,
            "device": "cpu",
            "checkpoint_every": 1,
            "progress": False,
            "overwrite": False,
            "workers": 0,  # pictures that spring do so in this process
        }
        return train(spec, data, config, out=out, **(arguments | changes))

    return call
