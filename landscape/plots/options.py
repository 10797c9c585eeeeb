"""What a user can choose about a plot."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlotOptions:
    """What a user can choose about a plot.

    Attributes:
        images: indices, in the data set, of the images that a spatial plot shows; None for the
            first ones of the file.
    """

    images: tuple[int, ...] | None = None
