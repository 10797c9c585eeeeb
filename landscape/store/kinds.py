"""What surfaces of each kind hold, so that who draws or exports one finds it there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import xarray as xr

from landscape.errors import InputError
from landscape.store.grid import swept_axes
from landscape.text import printable

FLOATS, COUNTS = "f", "iu"


@dataclass(frozen=True)
class SurfaceKind:
    """Surfaces that are read alike.

    Attributes:
        axes: which swept axes there may be; any where none are named.
        fields: by name the kinds of numpy's types that a quantity at each point may have.
        own: dimensions of those quantities besides the swept ones.
        constants: by name the kinds of types and the dimensions of further variables.
        optional: the same of variables that need not be there.
    """

    axes: tuple[tuple[str, ...], ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    constants: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    optional: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)


POSES = ("rotation", "shift_x", "shift_y")
WEIGHT_AXES = ("alpha", "beta", "gamma")
PLACES = {f"path_{name}": (FLOATS, ("path",)) for name in (*WEIGHT_AXES, "residual", "distance")}
PIXELS = {"pixels": ("u", ("image", "channel", "row", "column"))}

KINDS: Mapping[str, SurfaceKind] = {
    "weights": SurfaceKind(
        axes=tuple(WEIGHT_AXES[:n] for n in (1, 2, 3)), fields={"loss": FLOATS}, optional=PLACES
    ),
    "curve": SurfaceKind(fields={"loss": FLOATS}),
    "spatial": SurfaceKind(
        axes=(POSES,),
        fields={"loss": FLOATS, "margin": FLOATS, "prediction": COUNTS},
        own=("image",),
        constants={"label": (COUNTS, ("image",))},
        optional=PIXELS,
    ),
    "tradeoff": SurfaceKind(
        axes=(("network", "seed", "epoch"),),
        fields={"accuracy": FLOATS},
        own=("attack",),
    ),
    "attack": SurfaceKind(
        axes=(("image",),),
        fields={"loss": FLOATS, "prediction": COUNTS, "evaluations": COUNTS},
        constants={"label": (COUNTS, ("image",))},
        optional=PIXELS,
    ),
}


def refuse_misfit(data: xr.Dataset) -> None:
    """Raise if a surface lacks what all of its kind hold; other kinds than these pass.

    Raises:
        InputError: with the first thing that is missing.
    """
    kind = KINDS.get(str(data.attrs.get("kind")))
    if kind is None:
        return
    swept = swept_axes(data)
    if kind.axes and not any(set(axes) == set(swept) for axes in kind.axes):
        wanted = " or ".join(", ".join(axes) for axes in kind.axes)
        raise _misfit(data, f"the axes {wanted}", ", ".join(swept) or "none")
    over = (*swept, *kind.own)
    for name, types in kind.fields.items():
        _refuse_variable(data, name, types, over)
    for name, (types, dims) in kind.constants.items():
        _refuse_variable(data, name, types, dims)
    for name, (types, dims) in kind.optional.items():
        if name in data:
            _refuse_variable(data, name, types, dims)
    for name in map(str, data.data_vars):
        if name.endswith("_stderr") and name.removesuffix("_stderr") in data:
            _refuse_variable(data, name, FLOATS, tuple(map(str, data[name[:-7]].dims)))


def _refuse_variable(data: xr.Dataset, name: str, types: str, dims: tuple[str, ...]) -> None:
    if name not in data:
        raise _misfit(data, f"{name} over {', '.join(dims)}", "none")
    found = data[name]
    if set(found.dims) != set(dims) or found.dtype.kind not in types:
        got = f"{found.dtype} over {', '.join(map(str, found.dims)) or 'nothing'}"
        raise _misfit(data, f"{name} over {', '.join(dims)}", got)


def _misfit(data: xr.Dataset, wanted: str, got: str) -> InputError:
    return InputError(
        f"expected {wanted} in a surface of the kind {data.attrs['kind']!r}, got "
        f"{printable(got, 200)}; the file is damaged, or was not written by landscape"
    )
