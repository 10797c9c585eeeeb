"""Numbers to stand beside ours: accuracy in percent by data set, recipe and attack."""

from collections.abc import Mapping

Table = Mapping[str, Mapping[str, float]]

# Engstrom et al. 2019, PyTorch release, README: ResNet-18, 110 epochs, 30 degrees and 24 pixels.
IMAGENET: Table = {
    "standard": {"natural": 71.3, "random": 60.6, "worst-of-10": 39.9, "grid": 20.9},
    "nocrop": {"natural": 65.4, "random": 54.1, "worst-of-10": 30.5, "grid": 11.8},
    "random-30": {"natural": 68.9, "random": 68.0, "worst-of-10": 54.6, "grid": 38.1},
    "random-40": {"natural": 68.3, "random": 67.7, "worst-of-10": 54.9, "grid": 38.8},
    "worst10-30": {"natural": 69.1, "random": 68.0, "worst-of-10": 59.4, "grid": 48.1},
    "worst10-40": {"natural": 68.6, "random": 67.2, "worst-of-10": 59.3, "grid": 48.4},
}

# Slides of Engstrom et al.: 93 % natural, 3 % and 71 % under attack, 82 % with a vote of 10.
CIFAR10: Table = {
    "standard": {"natural": 93.0, "grid": 3.0},
    "worst10-40": {"grid": 71.0, "grid, vote of 10": 82.0},
}

PUBLISHED: Mapping[str, Table] = {"imagefolder": IMAGENET, "cifar10": CIFAR10}
"""What the sources at hand print; of MNIST they print nothing but that attacks succeed."""
