"""What the page shows, as a value, and as the query of a URL that reproduces it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

from landscape.plots import prepare

PLANES = tuple("-".join(axes) for axes in prepare.PLANES)
CUTS = ("alpha-beta", "alpha-gamma", "beta-gamma")
SCALES = ("auto", "linear", "log", "clipped")
LEVELS = ("border", "loss", "both")
SORTS = ("number", "loss")
MODES = ("beside", "sequence")
LONGEST = 4000  # characters of a query, of which no more is read
SHORT = 300  # characters of a name
DIGITS = 6  # of coordinates
PLACES = ("at", "camera")
NEAR, FAR = 0.01, 100.0  # between which a camera stands


@dataclass(frozen=True)
class View:
    """Everything that a URL remembers of a page.

    Attributes:
        file: the label of the surface.
        compare: the label of a second spatial surface; empty for none.
        beside: labels of the weight surfaces that are shown, in order.
        image: where it stands in its data set; None for the first.
        plane: the two axes of the heat map, in `PLANES` or `CUTS`; empty for the first.
        at: the cursor, a coordinate for each axis of the surface; empty for the default.
        field: the variable that is shown.
        scale: one of `SCALES`.
        quantile: up to which a clipped scale goes.
        levels: what the volume shows, one of `LEVELS`.
        sort: the order of images, one of `SORTS`.
        mode: several weight surfaces at once, or one after the other; one of `MODES`.
        frame: which of them, counted from 0.
        camera: where surfaces in 3-D are seen from, in plotly's units; empty for the default.
    """

    file: str = ""
    compare: str = ""
    beside: tuple[str, ...] = ()
    image: int | None = None
    plane: str = ""
    at: tuple[float, ...] = ()
    field: str = "loss"
    scale: str = "auto"
    quantile: float = 0.95
    levels: str = "border"
    sort: str = "number"
    mode: str = "beside"
    frame: int = 0
    camera: tuple[float, ...] = ()


def to_query(view: View) -> str:
    """The view as the query of a URL; what is as by default is left out."""
    plain = View()
    said: dict[str, Any] = {}
    for entry in fields(View):
        value = getattr(view, entry.name)
        if value != getattr(plain, entry.name):
            said[entry.name] = ",".join(map(_number, value)) if entry.name in PLACES else value
    return "?" + urlencode(said, doseq=True) if said else ""


def from_query(query: str | None) -> View:
    """The view that a URL asks for; what is not understood is as by default."""
    try:
        said = parse_qs((query or "")[:LONGEST].removeprefix("?"), max_num_fields=100)
    except ValueError:
        return View()
    found: dict[str, Any] = {}
    for name, values in said.items():
        if name not in READERS:
            continue
        try:
            found[name] = READERS[name](values)
        except (ValueError, OverflowError):
            continue
    return replace(View(), **found)


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}"


def _one_of(*choices: str) -> Callable[[list[str]], str]:
    def read(values: list[str]) -> str:
        if values[-1] not in choices:
            raise ValueError(values[-1])
        return values[-1]

    return read


def _name(values: list[str]) -> str:
    return values[-1][:SHORT]


def _names(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:SHORT] for value in values))


def _whole(values: list[str]) -> int:
    number = int(values[-1][:20])
    if abs(number) >= 2**53:  # what a browser can count
        raise ValueError(number)
    return number


def _count(values: list[str]) -> int:
    return max(0, _whole(values))


def _place(values: list[str]) -> tuple[float, ...]:
    place = tuple(float(value) for value in values[-1].split(",")[:3])
    if not all(map(math.isfinite, place)):
        raise ValueError(place)
    return place


def _eye(values: list[str]) -> tuple[float, ...]:
    eye = _place(values)
    if len(eye) != 3 or not NEAR < math.hypot(*eye) < FAR:
        raise ValueError(eye)
    return eye


def _share(values: list[str]) -> float:
    share = float(values[-1])
    if not 0.5 <= share < 1:
        raise ValueError(share)
    return share


READERS: Mapping[str, Callable[[list[str]], Any]] = {
    "file": _name,
    "compare": _name,
    "beside": _names,
    "image": _whole,
    "plane": _one_of(*PLANES, *CUTS),
    "at": _place,
    "field": _name,
    "scale": _one_of(*SCALES),
    "quantile": _share,
    "levels": _one_of(*LEVELS),
    "sort": _one_of(*SORTS),
    "mode": _one_of(*MODES),
    "frame": _count,
    "camera": _eye,
}
