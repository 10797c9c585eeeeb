"""`landscape import`: surfaces that other programs computed."""

from pathlib import Path

import tyro

from landscape.cli.options import Unset
from landscape.cli.output import say


def import_(
    file: tyro.conf.Positional[Path],
    /,
    out: Path,
    projection: Unset[Path] = None,
    directions: Unset[Path] = None,
    overwrite: bool = False,
) -> None:
    """A surface that the code of Li et al. 2018 computed, as a file of ours to plot and explore.

    Points that it has not computed stay missing. The training loss becomes the loss where the file
    has it, else the test loss; nothing else in it is lost.

    Args:
        file: A surface file (.h5) of tomgoldstein/loss-landscape.
        out: The file to write.
        projection: Its projection file, with the places of checkpoints in the plane.
        directions: Its direction file, to keep the directions with the surface.
        overwrite: Replace whatever file is at --out.
    """
    from landscape.files import refuse_loss
    from landscape.store import read_li_surface

    refuse_loss(out, [one for one in (file, projection, directions) if one])
    surface = read_li_surface(file, projection=projection, directions=directions)
    surface.save(out, overwrite=overwrite)
    say(str(out))
