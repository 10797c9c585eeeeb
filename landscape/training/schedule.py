"""Learning rate schedules: a factor as a function of how much of the training is done."""

import math
from dataclasses import dataclass
from itertools import pairwise

from landscape.errors import InputError


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from 1 to 0 (Loshchilov & Hutter 2017, SGDR, without restarts).

    Attributes:
        warmup: share of the training, in [0, 1), over which the factor first rises linearly from
            0 to 1; the cosine takes the rest.
    """

    warmup: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise InputError(f"warmup is a share of the training in [0, 1), got {self.warmup}")

    def __call__(self, done: float) -> float:
        """The factor when the share `done`, in [0, 1], of all steps has been taken."""
        if done < self.warmup:
            return done / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (done - self.warmup) / (1 - self.warmup)))


@dataclass(frozen=True)
class Step:
    """The factor falls to `factor` times itself at each milestone.

    Attributes:
        milestones: rising shares of the training, in (0, 1); the default is that of He et al. 2016
            (sec. 4.2: 32k and 48k of 64k steps).
        factor: what one milestone multiplies by.
    """

    milestones: tuple[float, ...] = (0.5, 0.75)
    factor: float = 0.1

    def __post_init__(self) -> None:
        rising = (0.0, *self.milestones, 1.0)
        if not all(a < b for a, b in pairwise(rising)):
            raise InputError(
                "milestones are rising shares of the training between 0 and 1, "
                f"got {self.milestones}"
            )
        if not 0 < self.factor < 1:
            raise InputError(f"the factor of a step schedule lies in (0, 1), got {self.factor}")

    def __call__(self, done: float) -> float:
        """The factor when the share `done`, in [0, 1], of all steps has been taken."""
        return self.factor ** sum(done >= milestone for milestone in self.milestones)


Schedule = Cosine | Step
