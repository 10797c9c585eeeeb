"""Means with their errors, and what of values a logarithm shows; on plain numbers and arrays."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

DECADES = 6.0  # the most a logarithmic scale shows; losses of exactly 0 are common
NORMAL = 1.959964
"""Standard deviations about the mean of a normal distribution, within which 95 % of it lie."""


@dataclass(frozen=True)
class Mean:
    """A mean over examples and its standard error, sqrt(sample variance / n)."""

    value: float
    standard_error: float
    count: int


@dataclass
class RunningMean:
    """Mean and variance of values that arrive in ragged batches, each value weighing the same.

    Batches are merged by the pairwise update of Chan, Golub & LeVeque (1979), which does not
    subtract large sums from each other. Values that are inf or nan make the mean what numpy's mean
    of all values would be, and the standard error nan.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared deviations from the mean

    def add(self, values: Float[np.ndarray, " n"]) -> None:
        """Take in one batch of values."""
        n = len(values)
        if n == 0:
            return
        values = values.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # inf and nan are data
            batch_mean = float(values.mean())
            batch_squares = float(np.square(values - batch_mean).sum())
            delta = batch_mean - self.mean
            total = self.count + n
            self.squares += batch_squares + delta * delta * self.count * n / total
            # Between infinities there is no difference to move by, but there is a sum.
            self.mean += delta * n / total if math.isfinite(delta) else batch_mean
        self.count = total

    def result(self) -> Mean:
        """The mean so far; the standard error of fewer than two values is nan."""
        if self.count == 0:
            return Mean(math.nan, math.nan, 0)
        variance = self.squares / (self.count - 1) if self.count > 1 else math.nan
        return Mean(self.mean, math.sqrt(variance / self.count), self.count)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    p, z, z2 = successes / trials, NORMAL, NORMAL * NORMAL
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = z / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def lowest_logarithmic(positive: Float[np.ndarray, " n"]) -> float:
    """Where a logarithmic scale of positive values begins: at most `DECADES` below the largest."""
    return max(float(positive.min()), float(positive.max()) * 10**-DECADES)


def null_unless_finite(value: Any) -> Any:
    """The same nested values with null for numbers that are not finite: JSON has no word for these.

    Args:
        value: JSON values otherwise.
    """
    if isinstance(value, Mapping):
        return {name: null_unless_finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [null_unless_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
