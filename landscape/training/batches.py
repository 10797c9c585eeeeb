"""The images of a data set as batches that can be gone through again and again."""

from collections.abc import Iterator

import torch

from landscape.data import ImageSet
from landscape.processes import ALONE
from landscape.rng import generator
from landscape.training.augment import Augment
from landscape.training.config import TrainConfig
from landscape.training.course import Course
from landscape.typing import Images, Labels

CPU = torch.device("cpu")
PLAIN = Augment()


class ImageBatches:
    """Batches of a data set, in a new order and augmented anew every time they are gone through.

    They are those that `train` would see with the same seed. Images on disk are read when they are
    used.
    """

    def __init__(self, data: ImageSet, size: int, *, augment: Augment = PLAIN, seed: int) -> None:
        """Read nothing yet.

        Args:
            data: labelled images.
            size: images in a batch; the last one takes what is left.
            augment: random changes of every image.
            seed: of order and augmentation.
        """
        config = TrainConfig(epochs=1, batch_size=size, augment=augment)
        self._course = Course(data, config, seed=seed, group=ALONE)
        self._data, self._augment, self._seed = data, augment, seed
        self._epoch = 0

    def __len__(self) -> int:
        return self._course.steps_per_epoch

    def __iter__(self) -> Iterator[tuple[Images, Labels]]:
        epoch, self._epoch = self._epoch, self._epoch + 1
        for step, positions in enumerate(self._course.batches(epoch), epoch * len(self)):
            images = self._course.images(positions, step, CPU)
            draw = generator(self._seed, "augment", step, *ALONE.purpose)
            yield self._augment(images, generator=draw), self._data.labels[positions]
