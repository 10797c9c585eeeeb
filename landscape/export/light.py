"""A surface without its directions, which of large networks are nearly all of its file."""

from pathlib import Path

import h5py
import xarray as xr

from landscape.errors import InputError
from landscape.export.options import ExportOptions
from landscape.files import atomic_write
from landscape.store.checksums import seal
from landscape.store.guard import DIRECTIONS
from landscape.store.watch import reading

SCALE = "NAME"  # the attribute by which HDF5 knows what a dimension is called


def without_directions(data: xr.Dataset, stem: Path, options: ExportOptions) -> list[Path]:
    """A copy to send or to keep under version control; it is drawn and described as before."""
    if options.source is None or not data.attrs["complete"]:
        raise InputError(
            "a light copy is made of the file of a finished surface; give ExportOptions(source=...)"
        )
    path = stem.with_name(f"{stem.name}-light.h5")
    with (
        reading(options.source),
        h5py.File(options.source, "r", locking=False) as whole,
        atomic_write(path) as temporary,
        h5py.File(temporary, "w") as light,
    ):
        _copy(whole, light)
    return [path]


def _copy(whole: h5py.File, light: h5py.File) -> None:
    """Datasets as they are stored, and the references between them anew."""
    kept = {name: held for name, held in whole.items() if name != DIRECTIONS}
    for name, held in kept.items():
        whole.copy(held, light, name, without_attrs=True)
        if held.is_scale:
            light[name].make_scale(held.attrs[SCALE])
    for name, held in kept.items():
        for i, dimension in enumerate(held.dims):
            for scale in dimension.values():
                light[name].dims[i].attach_scale(light[scale.name])
        _tell(held, light[name])
    _tell(whole, light)
    seal(light)


def _tell(before: h5py.HLObject, after: h5py.HLObject) -> None:
    """All attributes but HDF5's own."""
    own = {SCALE, "CLASS", "DIMENSION_LIST", "REFERENCE_LIST"}
    after.attrs.update({name: value for name, value in before.attrs.items() if name not in own})
