"""The course of a training: which images each step sees, and how they are read."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from landscape.data import ImageSet, Pictures, Wanted, default_workers, prepare_views, reading
from landscape.errors import InputError
from landscape.processes import Group
from landscape.rng import derived_seed, generator
from landscape.training.config import TrainConfig
from landscape.training.distributed import share as own_share
from landscape.typing import Images


def pieces(count: int, size: int) -> list[slice]:
    """Consecutive pieces of so many images; the last one takes what is left.

    A rest of one joins the piece before it: BatchNorm cannot learn from a single image.
    """
    whole, rest = divmod(count, size)
    ends = [*range(size, size * (whole + (rest > 1)), size), count]
    return [slice(i * size, end) for i, end in enumerate(ends)]


class Course:
    """Every step's images, a function of seed and step.

    Attributes:
        accumulate: parts in which a process computes its share of a batch.
        epochs: of the whole training.
        images_per_epoch: every image once.
        steps_per_epoch: likewise; all processes of a group take them together.
    """

    def __init__(self, data: ImageSet, config: TrainConfig, *, seed: int, group: Group) -> None:
        """Read nothing yet.

        Raises:
            InputError: the batch is too small for the group, or the images have no random views.
        """
        _refuse_small_batch(config, group)
        if config.augment.photograph:
            prepare_views(data.name, data.pixels)
        self._data, self._seed, self._group = data, seed, group
        self._size, self._views = config.batch_size, config.augment.photograph
        self.accumulate = config.accumulate
        self.epochs, self.images_per_epoch = config.epochs, len(data)
        self.steps_per_epoch = len(pieces(len(data), self._size))
        self._ahead: Iterator[Pictures] | None = None

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.epochs * self.steps_per_epoch

    @property
    def full_batch(self) -> int:
        """Images in nearly every step, those of all processes."""
        return self._size if self.steps_per_epoch > 1 else self.images_per_epoch

    @property
    def full_part(self) -> int:
        """Images in nearly every part of this process' share, the last of each aside."""
        share = -(-self.full_batch // self._group.size)
        return max(min(2, self.full_batch), -(-share // self.accumulate))

    def parts(self, count: int) -> list[slice]:
        """Which of the `count` images of a share are computed together."""
        return pieces(count, self.full_part)

    def batches(self, epoch: int) -> list[Tensor]:
        """Positions of the images of each step of an epoch, in a random order."""
        draw = generator(self._seed, "order", epoch)
        order = torch.randperm(self.images_per_epoch, generator=draw)
        return [order[piece] for piece in pieces(len(order), self._size)]

    def share(self, positions: Tensor) -> tuple[Tensor, float]:
        """The part of a batch that this process sees, and the weight of its mean gradient.

        DDP takes the mean over the processes; so weighted, that is the gradient of the mean loss of
        the whole batch. Who has no part runs two images for nothing, as the others wait for it.
        """
        share = own_share(positions, self._group)
        weight = self._group.size * len(share) / len(positions)
        return (share, weight) if weight else (positions[:2], 0.0)

    @contextmanager
    def reading_ahead(self, step: int, workers: int | None) -> Iterator[None]:
        """Within the block images on disk are read, by other processes, before they are used.

        Args:
            step: the first one; `images` is then called for it and all that follow, in turn.
            workers: how many processes; None: a core each, at most 8. The images do not depend on
                it.
        """
        pixels = self._data.pixels
        if isinstance(pixels, Tensor):
            yield
            return
        workers = default_workers(self.images_per_epoch) if workers is None else workers
        share, wanted = -(-self.full_batch // self._group.size), self._wanted_from(step)
        try:
            with reading(pixels, wanted, workers=workers, batch=share) as self._ahead:
                yield
        finally:
            self._ahead = None

    def images(self, positions: Tensor, step: int, device: torch.device) -> Images:
        """The images of a step's share, on the device."""
        if self._ahead is not None:
            return next(self._ahead).images(device)
        pixels = self._data.pixels
        if isinstance(pixels, Tensor):
            return self._data.images(positions).to(device)
        with reading(pixels, [self._wanted(positions, step)], workers=0, batch=1) as pictures:
            return next(pictures).images(device)

    def _wanted_from(self, first: int) -> Iterator[Wanted]:
        """What this process reads for every step from `first` on."""
        for epoch in range(first // self.steps_per_epoch, self.epochs):
            start = epoch * self.steps_per_epoch
            for step, positions in enumerate(self.batches(epoch), start):
                if step >= first:
                    yield self._wanted(self.share(positions)[0], step)

    def _wanted(self, positions: Tensor, step: int) -> Wanted:
        """Images as a step sees them: a view is named after step and image alone."""
        if not self._views:
            return Wanted(positions)
        places = positions.tolist()
        return Wanted(
            positions, tuple(derived_seed(self._seed, "view", step, place) for place in places)
        )


def _refuse_small_batch(config: TrainConfig, group: Group) -> None:
    sharing = {"processes": group.size, "parts (accumulate)": config.accumulate}
    least = 2 * group.size * config.accumulate
    if least > max(2, config.batch_size):
        names = [f"{count} {name}" for name, count in sharing.items() if count > 1]
        raise InputError(
            f"expected a batch of at least 2 images for each of {' x '.join(names)}, which share "
            f"it; got batch_size={config.batch_size}, give {least} or more"
        )
