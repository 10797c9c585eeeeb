"""What `landscape info` says of values that are no numbers."""

import numpy as np
import pytest

from landscape.cli.info import info
from landscape.store import Axis, Field, Layout, SurfaceWriter


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ([1, np.inf, 3, -np.inf, np.nan, np.nan], "1 to 3 nat, mean 2, 1 inf, 1 -inf, 2 nan"),
        ([np.nan, np.nan], "2 nan"),
        ([np.inf], "1 inf"),
        ([], "no value yet"),
        ([5, 5, 2], "2 to 5 nat, mean 4"),
    ],
)
def test_values_that_are_no_numbers_are_counted_and_missing_ones_are_not(
    tmp_path, capsys, loss, told
):
    axis = Axis("alpha", np.arange(7.0), "1", "alpha")
    fields = (Field("loss", "float32", "nat", "mean cross-entropy"),)
    layout = Layout("weights", (axis,), fields, about={"title": "a line", "provenance": {}})
    with SurfaceWriter(tmp_path / "s.h5", layout) as writer:
        if loss:
            writer.write(np.arange(len(loss)), {"loss": np.array(loss)})
    info((tmp_path / "s.h5",))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line[:6] == " loss "]
    assert line.split(maxsplit=1)[1].strip() == told


def test_a_file_may_sweep_over_an_axis_of_any_name(tmp_path, capsys):
    """Also one that is called as the attacks of a trade-off are."""
    axis = Axis("attack", np.arange(3.0), "1", "attack")
    layout = Layout("other", (axis,), (Field("loss", "float32", "nat", "loss"),), about={})
    with SurfaceWriter(tmp_path / "s.h5", layout) as writer:
        writer.write(np.arange(3), {"loss": np.array([1.0, 2.0, 6.0])})
    info((tmp_path / "s.h5",))
    assert "1 to 6 nat, mean 3" in capsys.readouterr().out


def test_what_is_known_of_directions_is_told_in_four_digits(tmp_path, capsys):
    record = {"facts": {"explained variance": [0.769123, 0.14812], "by_name": {"a": 1.23456}}}
    axis = Axis("alpha", np.arange(2.0), "1", "alpha")
    about = {"title": "a line", "provenance": {}, "directions_record": record}
    layout = Layout("weights", (axis,), (Field("loss", "float32", "nat", "loss"),), about=about)
    with SurfaceWriter(tmp_path / "s.h5", layout) as writer:
        writer.write(np.arange(1), {"loss": np.ones(1)})
    info((tmp_path / "s.h5",))
    shown = " ".join(capsys.readouterr().out.split())
    assert "explained variance 0.7691, 0.1481" in shown
    assert "by name a: 1.235" in shown
