"""Weight space: mean loss, and more, along directions from the trained weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from torch import nn

from landscape.data import content_sha256
from landscape.directions import Directions
from landscape.engine import Compute, Network, Sample, WeightPoints, placed, settle_alike
from landscape.errors import InputError
from landscape.losses import LOSSES, Loss
from landscape.processes import ALONE, Group
from landscape.provenance import provenance
from landscape.registry import lookup
from landscape.store import Axis, Constant, Field, Layout
from landscape.surfaces.adversary import Adversary, attacked_at_the_centre
from landscape.surfaces.checks import Check
from landscape.surfaces.inputs import title_of
from landscape.surfaces.quantities import METRICS, QUANTITIES
from landscape.surfaces.weight_checks import Twin
from landscape.typing import Inputs, Targets
from landscape.weights import flatten

BATCHNORM = {"frozen": "the trained statistics", "recompute": "measured anew at every point"}
CLEAN = "clean"  # what precedes the fields of the data as they are, beside those under attack
TAKEN = (CLEAN, "data", "weights", "directions")  # what else a file has fields or digests of


@dataclass(frozen=True)
class Measured:
    """What is measured at every point.

    Attributes:
        loss: of outputs and targets.
        fields: names in `METRICS` and `QUANTITIES`; None: the accuracy, of the cross-entropy.
        bn: a name in `BATCHNORM`.
        adversary: attacks the inputs first, or at every point.
        clean_too: measure the data as they are beside those under attack.
    """

    loss: Loss = LOSSES["cross-entropy"]
    fields: Sequence[str] | None = None
    bn: str = "frozen"
    adversary: Adversary | None = None
    clean_too: bool = False

    def __post_init__(self) -> None:
        lookup(BATCHNORM, self.bn, kind="BatchNorm mode")
        if isinstance(self.fields, str) or len(set(self.chosen)) < len(self.chosen):
            raise InputError(
                f"expected a list of different names of fields, got {self.fields!r}; name each once"
            )
        for name in self.chosen:
            lookup({**METRICS, **QUANTITIES}, name, kind="field")
        if self.clean_too and self.adversary is None:
            raise InputError("the clean data are measured already; clean_too goes with an attack")
        if self.quantities and self.adversary is not None and self.adversary.at == "point":
            raise InputError(
                f"{', '.join(self.quantities)} cannot be measured on data that are attacked anew "
                "at every point; attack them at the center"
            )

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of all fields beside the loss."""
        if self.fields is not None:
            return tuple(self.fields)
        return ("accuracy",) if self.loss is LOSSES["cross-entropy"] else ()

    @property
    def metrics(self) -> list[str]:
        """Those that are means over the examples."""
        return [name for name in self.chosen if name in METRICS]

    @property
    def quantities(self) -> list[str]:
        """Those that take passes of their own."""
        return [name for name in self.chosen if name in QUANTITIES]

    def means(self) -> list[Field]:
        """The fields of one set of data that are means, and their standard errors."""
        named = [("loss", self.loss.units, f"mean {self.loss.name}")]
        named += [(name, METRICS[name].units, METRICS[name].long_name) for name in self.metrics]
        errors = {"loss": "standard error of the mean loss"}
        return [
            field
            for name, units, words in named
            for field in (
                Field(name, "float64", units, words),
                Field(
                    f"{name}_stderr",
                    "float64",
                    units,
                    errors.get(name, f"standard error of the {name}"),
                ),
            )
        ]

    def configuration(self) -> dict[str, Any]:
        """For the file; JSON values."""
        told: dict[str, Any] = {"bn": self.bn, "loss": self.loss.name}
        if self.fields is not None:
            told["fields"] = list(self.fields)
        if self.adversary is not None:
            told |= self.adversary.configuration
        return told | ({"clean_too": True} if self.clean_too else {})


class WeightSurface:
    """A line, plane or volume through the weights of a model.

    Attributes:
        layout: what the file holds.
    """

    kind, title = "weights", "weight"
    points_per_call = 1

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        targets: Targets,
        *,
        axes: tuple[Axis, ...],
        directions: Directions,
        measured: Measured | None = None,
        compute: Compute,
        identity: Mapping[str, Any],
        others: Mapping[str, Sample] | None = None,
        group: Group = ALONE,
    ) -> None:
        """Copy the model and describe the file.

        Args:
            model: takes inputs and returns outputs.
            inputs: (N, ...), the data the loss is a mean over.
            targets: (N, ...).
            axes: one for each direction, in multiples of it.
            directions: see `landscape.directions.make_directions`.
            measured: the loss, further fields, and how; the cross-entropy by default.
            compute: where and how the network runs.
            identity: what names model and data in the file, e.g. the weights' sha256; JSON values.
            others: further data by name, measured alike; `train_loss` is that of those called
                "train", which BatchNorm statistics are then measured on, too.
            group: processes that compute it together; the first one attacks the inputs for all.

        Raises:
            InputError: names of further data that the file cannot have, or has already; and what
                `Network` raises.
        """
        what = measured or Measured()
        further = _named(others or {})
        digests = {"data_sha256": content_sha256(inputs, targets)} | {
            f"{name}_sha256": content_sha256(*data.pair) for name, data in further.items()
        }
        adversary = what.adversary
        if what.clean_too:
            further[CLEAN] = Sample(inputs, targets)
        if adversary is not None and adversary.at == "center":
            clean = inputs
            inputs = group.on_first(
                lambda: attacked_at_the_centre(adversary, model, clean, targets, compute).cpu()
            ).to(clean.device)
        anew = adversary if adversary is not None and adversary.at == "point" else None
        self._measured, self._directions = what, directions
        self._examples = sum(len(data.targets) for data in further.values()) + len(inputs) * (
            1 if anew is None else 1 + anew.attack.evaluations
        )
        self._inputs = inputs
        self._network = Network(model, compute)
        self._points = WeightPoints(
            self._network,
            inputs,
            targets,
            list(directions.vectors.values()),
            loss=what.loss,
            metrics={name: METRICS[name].of for name in what.metrics},
            recompute_batchnorm=what.bn == "recompute",
            attack=anew,
            others=further,
        )
        self._twin = Twin(model, directions.vectors, self._points, targets, what.loss)
        near = placed(model, self._network.device)
        self._quantities = [
            QUANTITIES[name](near, inputs, targets, what.loss) for name in what.quantities
        ]
        self.layout = self._described(axes, [*further], len(targets), digests, identity)

    def _described(
        self,
        axes: tuple[Axis, ...],
        others: Sequence[str],
        samples: int,
        digests: Mapping[str, str],
        identity: Mapping[str, Any],
    ) -> Layout:
        directions, measured = self._directions, self._measured
        means = measured.means()
        fields = [*means, *(_of(name, field) for name in others for field in means)]
        fields += [field for quantity in self._quantities for field in quantity.fields]
        recomputing = {"bn_batch": self._points.batch} if measured.bn == "recompute" else {}
        path = {} if directions.path is None else {"path_names": list(directions.path.names)}
        return Layout(
            kind=self.kind,
            points=axes,
            fields=tuple(fields),
            constants=_path_constants(directions),
            configuration={
                **identity,
                **directions.configuration,
                **digests,
                "samples": samples,
                **recomputing,
                "precision": self._network.precision,
                **measured.configuration(),
            },
            about={
                "title": title_of(f"{self.title} surface", identity),
                "provenance": provenance(device=str(self._network.device)),
                "directions_record": directions.record(),
                **path,
            },
            directions={a: flatten(v).cpu().numpy() for a, v in directions.vectors.items()},
            parameters=self._twin.shapes(),
        )

    def coefficients(self, point: Sequence[float]) -> list[float]:
        """The multiples of the directions at a point of the axes."""
        return list(point)

    def prepare(self, points: int, group: Group = ALONE) -> None:
        """Settle how the network runs for so many weights on all data."""
        self._network.expect(points * self._examples, unit=len(self._inputs))
        settle_alike(self._network, self._inputs, group)

    def run_facts(self) -> dict[str, Any]:
        """How the network was run."""
        return self._network.facts()

    def evaluate(self, points: Float[np.ndarray, "n axes"]) -> dict[str, Float[np.ndarray, " n"]]:
        """All fields at coordinates of the axes."""
        rows = [self._at(self.coefficients(point.tolist())) for point in points]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _at(self, coefficients: Sequence[float]) -> dict[str, float]:
        found = {}
        for name, mean in self._points.measure(coefficients).items():
            found[name], found[f"{name}_stderr"] = mean.value, mean.standard_error
        if self._quantities:
            state = self._twin.state(coefficients)
            for quantity in self._quantities:
                found.update(quantity(state))
        return found

    def checks(self, data: xr.Dataset) -> list[Check]:
        """Compare the stored surface with a plain loop, and describe its directions."""
        return self._twin.checks(data, self.coefficients)


def _named(others: Mapping[str, Sample]) -> dict[str, Sample]:
    """Further data; their names become parts of names in the file."""
    for name in others:
        if name in TAKEN or not name or "/" in name:
            raise InputError(
                f"expected a name for further data that is not empty, has no slash and is none of "
                f"{', '.join(TAKEN)}, which the file has already, got {name!r}; rename them"
            )
    return dict(others)


def _of(name: str, field: Field) -> Field:
    """A field of further data."""
    return Field(f"{name}_{field.name}", field.dtype, field.units, f"{field.long_name}, {name}")


def _path_constants(directions: Directions) -> tuple[Constant, ...]:
    path = directions.path
    if path is None:
        return ()
    found = [
        Constant(f"path_{axis}", ("path",), path.coordinates[:, i], f"{axis} of a checkpoint")
        for i, axis in enumerate(directions.vectors)
    ]
    words = "distance of a checkpoint from the surface, relative to that from the centre"
    return (
        *found,
        Constant("path_residual", ("path",), path.residuals, words),
        Constant("path_distance", ("path",), path.distances, "distance from the centre"),
    )
