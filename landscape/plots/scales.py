"""Which range of values a plot shows, on a linear or a logarithmic scale, and its round levels."""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import MaxNLocator

from landscape.numerics import lowest_logarithmic
from landscape.plots.venues import current_look

LOG_FROM = 100.0  # a ratio of largest to smallest above this asks for a logarithmic scale
SPIKE = 3.0  # values this many times above the bulk (99 %) flatten the rest of a 3-D surface
COARSER = (2, 4, 5, 10, 20)  # every second level, every fourth
PER_DECADE = ((2.7, (1, 2, 3, 5)), (4.0, (1, 2, 5)), (math.inf, (1, 3)))  # up to so many decades


@dataclass(frozen=True)
class Scale:
    """A range of values, how it is spaced, and whether measured values lie outside it.

    Attributes:
        low: the smallest value shown.
        high: the largest value shown.
        log: whether equal ratios, not equal differences, are equally far apart.
        levels: round numbers in ascending order from `low` or below to `high` or above.
        below: some values are smaller than `low`.
        largest: the largest finite value; above `high` where a spike is cut off.
    """

    low: float
    high: float
    log: bool
    levels: tuple[float, ...]
    below: bool
    largest: float

    @property
    def clipped(self) -> bool:
        """Whether a spike is cut off."""
        return self.largest > self.high

    def position(self, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Where values stand on an evenly spaced axis, brought into the range; inf and nan stay."""
        values = np.where(np.isfinite(values), np.clip(values, self.low, self.high), values)
        with np.errstate(invalid="ignore"):  # -inf is data
            return np.asarray(np.log10(values) if self.log else values)

    @property
    def ends(self) -> tuple[float, float]:
        """The positions of `low` and `high`."""
        low, high = self.position(np.array([self.low, self.high])).tolist()
        return low, high

    def ticks(self, most: int) -> list[float]:
        """The levels in the range, or the rounder ones among them where there are too many.

        Of a logarithmic scale these are powers of ten if there are three of them.

        Args:
            most: how many there may be.
        """
        inside = [level for level in self.levels if self.low <= level <= self.high]
        if len(inside) <= most:
            return inside
        if self.log:
            powers = [level for level in inside if math.log10(level) % 1 < 1e-9]
            several = powers if len(powers) > 2 else inside
            return several[:: math.ceil(len(several) / most)]
        step = self.levels[1] - self.levels[0]
        for every in COARSER:
            rounder = [level for level in inside if round(level / step) % every == 0]
            if len(rounder) <= most:
                return rounder or inside[:1]
        return inside[:most]

    def norm(self) -> Normalize:
        """Matplotlib's map from values to the unit interval."""
        return (LogNorm if self.log else Normalize)(self.low, self.high)


def scale_of(
    values: Float[np.ndarray, "..."],
    *,
    log: bool | None = None,
    cut_spikes: bool = False,
    losses: bool = True,
) -> Scale:
    """The scale on which these values are legible.

    It is logarithmic where all values are non-negative and the positive ones span a ratio of more
    than `LOG_FROM`, or where it is asked for, here or by the look of the figure. It then begins at
    the `lowest_logarithmic` value.

    Args:
        values: of any shape; those that are not finite are left out.
        log: logarithmic or not, whatever the range; only positive values can be logarithmic.
        cut_spikes: leave values out of a linear scale that are more than `SPIKE` times as far
            above the smallest as the 99th percentile is.
        losses: whether these are losses, of whose spacing the look of the figure decides.
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        finite = np.array([0.0, 1.0])
    low, high = float(finite.min()), float(finite.max())
    positive = finite[finite > 0]
    if log is None:
        wide = positive.size > 0 and high / float(positive.min()) > LOG_FROM
        wanted = current_look().log if losses else None
        log = low >= 0 and positive.size > 0 and (wide if wanted is None else wanted)
    if log:
        low = lowest_logarithmic(positive)
        if high <= (1 + 1e-9) * low:  # a constant still needs a range
            low, high = low / 1.1, high * 1.1
        return Scale(low, high, True, _log_levels(low, high), bool((finite < low).any()), high)
    largest = high
    reach = SPIKE * (float(np.quantile(finite, 0.99)) - low)
    if cut_spikes and high - low > reach > 0:
        high = float(finite[finite <= low + reach].max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = 0.05 * abs(high) or 0.5
        low, high, largest = low - half, high + half, high + half
    return Scale(low, high, False, _linear_levels(low, high), False, largest)


def can_be_logarithmic(values: Float[np.ndarray, "..."]) -> bool:
    """Whether a logarithmic scale shows all of these values, zeros apart."""
    finite = values[np.isfinite(values)]
    return not (finite < 0).any() and len(np.unique(finite[finite > 0])) > 1


def clipped_scale(values: Float[np.ndarray, "..."], quantile: float) -> Scale:
    """The linear scale of the smallest values, up to a quantile of those that are finite.

    Args:
        values: of any shape.
        quantile: the share of the finite values that are shown as they are; larger ones are cut
            off.
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        return scale_of(values, log=False)
    kept = finite[finite <= np.quantile(finite, quantile)]
    scale, largest = scale_of(kept, log=False), float(finite.max())
    return scale if len(kept) == len(finite) else replace(scale, largest=largest)


def _linear_levels(low: float, high: float) -> tuple[float, ...]:
    ticks = MaxNLocator(nbins=11, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return tuple(float(tick) for tick in ticks)


def _log_levels(low: float, high: float) -> tuple[float, ...]:
    span = math.log10(high / low)
    if span < 1:  # a decade has few round numbers of its own
        return tuple(level if level > 0 else low for level in _linear_levels(low, high))
    digits = next(digits for most, digits in PER_DECADE if span <= most)
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    levels = np.array([digit * 10.0**decade for decade in decades for digit in digits])
    first = np.searchsorted(levels, low, side="right") - 1
    last = np.searchsorted(levels, high, side="left")
    return tuple(float(level) for level in levels[first : last + 1])


def number(value: float) -> str:
    """A number as a reader writes it: at most three digits, powers of ten where it is far from 1.

    The text is for matplotlib, which sets what stands between dollar signs as a formula.
    """
    if not math.isfinite(value):
        return str(value)
    rounded = float(f"{value:.3g}") + 0.0  # of -0, 0
    if rounded == 0 or 1e-3 <= abs(rounded) < 1e5:
        text = f"{rounded:.3g}" if abs(rounded) < 1000 else f"{value:.0f}"
        return text.replace("-", "\N{MINUS SIGN}")
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    factor = {"1": "", "-1": "-"}.get(mantissa, rf"{mantissa}\times")
    return rf"${factor}10^{{{int(exponent)}}}$"
