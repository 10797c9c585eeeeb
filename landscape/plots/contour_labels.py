"""Levels written on contours, where they can be read."""

import math
import re
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.contour import ContourSet

from landscape.plots.scales import number
from landscape.plots.style import small

POINTS = 72.0  # in an inch
MARKUP = re.compile(r"\\\w+|[${}^]")  # of powers of ten, takes no room
MARK = 7.0  # points: the plus at the trained weights
WIDE, HIGH = 0.62, 1.15  # of a character and of a line, in sizes of type


@dataclass(frozen=True)
class _Box:
    """Where a label stands: middle, size (points) and angle of its line (radians)."""

    x: float
    y: float
    width: float
    height: float
    angle: float

    def meets(self, other: "_Box") -> bool:
        """Whether two labels, nearly parallel where they are close, lie on each other."""
        across, up = other.x - self.x, other.y - self.y
        along = across * math.cos(self.angle) + up * math.sin(self.angle)
        beside = up * math.cos(self.angle) - across * math.sin(self.angle)
        turned = abs(math.sin(other.angle - self.angle))
        width = self.width + other.width * (1 - turned) + other.height * turned
        height = self.height + other.height * (1 - turned) + other.width * turned
        return bool(abs(along) < width / 2 and abs(beside) < height / 2)

    def within(self, width: float, height: float) -> bool:
        """Whether it is inside a panel of so many points."""
        reach_x = abs(math.cos(self.angle)) * self.width + abs(math.sin(self.angle)) * self.height
        reach_y = abs(math.sin(self.angle)) * self.width + abs(math.cos(self.angle)) * self.height
        inside = reach_x / 2 <= self.x <= width - reach_x / 2
        return bool(inside and reach_y / 2 <= self.y <= height - reach_y / 2)


def label_contours(ax: Axes, lines: ContourSet, *, size: tuple[float, float]) -> None:
    """Write levels on their lines; fewer where they would meet each other, the frame or the centre.

    Args:
        ax: of the lines; its limits are set.
        lines: the contours.
        size: about how wide and high the panel will be, inches.
    """
    offered = ax.clabel(lines, fmt=number, fontsize=small(), inline=False)
    width, height = (POINTS * inches for inches in size)
    kept = [_box(ax, (0.0, 0.0), (MARK, MARK), 0.0, (width, height))]
    places = []
    for label in offered:
        type_size = float(label.get_fontsize())
        letters = len(MARKUP.sub("", label.get_text().replace(r"\times", " x ")))
        extent = (WIDE * type_size * letters, HIGH * type_size)
        turned = math.radians(label.get_rotation())
        box = _box(ax, label.get_position(), extent, turned, (width, height))
        if box.within(width, height) and not any(box.meets(other) for other in kept):
            kept.append(box)
            places.append(label.get_position())
    for label in offered:
        label.remove()
    lines.labelTexts = []
    if places:
        ax.clabel(lines, fmt=number, fontsize=small(), inline_spacing=2, manual=places)


def _box(
    ax: Axes,
    at: tuple[float, float],
    extent: tuple[float, float],
    angle: float,
    panel: tuple[float, float],
) -> _Box:
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x = panel[0] * (at[0] - left) / (right - left)
    y = panel[1] * (at[1] - low) / (high - low)
    return _Box(x, y, *extent, angle)
