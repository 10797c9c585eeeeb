"""Pictures as they stand in the page itself, so that no further file is asked for."""

import base64
import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from landscape.errors import InputError
from landscape.explorer.sources import Source
from landscape.plots.prepare import displayed_pixels
from landscape.store import in_memory

THUMBNAIL = 56  # pixels of the longer side, at most

Pixels = UInt8[np.ndarray, "row column channel"]


def data_uri(pixels: Pixels, most: int | None = None) -> str:
    """A picture as a PNG in a URI.

    Args:
        pixels: 0 to 255; grey where there is one channel.
        most: pixels of the longer side; larger pictures are made smaller.
    """
    shape = pixels.shape[-1]
    picture = Image.fromarray(pixels[..., 0] if shape == 1 else pixels[..., :3])
    if most is not None and max(picture.size) > most:
        picture.thumbnail((most, most), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()


def thumbnails(source: Source, places: list[int]) -> list[str]:
    """Small pictures of some images; empty where the file holds none that can be shown."""
    if not source.summary().can_show or not places:
        return [""] * len(places)
    ordered = sorted(places)  # HDF5 reads in one direction
    try:
        with source.opened() as data:
            some = in_memory(data[["pixels"]].isel(image=ordered))
    except InputError:
        return [""] * len(places)
    if some.sizes["channel"] not in (1, 3):
        return [""] * len(places)
    small = (data_uri(displayed_pixels(some.isel(image=i)), THUMBNAIL) for i in range(len(ordered)))
    found = dict(zip(ordered, small, strict=True))
    return [found[place] for place in places]
