"""What `landscape info` says of an adaptive grid."""

import numpy as np
import pytest

from landscape.cli import main
from landscape.store import Axis, Field, Layout, SurfaceWriter
from landscape.store.plan import Adaptive, Everything


@pytest.fixture
def stored(tmp_path):
    """A plane that was swept as far as a plan goes."""

    def sweep(plan):
        axes = tuple(Axis(name, np.linspace(-1, 1, 17), "1", name) for name in ("alpha", "beta"))
        layout = Layout(
            kind="weights",
            points=axes,
            fields=(Field("loss", "float64", "nat", "loss"),),
            about={"title": "a plane", "provenance": {"python": "3"}, **plan.about()},
        )
        path = tmp_path / "plane.h5"
        with SurfaceWriter(path, layout, overwrite=True) as writer:
            for batch in plan.batches(writer):
                x, y = layout.coordinates(batch).T
                writer.write(batch, {"loss": np.exp(2 * np.hypot(x, y))})
            writer.finish(plan.outcome(writer))
        return path

    return sweep


def test_info_tells_how_many_points_were_measured_and_how_good_the_rest_is(stored, capsys):
    assert main(["info", str(stored(Adaptive(tolerance=0.05, budget=200)))]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "of 289 points measured, tolerance 0.05, budget 200" in shown
    assert "% of the range of log(1 + loss)" in shown
    assert "state complete" in shown


def test_info_is_silent_about_full_grids(stored, capsys):
    assert main(["info", str(stored(Everything()))]) == 0
    assert "adaptive" not in capsys.readouterr().out
