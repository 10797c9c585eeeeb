"""Surfaces on disk: a layout, a writer that survives its own death, a reader."""

from landscape.store.grid import complete_part, path_places, point_fields, share_done, swept_axes
from landscape.store.hdf5 import SurfaceWriter
from landscape.store.kinds import WEIGHT_AXES
from landscape.store.li import LiSurface, is_li_surface, read_li_surface, write_li_surface
from landscape.store.li_directions import (
    is_li_directions,
    read_li_directions,
    read_li_projection,
    split_directions,
    write_li_directions,
    write_li_projection,
)
from landscape.store.order import coarse_to_fine
from landscape.store.parts import measured, slabs
from landscape.store.reader import facts, in_memory, load_directions, load_surface, open_surface
from landscape.store.schema import Axis, Constant, Field, Layout

__all__ = [
    "WEIGHT_AXES",
    "Axis",
    "Constant",
    "Field",
    "Layout",
    "LiSurface",
    "SurfaceWriter",
    "coarse_to_fine",
    "complete_part",
    "facts",
    "in_memory",
    "is_li_directions",
    "is_li_surface",
    "load_directions",
    "load_surface",
    "measured",
    "open_surface",
    "path_places",
    "point_fields",
    "read_li_directions",
    "read_li_projection",
    "read_li_surface",
    "share_done",
    "slabs",
    "split_directions",
    "swept_axes",
    "write_li_directions",
    "write_li_projection",
    "write_li_surface",
]
