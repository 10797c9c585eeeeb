"""Bezier curves in weight space, from one network to another."""

import copy
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscape.errors import InputError
from landscape.models.contents import read_contents, write_contents
from landscape.typing import Weights
from landscape.weights import bytes_of, difference, refuse_nonfinite, weights_of

FORMAT, VERSION = "landscape-curve", 1


@dataclass(frozen=True, eq=False)
class Curve:
    """A Bezier curve whose ends are two networks of one architecture; of degree 1 a straight line.

    phi(t) = sum of B_k(t) w_k over the control points w_k, with the Bernstein polynomials
    B_k(t) = binom(n, k) (1 - t)^(n - k) t^k of degree n (Garipov et al. 2018, "Loss surfaces, mode
    connectivity, and fast ensembling of DNNs").

    Attributes:
        points: the control points, on the CPU, by parameter name; the first and the last are the
            networks.
        buffers: what else the two ends differ in: their buffers of floating point, such as the
            statistics of BatchNorm. They move along the straight line.
        history: mean loss of each epoch of training, none of a straight line.
    """

    points: tuple[Weights, ...]
    buffers: tuple[Weights, Weights]
    history: tuple[float, ...] = ()

    @property
    def degree(self) -> int:
        """Of the polynomials: 1 for a straight line, 2 for a curve with one bend."""
        return len(self.points) - 1

    @property
    def sha256(self) -> str:
        """Digest of control points and buffers."""
        return _digest([*self.points, *self.buffers])

    def weights(self, t: float) -> dict[str, Tensor]:
        """The weights at `t`: at 0 and 1 those of the networks, bit for bit."""
        return _mixed(self.points, bernstein(t, self.degree))

    def buffers_at(self, t: float) -> dict[str, Tensor]:
        """The buffers at `t`; statistics of BatchNorm fit the weights at 0 and 1 alone."""
        return _mixed(self.buffers, bernstein(t, 1))

    def network(self, model: nn.Module, t: float) -> nn.Module:
        """A copy of a model of this architecture, with the weights and buffers at `t`.

        Raises:
            InputError: the model is of another architecture.
        """
        state, twin = {**self.weights(t), **self.buffers_at(t)}, copy.deepcopy(model)
        places = {**weights_of(twin), **_floating_buffers(twin)}
        refuse_other(state, places)
        for name, place in places.items():
            place.copy_(state[name])
        return twin

    def directions(self) -> list[dict[str, Tensor]]:
        """The control points after the first, as displacements from it.

        The curve lies in the line, plane or volume that they span, see `coefficients`.
        """
        return [difference(point, self.points[0]) for point in self.points[1:]]

    def coefficients(self, t: float) -> Float[np.ndarray, " directions"]:
        """Of `directions` at `t`: of a line t, of one bend 2t(1 - t) and t^2."""
        return bernstein(t, self.degree)[1:]

    def save(self, path: Path | str) -> None:
        """Write the curve to one file, which is whole or not there at all.

        Raises:
            InputError: the file cannot be written.
        """
        parts = {
            "points": [dict(point) for point in self.points],
            "buffers": [dict(end) for end in self.buffers],
            "history": list(self.history),
        }
        about = {"format": FORMAT, "version": VERSION, "sha256": self.sha256}
        write_contents(Path(path), {**about, **parts})


def straight(first: nn.Module, second: nn.Module, *, bends: int = 0) -> Curve:
    """The straight line between two networks, with so many control points evenly between its ends.

    Raises:
        InputError: they do not have the same parameters, or none, or some that are not finite; or
            the number of bends is negative.
    """
    if bends < 0:
        raise InputError(f"the number of bends is 0 or more, got {bends}")
    ends = [_on_cpu(weights_of(model)) for model in (first, second)]
    buffers = [_on_cpu(_floating_buffers(model)) for model in (first, second)]
    if not ends[0]:
        raise InputError("a line between networks needs parameters, the first network has none")
    refuse_other(ends[1], ends[0], "the second network", "the first")
    refuse_other(buffers[1], buffers[0], "the second network", "the first")
    for weights, which in zip(ends, ("first", "second"), strict=True):
        refuse_nonfinite(weights, f"the {which} network")
    between = [_mixed(ends, bernstein(k / (bends + 1), 1)) for k in range(1, bends + 1)]
    return Curve((ends[0], *between, ends[1]), (buffers[0], buffers[1]))


def bernstein(t: float, degree: int) -> Float[np.ndarray, " points"]:
    """The weights of the control points at `t`; their sum is 1."""
    terms = [math.comb(degree, k) * (1 - t) ** (degree - k) * t**k for k in range(degree + 1)]
    return np.array(terms, dtype=np.float64)


def load_curve(path: Path | str) -> Curve:
    """Read a curve that `Curve.save` wrote; a file cannot run code.

    Raises:
        InputError: the file is missing, damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    found = read_contents(path, f"{path} is not a curve, or is damaged or cut short")
    if not isinstance(found, Mapping) or found.get("format") != FORMAT:
        raise InputError(f"{path} is not a curve; give a file that Curve.save has written")
    if found.get("version") != VERSION:
        raise InputError(
            f"{path} has curve format {found.get('version')}, this version of landscape reads "
            f"format {VERSION}; update landscape"
        )
    try:
        start, end = found["buffers"]
        curve = Curve(tuple(found["points"]), (start, end), tuple(map(float, found["history"])))
        intact = curve.sha256 == found["sha256"] and curve.degree > 0
        refuse_other(end, start)
        for point in curve.points:
            refuse_other(point, curve.points[0])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError):
        intact = False  # a part is missing or of another type
    if not intact:
        raise InputError(f"{path} is damaged: its contents are not those that were saved")
    return curve


def refuse_other(
    weights: Weights, expected: Weights, whose: str = "the curve", than: str = "the model"
) -> None:
    """Raise unless both have the same names, in the same order, and shapes.

    Raises:
        InputError: with the first difference.
    """
    for one, other in zip_longest(weights.items(), expected.items()):
        shown = [_named(item) for item in (one, other)]
        if shown[0] != shown[1]:
            raise InputError(
                f"expected two networks of one architecture, but {whose} has {shown[0]} where "
                f"{than} has {shown[1]}; build both alike"
            )


def _named(item: Any) -> str:
    return "nothing" if item is None else f"{item[0]} {tuple(item[1].shape)}"


def _floating_buffers(model: nn.Module) -> dict[str, Tensor]:
    named = model.named_buffers()
    return {name: buffer.detach() for name, buffer in named if buffer.is_floating_point()}


def _on_cpu(weights: Weights) -> dict[str, Tensor]:
    return {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in weights.items()
    }


def _mixed(
    points: Sequence[Weights], coefficients: Float[np.ndarray, " points"]
) -> dict[str, Tensor]:
    """The sum of points times coefficients, in float64, so that it is rounded once."""
    pairs = [(float(c), p) for c, p in zip(coefficients, points, strict=True) if c != 0]
    if len(pairs) == 1 and pairs[0][0] == 1:
        return {name: tensor.clone() for name, tensor in pairs[0][1].items()}
    return {
        name: sum((c * point[name].double() for c, point in pairs), torch.tensor(0.0)).to(tensor)
        for name, tensor in points[0].items()
    }


def _digest(parts: Sequence[Weights]) -> str:
    content = hashlib.sha256()
    for number, part in enumerate(parts):
        for name, tensor in part.items():
            content.update(f"{number} {name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            content.update(bytes_of(tensor))
    return content.hexdigest()
