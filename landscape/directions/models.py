"""From one trained network to others: lines and planes through several minima."""

from collections.abc import Sequence

from landscape.directions.base import Around, Drawn
from landscape.errors import InputError
from landscape.weights import difference, norm

REACH = (-0.5, 1.5)  # half their distance past both networks


def models(around: Around, axes: Sequence[str]) -> Drawn:
    """The differences of other networks from the one at the centre: each lies at coordinate one.

    Source: Goodfellow, Vinyals, Saxe 2015; planes through three networks, Garipov et al. 2018.

    Raises:
        InputError: there are not as many others as axes, or one is the same as the centre.
    """
    others = around.checkpoints
    if len(others) != len(axes):
        raise InputError(
            f"expected {len(axes)} other networks, one for each of {', '.join(axes)}, "
            f"got {len(others)}; a line goes to one, a plane through two"
        )
    steps = {name: difference(other, around.weights) for name, other in others.items()}
    for name, step in steps.items():
        if not norm(step):
            raise InputError(f"{name} has the weights of the network at the centre; give another")
    labels, reach = [f"towards {name}" for name in others], [REACH] * len(axes)
    return Drawn(list(steps.values()), labels, {}, steps, reach)
