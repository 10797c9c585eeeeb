"""Weight space: mean loss and accuracy along directions from the trained weights."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from torch import nn

from landscape.data import content_sha256
from landscape.directions import Directions
from landscape.engine import Compute, Network, WeightPoints
from landscape.provenance import provenance
from landscape.store import Axis, Field, Layout
from landscape.surfaces.adversary import Adversary, attacked_at_the_centre
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
from landscape.surfaces.inputs import title_of
from landscape.typing import Images, Labels, PerExample
from landscape.weights import cosine, flatten, norm, weights_of

FIELDS = (
    Field("loss", "float64", "nat", "mean cross-entropy"),
    Field("loss_stderr", "float64", "nat", "standard error of the mean loss"),
    Field("accuracy", "float64", "1", "share of images classified correctly"),
    Field("accuracy_stderr", "float64", "1", "standard error of the accuracy"),
)

BATCHNORM = {"frozen": "the trained statistics", "recompute": "measured anew at every point"}


class WeightSurface:
    """A line or plane through the trained weights of a model.

    Attributes:
        layout: what the file holds.
    """

    points_per_call = 1

    def __init__(
        self,
        model: nn.Module,
        images: Images,
        labels: Labels,
        *,
        axes: tuple[Axis, ...],
        directions: Directions,
        bn: str = "frozen",
        compute: Compute,
        identity: Mapping[str, Any],
        adversary: Adversary | None = None,
    ) -> None:
        """Copy the model and describe the file.

        Args:
            model: takes images and returns logits.
            images: (N, C, H, W), the data the loss is a mean over.
            labels: (N,).
            axes: one for each direction, in multiples of it.
            directions: see `landscape.directions.make_directions`.
            bn: a name in `BATCHNORM`.
            compute: where and how the network runs.
            identity: what names model and data in the file, e.g. the weights' sha256; JSON values.
            adversary: attacks the images first, or at every point.
        """
        sha256 = content_sha256(images, labels)
        self._passes = 1
        anew = None if adversary is None or adversary.at == "center" else adversary
        if anew is not None:
            self._passes += anew.attack.evaluations
        elif adversary is not None:
            images = attacked_at_the_centre(adversary, model, images, labels, compute)
        self._network = Network(model, compute)
        self._twin, self._images, self._labels = plain_twin(model), images, labels
        self._vectors, self._bn = directions.vectors, bn
        steps = [directions.vectors[axis.name] for axis in axes]
        self._points = WeightPoints(
            self._network,
            images,
            labels,
            steps,
            recompute_batchnorm=bn == "recompute",
            attack=anew,
        )
        recomputing = {"bn_batch": self._points.batch} if bn == "recompute" else {}
        self.layout = Layout(
            kind="weights",
            points=axes,
            fields=FIELDS,
            configuration={
                **identity,
                **directions.configuration,
                "data_sha256": sha256,
                "samples": len(images),
                "bn": bn,
                **recomputing,
                "precision": compute.precision,
                "loss": "cross-entropy",
                **({} if adversary is None else adversary.configuration),
            },
            about={
                "title": title_of("weight", identity),
                "provenance": provenance(device=str(self._network.device)),
            },
            directions={
                axis.name: flatten(vector).cpu().numpy()
                for axis, vector in zip(axes, steps, strict=True)
            },
        )

    def prepare(self, points: int) -> None:
        """Settle how the network runs for so many weights on all images."""
        count = len(self._images)
        self._network.expect(points * count * self._passes, unit=count)
        self._network.settle(self._images)

    def run_facts(self) -> dict[str, Any]:
        """How the network was run."""
        return self._network.facts()

    def evaluate(self, points: Float[np.ndarray, "n axes"]) -> dict[str, Float[np.ndarray, " n"]]:
        """Mean loss and accuracy with standard errors, at coefficients of the directions."""
        means = [self._points.measure(point.tolist()) for point in points]
        return {
            "loss": np.array([m["loss"].value for m in means]),
            "loss_stderr": np.array([m["loss"].standard_error for m in means]),
            "accuracy": np.array([m["accuracy"].value for m in means]),
            "accuracy_stderr": np.array([m["accuracy"].standard_error for m in means]),
        }

    def checks(self, data: xr.Dataset) -> list[Check]:
        """Compare the stored surface with a plain loop, and describe its directions."""
        images = self._points.images_at([0.0] * len(self.layout.points)).cpu()
        plain, again = (plain_losses(self._twin, images, self._labels) for _ in range(2))
        checks = [repeatable(plain, again), nonfinite_share(data.loss), *self._direction_facts()]
        if self._bn == "frozen":  # the plain loop keeps the trained statistics
            exact = float64_error(self._network.precision, self._against_float64(data))
            checks = [*self._comparisons(data, float(plain.mean())), exact, *checks]
        return checks

    def _comparisons(self, data: xr.Dataset, plain: float) -> list[Check]:
        limit = LIMITS[self._network.precision]
        if all(0.0 in axis.values for axis in self.layout.points):
            centre = float(data.loss.sel({axis.name: 0.0 for axis in self.layout.points}))
        else:
            centre = self._points.measure([0.0] * data.loss.ndim)["loss"].value
        return [
            Check(
                "centre",
                "difference between the loss at the centre and the model's plain loss",
                deviation(centre, plain),
                limit,
            ),
            Check(
                "recomputed",
                f"largest difference at {SAMPLE} random points recomputed by a plain loop",
                max(self._recomputed(point) for point in sample_points(data.loss)),
                limit,
            ),
        ]

    def _recomputed(self, point: xr.DataArray) -> float:
        images = self._points.images_at(self._place(point))
        plain = self._plain_losses(self._twin, point, images, self._labels)
        return deviation(point.values, float(plain.mean()))

    def _place(self, point: xr.DataArray) -> list[float]:
        return [float(point[axis.name]) for axis in self.layout.points]

    def _against_float64(self, data: xr.Dataset) -> Iterator[Compared]:
        """Mean losses of the first images at random points, by the engine and in float64."""
        twin = exact_twin(self._twin)
        for point in sample_points(data.loss):
            place = self._place(point)
            images, labels = few(self._points.images_at(place), self._labels)
            exact = self._plain_losses(twin, point, images, labels)
            yield float(self._points.losses(place, images).mean()), float(exact.mean())

    def _plain_losses(
        self, twin: nn.Module, point: xr.DataArray, images: Images, labels: Labels
    ) -> PerExample:
        moved = {
            name: weight
            + sum(float(point[a]) * d[name].to(weight) for a, d in self._vectors.items())
            for name, weight in weights_of(twin).items()
        }
        return plain_losses(twin, images, labels, moved)

    def _direction_facts(self) -> list[Check]:
        scale = norm(weights_of(self._twin))
        facts = [
            Check(
                f"norm {axis}",
                f"norm of the direction {axis} relative to that of the weights",
                norm(vector) / scale if scale else math.nan,
            )
            for axis, vector in self._vectors.items()
        ]
        axes = list(self._vectors)
        for i, a in enumerate(axes):
            for b in axes[i + 1 :]:
                angle = cosine(self._vectors[a], self._vectors[b])
                facts.append(Check(f"cosine {a} {b}", "cosine between the directions", angle))
        return facts
