"""Surfaces on disk: a layout, a writer that survives its own death, a reader."""

from landscape.store.hdf5 import SurfaceWriter
from landscape.store.order import coarse_to_fine
from landscape.store.reader import facts, load_directions, load_surface, open_surface
from landscape.store.schema import Axis, Constant, Field, Layout

__all__ = [
    "Axis",
    "Constant",
    "Field",
    "Layout",
    "SurfaceWriter",
    "coarse_to_fine",
    "facts",
    "load_directions",
    "load_surface",
    "open_surface",
]
