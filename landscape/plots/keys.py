"""What tells the colours, lines and marks of a figure: colour bars, and keys below the panels."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, Locator, NullLocator

from landscape.plots.prepare import not_finite
from landscape.plots.scales import Scale, number
from landscape.plots.style import LOSS_COLOURS, NOT_FINITE, NOT_FINITE_COLOURS

LEAST = 2  # numbers of a colour bar, however short it is


class RoundLevels(Locator):
    """The levels of a scale, as many of them as have room once the figure is laid out."""

    def __init__(self, scale: Scale, *, level: bool) -> None:
        """Of which scale, and whether its axis is level, so that long numbers take much of it."""
        self.scale, self.level = scale, level

    def __call__(self) -> list[float]:
        """Where the ticks are."""
        assert self.axis is not None  # set by the axis whose ticks these are
        room: int = self.axis.get_tick_space()  # for two lines, or three letters, a number
        longest = max(_letters(number(value)) for value in self.scale.levels)
        room = math.floor(3 * room / (0.65 * longest + 1) if self.level else 2 * room / 1.6)
        return self.scale.ticks(max(LEAST, room))


def _letters(text: str) -> int:
    """About how many letters a number is long in print."""
    return 8 if "times" in text else 4 if "$" in text else len(text)


def colour_bar(
    figure: Figure, axes: Sequence[Axes], scale: Scale, label: str, *, below: bool = False
) -> Colorbar:
    """The key to the colours of a scale, pointed where values lie outside it.

    Args:
        figure: that has the panels.
        axes: the panels that share it.
        scale: of their values.
        label: what the values are.
        below: whether it lies below the panels; it stands to their right unless asked.
    """
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    bar = figure.colorbar(
        ScalarMappable(scale.norm(), LOSS_COLOURS),
        ax=list(axes),
        location="bottom" if below else "right",
        extend=extend[scale.below, scale.clipped],
        label=label,
        pad=0.02,
        aspect=40 if below else 30,
    )
    bar.long_axis.set_minor_locator(NullLocator())
    bar.set_ticks(RoundLevels(scale, level=below))
    bar.long_axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    bar.outline.set_linewidth(0.4)
    return bar


def not_finite_handles(values: Float[np.ndarray, "..."], of: str = "loss") -> list[Patch]:
    """Entries of a key for the hatches that `values` need, whose name is `of`."""
    return [
        Patch(hatch=NOT_FINITE[name], linewidth=0, label=f"{of} is {name}", **NOT_FINITE_COLOURS)
        for name in not_finite(values)
    ]


def key_below(figure: Figure, handles: Sequence[Artist] | None = None, *, across: int = 2) -> None:
    """The key to lines and marks, below the panels; the figure grows by its height.

    Args:
        figure: that is laid out when it is drawn.
        handles: of the entries, those that have a label in any panel unless given. Without an
            entry there is no key.
        across: entries in a row; fewer where the figure is too narrow for them.
    """
    if handles is None:
        handles = [h for ax in figure.axes for h in ax.get_legend_handles_labels()[0]]
    if not handles:
        return
    for columns in range(across, 0, -1):
        legend = figure.legend(handles=handles, loc="outside lower center", ncols=columns)
        box = legend.get_window_extent()
        if box.width <= figure.bbox.width or columns == 1:
            figure.set_figheight(figure.get_figheight() + box.height / figure.dpi)
            return
        legend.remove()
