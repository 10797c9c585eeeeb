"""The files that are explored: what each holds, read when it is asked for, and what is remembered.

Of a file no more is read than is shown. What was read is kept until the file on the disk is another
one, which a look at its size and times tells.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from jaxtyping import Float, Shaped

from landscape.errors import InputError
from landscape.explorer.words import shown
from landscape.files import Signature, signature
from landscape.plots.prepare import class_among
from landscape.plots.style import long_name, unit_symbol
from landscape.store import complete_part, in_memory, open_surface, swept_axes
from landscape.store.kinds import refuse_misfit
from landscape.store.told import names_in
from landscape.text import distinct_names

KEPT = 24  # parts of a file that are remembered: cubes of images for the most part
MOST_KEPT = 2**28  # bytes of them, of one file
RECENT = 1.0  # seconds for which a file is taken to be as it was

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class AxisFacts:
    """One swept axis: all its values in ascending order, computed or not."""

    name: str
    values: Float[np.ndarray, " n"]
    title: str
    unit: str

    def nearest(self, value: float) -> int:
        """Where the value next to this one stands."""
        return int(np.abs(self.values - value).argmin())


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known of a file without reading its values.

    Attributes:
        kind: of the surface.
        title: as the file says.
        axes: in the order in which they were swept.
        complete: whether it is finished.
        done: how many points were computed.
        points: of the grid.
        images: where they stand in their data set; empty where there are none.
        labels: their true classes.
        classes: names of classes, where the file holds names.
        facts: attributes.
        can_show: whether there are pictures.
    """

    kind: str
    title: str
    axes: tuple[AxisFacts, ...]
    complete: bool
    done: int
    points: int
    images: Shaped[np.ndarray, " images"]
    labels: Shaped[np.ndarray, " images"]
    classes: tuple[str, ...]
    facts: dict[str, Any]
    can_show: bool

    @property
    def state(self) -> str:
        """How far the file is, in words."""
        if self.complete and self.done < self.points:
            return f"adaptive, {self.done} of {self.points} points measured"
        return (
            f"complete, {self.points} points"
            if self.complete
            else f"unfinished, {self.done} of {self.points} points"
        )

    def class_name(self, index: int) -> str:
        """The name of a class, or its number."""
        return shown(class_among(self.classes, index))


class Source:
    """One file.

    Attributes:
        label: what it is called in the page.
        path: where it is.
    """

    def __init__(self, label: str, path: Path) -> None:
        self.label, self.path = label, path
        self._lock = threading.RLock()
        self._kept: OrderedDict[Any, Any] = OrderedDict()
        self._signature: Signature | None = None
        self._looked = -RECENT

    def look(self, *, now: bool = False) -> Signature | None:
        """What tells this state of the file from another one; None if there is no file.

        Args:
            now: look at the disk even if that was done a moment ago.
        """
        with self._lock:
            if now or time.monotonic() - self._looked > RECENT:
                self._looked = time.monotonic()
                found = self._on_disk()
                if found != self._signature:
                    self._signature = found
                    self._kept.clear()
            return self._signature

    def _on_disk(self) -> Signature | None:
        try:
            return signature(self.path)
        except OSError:
            return None

    @contextmanager
    def opened(self) -> Iterator[xr.Dataset]:
        """The surface, lazily, one reader at a time.

        Raises:
            InputError: the file cannot be read, or is no surface of its kind.
        """
        with self._lock, open_surface(self.path) as data:
            refuse_misfit(data)
            yield data

    def remembered(self, key: Any, read: Callable[[], T]) -> T:
        """What was read before of the file as it is, or is read now; so are errors.

        Raises:
            InputError: it cannot be read.
        """
        with self._lock:
            self.look()
            if key not in self._kept:
                try:
                    self._kept[key] = read()
                except InputError as error:
                    self._kept[key] = error
                self._forget()
            self._kept.move_to_end(key)
            found = self._kept[key]
        if isinstance(found, InputError):
            raise InputError(str(found)) from found
        return found  # type: ignore[no-any-return]

    def _forget(self) -> None:
        size = sum(getattr(value, "nbytes", 0) for value in self._kept.values())
        while len(self._kept) > KEPT or (size > MOST_KEPT and len(self._kept) > 1):
            _, dropped = self._kept.popitem(last=False)
            size -= getattr(dropped, "nbytes", 0)

    def summary(self) -> Summary:
        """What is known of the file without its values.

        Raises:
            InputError: it cannot be read.
        """
        return self.remembered("summary", self._summary)

    def _summary(self) -> Summary:
        with self.opened() as data:
            images = data["image"].values if "image" in data.coords else np.zeros(0, np.int64)
            labels = data["label"].values if "label" in data else np.zeros(0, np.int64)
            return Summary(
                kind=str(data.attrs["kind"]),
                title=shown(str(data.attrs.get("title", self.label))),
                axes=tuple(_axis(data[name]) for name in swept_axes(data)),
                complete=bool(data.attrs["complete"]),
                done=int((data["done"] == 1).sum()),
                points=int(data["done"].size),
                images=images,
                labels=labels,
                classes=tuple(names_in(data.attrs, "classes")),
                facts=dict(data.attrs),
                can_show="pixels" in data,
            )

    def cube(self, image: int) -> xr.Dataset:
        """What is complete of one image's surface, in memory, with its pixels.

        Args:
            image: where it stands in its data set.

        Raises:
            InputError: it cannot be read, or the centre is not computed yet.
        """

        def read() -> xr.Dataset:
            with self.opened() as data:
                held = np.flatnonzero(data["image"].values == image)
                if not len(held):
                    raise InputError(f"{self.label} holds no image {image}; choose one that it has")
                return in_memory(complete_part(data).isel(image=int(held[0])))

        return self.remembered(("cube", image), read)

    def surface(self) -> xr.Dataset:
        """What is complete of a weight surface, in memory.

        Raises:
            InputError: it cannot be read, or the centre is not computed yet.
        """

        def read() -> xr.Dataset:
            with self.opened() as data:
                return in_memory(complete_part(data))

        return self.remembered("surface", read)


def _axis(coordinate: xr.DataArray) -> AxisFacts:
    values = np.sort(coordinate.values.astype(np.float64))
    title, unit = long_name(coordinate), unit_symbol(coordinate)
    return AxisFacts(str(coordinate.name), values, title.replace(r"\$", "$"), unit)


class Sources:
    """All files, by label, in the order in which they were given."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._all = {
            label: Source(label, path) for label, path in zip(labels(files), files, strict=True)
        }

    def __iter__(self) -> Iterator[Source]:
        return iter(self._all.values())

    def __getitem__(self, label: str) -> Source:
        return self._all[label]

    def get(self, label: str) -> Source | None:
        """The file of this label, if there is one."""
        return self._all.get(label)

    def alike(self, source: Source) -> list[Source]:
        """The readable weight surfaces over as many axes, this one among them."""
        wanted = len(source.summary().axes)
        return [
            other
            for other in self
            if (told := readable(other)) is not None
            and told.kind == source.summary().kind
            and len(told.axes) == wanted
        ]

    def comparable(self, source: Source) -> list[Source]:
        """The other spatial surfaces of the same images."""
        own = source.summary()
        return [
            other
            for other in self
            if other is not source
            and (told := readable(other)) is not None
            and told.kind == own.kind
            and np.array_equal(told.images, own.images)
            and np.array_equal(told.labels, own.labels)
            and told.facts.get("data_sha256") == own.facts.get("data_sha256")
        ]


def readable(source: Source) -> Summary | None:
    """What is known of a file, or None where it cannot be read."""
    try:
        return source.summary()
    except InputError:
        return None


def labels(files: Sequence[Path]) -> list[str]:
    """What files are called in the page."""
    return [shown(name) for name in distinct_names(files)]
