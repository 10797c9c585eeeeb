"""Directions and projected trajectories as the code of Li et al. 2018 keeps them.

A direction file holds the groups `xdirection` and `ydirection`, each with one dataset per tensor of
the weights, named "0", "1", ... in the order of `parameters()`. A projection file holds the places
of checkpoints in the plane as `proj_xcoord` and `proj_ycoord`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float, Shaped

from landscape.errors import InputError
from landscape.files import atomic_write
from landscape.store.li_guard import GROUPS, PLACES, open_li
from landscape.store.members import shown
from landscape.store.reader import shaped_directions
from landscape.store.schema import Constant

Tensors = Sequence[Shaped[np.ndarray, "..."]]
"""One array per tensor of the weights, in order."""


def is_li_directions(path: str | Path) -> bool:
    """Whether a file is an HDF5 file with directions as Li et al. keep them."""
    try:
        with open_li(Path(path), holding=GROUPS["alpha"], what="a direction file"):
            return True
    except InputError:
        return False


def read_li_directions(path: str | Path) -> dict[str, list[Shaped[np.ndarray, "..."]]]:
    """The directions in a file of Li et al., by axis name, one array per tensor in order.

    Raises:
        InputError: the file is not one of these, or a tensor is missing from it.
    """
    path = Path(path)
    with open_li(path, holding=GROUPS["alpha"], what="a direction file") as file:
        return {
            axis: _tensors(file[group], path) for axis, group in GROUPS.items() if group in file
        }


def _tensors(group: h5py.Group, path: Path) -> list[Shaped[np.ndarray, "..."]]:
    wanted = [str(i) for i in range(len(group))]  # "10" comes after "9", whatever HDF5 says
    if set(group) != set(wanted):
        raise InputError(
            f"expected the tensors of {group.name} in {path} to be numbered from 0 to "
            f"{len(group) - 1}, got {', '.join(map(shown, sorted(group)))}"
        )
    return [np.asarray(group[name][()]) for name in wanted]


def split_directions(path: str | Path) -> dict[str, list[Shaped[np.ndarray, "..."]]]:
    """The directions in the file of a weight surface, cut into the tensors of the weights.

    Raises:
        InputError: the file holds no directions, or does not say which shapes the weights have.
    """
    vectors, shapes = shaped_directions(path)
    if not shapes:
        raise InputError(
            f"{path} does not say which shapes the tensors of its directions have; compute it "
            "again with this version"
        )
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return {
        axis: [
            part.reshape(shape)
            for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True)
        ]
        for axis, vector in vectors.items()
    }


def write_li_directions(directions: Mapping[str, Tensors], path: str | Path) -> None:
    """Write directions as Li et al. keep them.

    Args:
        directions: by axis, "alpha" and perhaps "beta"; one array per tensor of the weights.
        path: where to write.

    Raises:
        InputError: other axes than these, or a path that cannot be written.
    """
    if "alpha" not in directions or not set(directions) <= set(GROUPS):
        raise InputError(
            f"expected directions named alpha, or alpha and beta, got "
            f"{', '.join(directions) or 'none'}; the files of Li et al. hold no others"
        )
    with atomic_write(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        for axis, tensors in directions.items():
            group = file.create_group(GROUPS[axis])
            for i, tensor in enumerate(tensors):
                group.create_dataset(str(i), data=tensor)


def read_li_projection(path: str | Path) -> tuple[Constant, ...]:
    """The places of checkpoints in the plane, as the variables `path_alpha` and `path_beta`.

    Raises:
        InputError: the file is not a projection file of Li et al.
    """
    path = Path(path)
    with open_li(path, holding=PLACES["alpha"], what="a projection file") as file:
        columns = {
            axis: np.asarray(file[name][()]) for axis, name in PLACES.items() if name in file
        }
    lengths = {axis: column.shape for axis, column in columns.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise InputError(f"expected lists of equal length in {path}, got the shapes {lengths}")
    return tuple(
        Constant(f"path_{axis}", ("path",), column, f"place of a checkpoint along {axis}")
        for axis, column in columns.items()
    )


def write_li_projection(places: Mapping[str, Float[np.ndarray, " path"]], path: str | Path) -> None:
    """Write the places of checkpoints in the plane, by axis, as Li et al. keep them."""
    with atomic_write(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        for axis, column in places.items():
            file[PLACES[axis]] = column
