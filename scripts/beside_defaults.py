"""Our figures beside those that matplotlib's defaults and other tools give of the same surfaces.

    python scripts/beside_defaults.py plane.h5 poses.h5 tradeoff.h5 --out beside

Both at the width of a column, as they would be printed. A page has, from left to right,
matplotlib's own defaults, the settings of another tool where one draws this kind of figure, and
ours. The other tools' settings are retold here: `plot_2D.py` of Li et al. 2018 (loss-landscape) for
planes, in which levels are 0.5 apart from 0.1 to 10.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import landscape
from landscape.cli.options import Files, refuse_none
from landscape.cli.parsing import parse
from landscape.cli.status import exit_status
from landscape.plots import look, plots_for, write_plots
from landscape.store import complete_part

WIDTH = 3.25  # inches: a column of ICML
DPI = 300

Draw = Callable[[xr.Dataset, Any], None]


def _plane(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    whole = complete_part(data)
    x, y = np.meshgrid(whole.alpha, whole.beta, indexing="ij")
    return x, y, whole.loss.transpose("alpha", "beta").values


def _contour(data: xr.Dataset, figure: Any) -> None:
    ax = figure.add_subplot()
    ax.clabel(ax.contour(*_plane(data)))


def _contour_li(data: xr.Dataset, figure: Any) -> None:
    ax = figure.add_subplot()
    drawn = ax.contour(*_plane(data), cmap="summer", levels=np.arange(0.1, 10, 0.5))
    ax.clabel(drawn, fontsize=8)


def _relief(data: xr.Dataset, figure: Any) -> None:
    figure.add_subplot(projection="3d").plot_surface(*_plane(data))


def _relief_li(data: xr.Dataset, figure: Any) -> None:
    ax = figure.add_subplot(projection="3d")
    drawn = ax.plot_surface(*_plane(data), cmap="coolwarm", linewidth=0, antialiased=False)
    figure.colorbar(drawn, shrink=0.5, aspect=5)


def _poses(data: xr.Dataset, figure: Any) -> None:
    slices = data.loss.isel(shift_y=data.sizes["shift_y"] // 2, image=slice(0, 4))
    for number in range(slices.sizes["image"]):
        ax = figure.add_subplot(2, 2, number + 1)
        image = slices.isel(image=number).transpose("shift_x", "rotation")
        figure.colorbar(ax.pcolormesh(data.rotation, data.shift_x, image))


def _poses_3d(data: xr.Dataset, figure: Any) -> None:
    ax = figure.add_subplot(projection="3d")
    first = data.loss.isel(shift_y=data.sizes["shift_y"] // 2, image=0)
    x, y = np.meshgrid(data.rotation, data.shift_x, indexing="ij")
    ax.plot_surface(x, y, first.transpose("rotation", "shift_x").values)


def _trade_off(data: xr.Dataset, figure: Any) -> None:
    ax = figure.add_subplot()
    attacked = data.accuracy.isel(attack=slice(1, None))
    for network in range(data.sizes["network"]):
        for attack in range(attacked.sizes["attack"]):
            clean = data.accuracy.isel(network=network, attack=0).values.ravel()
            ax.scatter(clean, attacked.isel(network=network, attack=attack).values.ravel())


OTHERS: dict[str, dict[str, Draw]] = {
    "weight-contour": {"matplotlib": _contour, "Li et al.": _contour_li},
    "weight-3d": {"matplotlib": _relief, "Li et al.": _relief_li},
    "spatial-slices": {"matplotlib": _poses},
    "spatial-3d": {"matplotlib": _poses_3d},
    "tradeoff": {"matplotlib": _trade_off},
}
"""By plot and by whose settings they are."""


def _others(data: xr.Dataset, plot: str) -> Iterator[tuple[str, Any]]:
    for name, draw in OTHERS[plot].items():
        with mpl.rc_context(mpl.rcParamsDefault):
            figure = plt.figure()  # of 6.4 by 4.8 inches, which a column shrinks to a half
            draw(data, figure)
            yield name, _pixels(figure)


def _pixels(figure: Figure) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figure.png")
        figure.savefig(file, dpi=DPI * WIDTH / figure.get_figwidth())
        plt.close(figure)
        return plt.imread(file)[..., :3]


def _ours(file: Path, plot: str) -> Any:
    with tempfile.TemporaryDirectory() as folder, look("icml"):
        with landscape.open_surface(file) as data:
            (drawn,) = write_plots(data, names=[plot], stem=Path(folder, "ours"), formats=("png",))
        return plt.imread(drawn)[..., :3]


def page(drawn: dict[str, Any], file: Path) -> None:
    """Figures side by side in their real sizes, each under its name."""
    high = max(pixels.shape[0] for pixels in drawn.values()) / DPI
    wide = sum(pixels.shape[1] for pixels in drawn.values()) / DPI
    figure = plt.figure(figsize=(wide, high + 0.25), dpi=DPI)
    left = 0.0
    for name, pixels in drawn.items():
        height, width = pixels.shape[0] / DPI, pixels.shape[1] / DPI
        box = (left / wide, (high - height) / (high + 0.25), width / wide, height / (high + 0.25))
        ax = figure.add_axes(box)
        ax.imshow(pixels, interpolation="none", aspect="auto")
        ax.set_axis_off()
        ax.set_title(name, fontsize=8)
        left += width
    figure.savefig(file, dpi=DPI)
    plt.close(figure)


def main(files: Files, /, out: Path = Path("beside")) -> None:
    """Draw every figure for papers that fits a surface, in all ways.

    Args:
        files: surfaces and trade-offs.
        out: the folder for the pages.
    """
    refuse_none(files, "surface file to draw")
    out.mkdir(parents=True, exist_ok=True)
    for file in files:
        with landscape.open_surface(file) as data:
            for plot in plots_for(data):
                if plot in OTHERS:
                    page(
                        {**dict(_others(data, plot)), "landscape": _ours(file, plot)},
                        out / f"{file.stem}-{plot}.png",
                    )
                    print(out / f"{file.stem}-{plot}.png")


if __name__ == "__main__":
    sys.exit(exit_status(lambda: parse(main)))
