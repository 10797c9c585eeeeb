"""From a stored surface to the numbers a plot shows; nothing here draws."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int, UInt8

from landscape.errors import InputError
from landscape.store import in_memory, point_fields
from landscape.store.told import names_in
from landscape.text import literal

POSE_AXES = ("rotation", "shift_x", "shift_y")
PLANES = (("rotation", "shift_x"), ("rotation", "shift_y"), ("shift_x", "shift_y"))
OWN_CONVENTION = "landscape"
LARGEST = 1e150  # beyond it matplotlib's margins and squares are no numbers
BORDERS = {"zeros": "grid-constant", "border": "nearest", "reflect": "mirror"}  # names of scipy


@contextmanager
def drawing(data: xr.Dataset) -> Iterator[None]:
    """Within the block, what fails because numbers are too large to be drawn is said so.

    Raises:
        InputError: drawing failed, and there are numbers beyond `LARGEST`.
    """
    try:
        yield
    except InputError:
        raise
    except (ArithmeticError, ValueError) as error:  # of singular matrices among others
        large = [name for name, field in data.variables.items() if _beyond(field)]
        if not large:
            raise
        raise InputError(
            f"expected numbers below {LARGEST:g} to draw, got larger ones among "
            f"{', '.join(map(str, large))}; draw a surface without them"
        ) from error


def _beyond(field: xr.Variable) -> bool:
    values = field.values if field.dtype.kind == "f" else np.zeros(1)
    return bool((np.abs(values[np.isfinite(values)]) > LARGEST).any())


def drawn_fields(data: xr.Dataset) -> list[str]:
    """The measured numbers of a weight surface that are worth a panel: all but standard errors.

    The loss comes first, then the accuracy, then those of further data, then the rest.
    """
    names = [name for name in point_fields(data) if not name.endswith("_stderr")]
    ends = [name.endswith("loss") + 2 * name.endswith("accuracy") for name in names]
    order = {1: 0, 2: 1, 0: 4}
    ranked = [(order[e] + 2 * (e > 0 and "_" in n), n) for e, n in zip(ends, names, strict=True)]
    return [name for _, name in sorted(ranked)]


def pick_images(data: xr.Dataset, images: tuple[int, ...] | None, *, at_most: int) -> xr.Dataset:
    """As `select_images`, in memory."""
    return in_memory(select_images(data, images, at_most=at_most))


def select_images(
    data: xr.Dataset, images: tuple[int, ...] | None, *, at_most: int | None
) -> xr.Dataset:
    """The images asked for by their index in the data set, or the first `at_most` ones.

    Raises:
        InputError: an image that the file does not hold, or none at all.
    """
    if images is None:
        return data.isel(image=slice(at_most))
    held = data["image"].values.tolist()
    absent = [image for image in images if image not in held]
    if absent or not images:
        raise InputError(
            f"expected images among {_listed(held)}, got {_listed(absent) or 'none'}; "
            "name images by their index in the data set"
        )
    return data.isel(image=[held.index(image) for image in images])


def _listed(values: list[int], most: int = 12) -> str:
    shown = ", ".join(str(value) for value in values[:most])
    return shown + (", ..." if len(values) > most else "")


@dataclass(frozen=True)
class PosePoint:
    """One point of one image's surface: its pose (degrees, pixels) and what was measured there."""

    rotation: float
    shift_x: float
    shift_y: float
    loss: float
    margin: float
    prediction: int

    @property
    def pose(self) -> dict[str, float]:
        """The coordinates by the names of their axes."""
        return {axis: getattr(self, axis) for axis in POSE_AXES}

    @property
    def misclassified(self) -> bool:
        """See `misclassified`."""
        return bool(misclassified(np.array(self.loss), np.array(self.margin)))

    @property
    def harm(self) -> tuple[bool, float]:
        """Orders poses as `most_harmful` does."""
        return self.misclassified, float(_rank(np.array(self.loss)))


def misclassified(
    loss: Float[np.ndarray, "*points"], margin: Float[np.ndarray, "*points"]
) -> Bool[np.ndarray, "*points"]:
    """Where the true class has not the largest logit; a loss of +inf or nan counts as such."""
    return np.asarray((margin < 0) | ~(loss < np.inf))


def most_harmful(
    loss: Float[np.ndarray, "*sets points"], margin: Float[np.ndarray, "*sets points"]
) -> Int[np.ndarray, "*sets"]:
    """Which point of each set an attack would keep: misclassified first, then the higher loss.

    As in `attacks.Strongest` a loss of nan counts as infinite, and of equals the first one stays.
    """
    wrong = misclassified(loss, margin)
    eligible = wrong | ~wrong.any(axis=-1, keepdims=True)
    return np.asarray(np.where(eligible, _rank(loss), -np.inf).argmax(axis=-1))


def _rank(loss: Float[np.ndarray, "*points"]) -> Float[np.ndarray, "*points"]:
    return np.asarray(np.nan_to_num(loss, nan=np.inf, posinf=np.inf))


def worst_pose(image: xr.Dataset) -> PosePoint:
    """The pose that hurts one image most (see `most_harmful`)."""
    loss, margin = (image[name].transpose(*POSE_AXES).values for name in ("loss", "margin"))
    first = most_harmful(loss.astype(np.float64).ravel(), margin.ravel())
    return point_at(image, *np.unravel_index(int(first), loss.shape))


def clean_pose(image: xr.Dataset) -> PosePoint:
    """The pose of the grid that is nearest to (0, 0, 0) on each axis."""
    return point_at(image, *(np.abs(image[axis].values).argmin() for axis in POSE_AXES))


def point_at(image: xr.Dataset, *index: np.intp) -> PosePoint:
    """What was measured at one point of an image's surface, by its places along `POSE_AXES`."""
    point = image.isel(dict(zip(POSE_AXES, (int(i) for i in index), strict=True)))
    measured = {name: float(point[name]) for name in (*POSE_AXES, "loss", "margin")}
    return PosePoint(**measured, prediction=int(point["prediction"]))


def plane(image: xr.Dataset, x: str, y: str, through: PosePoint) -> xr.Dataset:
    """The slice of one image's surface along two axes through a pose; its dimensions are (y, x)."""
    (fixed,) = set(POSE_AXES) - {x, y}
    return image.sel({fixed: through.pose[fixed]}).transpose(y, x, ...)


def not_finite(values: Float[np.ndarray, "..."]) -> dict[str, Bool[np.ndarray, "..."]]:
    """Masks of the measured values that are no numbers, by the name they go by in a legend."""
    masks = {"inf": np.isposinf(values), "-inf": np.isneginf(values), "nan": np.isnan(values)}
    return {name: mask for name, mask in masks.items() if mask.any()}


def cell_edges(centres: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    """The n + 1 borders of the cells around ascending centres; a lone cell is one unit wide."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middles = (centres[:-1] + centres[1:]) / 2
    first, last = (
        1.5 * centres - 0.5 * np.roll(centres, -1),
        1.5 * centres - 0.5 * np.roll(centres, 1),
    )
    return np.concatenate([first[:1], middles, last[-1:]])


def class_name(data: xr.Dataset, index: int) -> str:
    """The name of a class where the file holds names, else its number."""
    return literal(class_among(names_in(data.attrs, "classes"), index))


def class_among(names: Sequence[str], index: int) -> str:
    """A class by its name, or by its number if it has none; a prediction of -1 (nan) is none."""
    if 0 <= index < len(names):
        return names[index]
    return "no class" if index < 0 else str(index)


def pose_settings(data: xr.Dataset) -> tuple[str, str]:
    """Convention and padding of the poses; files of the first versions do not say."""
    return data.attrs.get("convention", OWN_CONVENTION), data.attrs.get("padding", "zeros")


def can_pose(data: xr.Dataset) -> bool:
    """Whether the file holds pixels and a convention under which they can be posed again."""
    convention, padding = pose_settings(data)
    return "pixels" in data and convention == OWN_CONVENTION and padding in BORDERS


def posed_pixels(image: xr.Dataset, point: PosePoint) -> UInt8[np.ndarray, "row column channel"]:
    """One image turned counter-clockwise about its centre, then shifted; bilinear, 0 to 255."""
    from scipy.ndimage import affine_transform  # a third of a second that other plots are spared

    pixels = displayed_pixels(image)
    angle = np.deg2rad(point.rotation)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = (np.array(pixels.shape[:2]) - 1) / 2
    offset = centre - turn @ (centre + np.array([point.shift_y, point.shift_x]))
    border = BORDERS[pose_settings(image)[1]]
    channels = [
        affine_transform(channel.astype(np.float64), turn, offset, order=1, mode=border)
        for channel in np.moveaxis(pixels, -1, 0)
    ]
    return np.stack(channels, axis=-1).round().clip(0, 255).astype(np.uint8)


def displayed_pixels(image: xr.Dataset) -> UInt8[np.ndarray, "row column channel"]:
    """The pixels of one image, 0 to 255, channels last."""
    return image["pixels"].transpose("row", "column", "channel").values
