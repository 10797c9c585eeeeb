"""Weight space: mean loss, and more, along a curve from one network to another."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from landscape.directions import Directions
from landscape.directions.curve import Curve
from landscape.engine import Compute, Sample, bn_between
from landscape.processes import ALONE, Group
from landscape.store import Axis
from landscape.surfaces.weights import Measured, WeightSurface
from landscape.typing import Inputs, Targets


class CurveSurface(WeightSurface):
    """A Bezier curve between two networks, or the straight line, over t from 0 to 1.

    The directions that its file keeps are the control points after the first, as displacements from
    the network where the curve starts; the curve lies in what they span.
    """

    kind, title = "curve", "curve"

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        targets: Targets,
        *,
        curve: Curve,
        axis: Axis,
        measured: Measured | None = None,
        compute: Compute,
        identity: Mapping[str, Any],
        others: Mapping[str, Sample] | None = None,
        group: Group = ALONE,
    ) -> None:
        """Copy the model, put it where the curve starts, and describe the file.

        Args:
            model: of the architecture of both networks; its weights do not matter.
            inputs: (N, ...), the data the loss is a mean over.
            targets: (N, ...).
            curve: see `landscape.training.curve.connect`, or `landscape.directions.curve.straight`.
            axis: values of t.
            measured: the cross-entropy by default, with the statistics of BatchNorm measured anew
                at every point, if there are any: those of either end fit no other network.
            compute: where and how the network runs.
            identity: what names model and data in the file; JSON values.
            others: further data by name, see `WeightSurface`.
            group: processes that compute it together.

        Raises:
            InputError: the model is of another architecture.
        """
        start, self._curve = curve.network(model, 0.0), curve
        super().__init__(
            start,
            inputs,
            targets,
            axes=(axis,),
            directions=_directions(curve),
            measured=measured or Measured(bn=bn_between(start)),
            compute=compute,
            identity=identity,
            others=others,
            group=group,
        )

    def coefficients(self, point: Sequence[float]) -> list[float]:
        """The multiples of the displacements of the control points at t."""
        (t,) = point
        return [float(c) for c in self._curve.coefficients(t)]


def _directions(curve: Curve) -> Directions:
    *bends, end = curve.directions()
    named = {f"bend{k}": step for k, step in enumerate(bends, 1)} | {"end": end}
    words = {name: f"towards control point {k}" for k, name in enumerate(named, 1)}
    return Directions(
        named,
        {"directions": "curve", "bends": len(bends)},
        labels=words | {"end": "towards the other network"},
        reach={name: (0.0, 1.0) for name in named},
        facts={"history": list(curve.history)},
        connects=True,
    )
