"""The plain twin of a weight surface: weights set by name, one loop over the data."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import xarray as xr
from torch import Tensor, nn

from landscape.engine import WeightPoints
from landscape.losses import Loss
from landscape.surfaces.checks import (
    LIMITS,
    SAMPLE,
    Check,
    Compared,
    deviation,
    exact_twin,
    few,
    float64_error,
    nonfinite_share,
    plain_losses,
    plain_twin,
    repeatable,
    sample_points,
)
from landscape.typing import Inputs, PerExample, Targets, Weights
from landscape.weights import cosine, norm, weights_of

Coefficients = Callable[[Sequence[float]], list[float]]
"""From the coordinates of a point to multiples of the directions."""


class Twin:
    """A model moved by name, without any of the engine's preparations."""

    def __init__(
        self,
        model: nn.Module,
        vectors: Mapping[str, Weights],
        points: WeightPoints,
        targets: Targets,
        loss: Loss,
    ) -> None:
        """Copy the model.

        Args:
            model: at the centre.
            vectors: the directions.
            points: the same by the engine, for what is shown at a point, and to be compared.
            targets: (N, ...).
            loss: of outputs and targets.
        """
        self._model, self._vectors, self._points = plain_twin(model), vectors, points
        self._targets, self._loss = targets, loss

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all parameters by name, in order."""
        return {name: tuple(weight.shape) for name, weight in weights_of(self._model).items()}

    def state(
        self, coefficients: Sequence[float], of: nn.Module | None = None
    ) -> dict[str, Tensor]:
        """The weights at a point, and the statistics that were measured at the engine's last one.

        Args:
            coefficients: multiples of the directions.
            of: whose type and device they get; the model by default.
        """
        weights = weights_of(of or self._model)
        moved = {name: _moved(w, name, self._vectors, coefficients) for name, w in weights.items()}
        like = next(iter(weights.values()))
        measured = self._points.statistics()
        return moved | {
            name: b.to(like.device, like.dtype if b.is_floating_point() else None)
            for name, b in measured.items()
        }

    def checks(self, data: xr.Dataset, coefficients: Coefficients) -> list[Check]:
        """Compare a stored surface with a plain loop, and describe its directions."""
        centre = [0.0] * len(self._vectors)
        inputs = self._points.inputs_at(centre).cpu()
        plain, again = (self._losses(centre, inputs) for _ in range(2))
        precision = self._points.precision
        return [
            Check(
                "centre",
                "difference between the loss at the centre and the model's plain loss",
                deviation(self._at_centre(data, centre), float(plain.mean())),
                LIMITS[precision],
            ),
            Check(
                "recomputed",
                f"largest difference at {SAMPLE} random points recomputed by a plain loop",
                max(self._recomputed(point, data, coefficients) for point in _sampled(data)),
                LIMITS[precision],
            ),
            float64_error(precision, self._against_float64(data, coefficients)),
            repeatable(plain, again),
            nonfinite_share(data.loss, data.done),
            *self._facts(),
        ]

    def _at_centre(self, data: xr.Dataset, centre: Sequence[float]) -> float:
        """As it is stored, or measured now where the grid does not hold it."""
        place = {dim: 0.0 for dim in data.loss.dims}
        if all(0.0 in data[dim].values for dim in place) and int(data.done.sel(place)) == 1:
            return float(data.loss.sel(place))
        return self._points.measure(centre)["loss"].value

    def _recomputed(
        self, point: xr.DataArray, data: xr.Dataset, coefficients: Coefficients
    ) -> float:
        place = coefficients(_place(point, data))
        inputs = self._points.inputs_at(place)
        return deviation(point.values, float(self._losses(place, inputs).mean()))

    def _against_float64(self, data: xr.Dataset, coefficients: Coefficients) -> Iterator[Compared]:
        """Mean losses of the first examples at random points, by the engine and in float64."""
        twin = exact_twin(self._model)
        for point in _sampled(data):
            place = coefficients(_place(point, data))
            inputs, targets = few(self._points.inputs_at(place), self._targets)
            exact = plain_losses(twin, inputs, targets, self.state(place, twin), self._loss)
            yield float(self._points.losses(place, inputs).mean()), float(exact.mean())

    def _losses(self, place: Sequence[float], inputs: Inputs) -> PerExample:
        return plain_losses(self._model, inputs, self._targets, self.state(place), self._loss)

    def _facts(self) -> list[Check]:
        scale = norm(weights_of(self._model))
        facts = [
            Check(
                f"norm {axis}",
                f"norm of the direction {axis} relative to that of the weights",
                norm(vector) / scale if scale else math.nan,
            )
            for axis, vector in self._vectors.items()
        ]
        for a, b in combinations(self._vectors, 2):
            angle = cosine(self._vectors[a], self._vectors[b])
            facts.append(Check(f"cosine {a} {b}", "cosine between the directions", angle))
        return facts


def _sampled(data: xr.Dataset) -> Iterator[xr.DataArray]:
    return sample_points(data.loss, data.done)


def _place(point: xr.DataArray, data: xr.Dataset) -> list[float]:
    return [float(point[dim]) for dim in data.loss.dims]


def _moved(
    weight: Tensor, name: str, vectors: Mapping[str, Weights], coefficients: Sequence[float]
) -> Tensor:
    steps = zip(coefficients, vectors.values(), strict=True)
    return weight + sum(c * vector[name].to(weight) for c, vector in steps)
