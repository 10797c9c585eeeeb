"""The store on its own: no torch, made-up values."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape import store
from landscape.errors import InputError
from landscape.interrupt import Terminated, unwinding
from landscape.store import hdf5, reader, watch
from landscape.store.packing import pack


def make_axes(shape):
    return tuple(
        store.Axis(name, np.linspace(-1, 1, n), "pixel", f"axis {name}")
        for name, n in zip("xyz", shape, strict=False)
    )


def make_layout(shape=(5, 4), items=3, **changes):
    layout = store.Layout(
        kind="spatial",
        points=make_axes(shape),
        items=(store.Axis("image", np.array([4, 9, 2])[:items], "1", "position"),) if items else (),
        fields=(
            store.Field("loss", "float32", "nat", "cross-entropy"),
            store.Field("prediction", "int32", "1", "predicted class"),
        ),
        constants=(store.Constant("label", ("image",), np.arange(items), "true class"),)
        if items
        else (),
        configuration={"model": "cnn", "seed": 0},
        about={"title": "a surface", "provenance": {"python": "3.11"}},
        directions={"x": np.arange(6.0), "y": -np.arange(6.0)},
    )
    return replace(layout, **changes)


def values_at(layout, indices):
    """Made-up but distinct values for every point and item."""
    shape = (len(indices), *layout.item_shape)
    base = np.asarray(indices, dtype=np.float32).reshape(-1, *[1] * len(layout.item_shape))
    loss = np.broadcast_to(base, shape) + 0.25 * np.arange(np.prod(layout.item_shape or (1,)))
    return {"loss": loss.reshape(shape), "prediction": np.round(loss).reshape(shape)}


def fill(path, layout, *, chunk=3, stop=None):
    with store.SurfaceWriter(path, layout) as writer:
        pending = writer.pending()[:stop]
        for start in range(0, len(pending), chunk):
            part = pending[start : start + chunk]
            writer.write(part, values_at(layout, part))
        if stop is None and not writer.complete:
            writer.finish({"checks": [], "wall_time_seconds": 1.5})


def expected(layout):
    everything = values_at(layout, np.arange(np.prod(layout.grid_shape)))
    return {
        name: np.moveaxis(v.reshape(layout.grid_shape + layout.item_shape), -1, 0)
        if layout.items
        else v.reshape(layout.grid_shape)
        for name, v in everything.items()
    }


@given(
    points=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    items=st.integers(0, 3),
    chunk=st.integers(1, 7),
    stop=st.integers(0, 30),
)
@settings(max_examples=25, deadline=None)
def test_a_sweep_in_two_parts_stores_what_was_written(tmp_path_factory, points, items, chunk, stop):
    path = tmp_path_factory.mktemp("store") / "s.h5"
    layout = make_layout(tuple(points), items)
    fill(path, layout, chunk=chunk, stop=stop)
    fill(path, layout, chunk=chunk)
    data = store.load_surface(path)
    for name, values in expected(layout).items():
        np.testing.assert_array_equal(data[name], values)
    assert (data.done == 1).all()


def test_plain_xarray_opens_it_with_names_units_and_facts(tmp_path):
    path, layout = tmp_path / "s.h5", make_layout()
    fill(path, layout)
    with xr.open_dataset(path, engine="h5netcdf") as data:
        assert data.loss.dims == ("image", "x", "y")
        assert data.x.attrs["units"] == "pixel"
        assert data.loss.attrs == {"units": "nat", "long_name": "cross-entropy"}
        assert data.image.values.tolist() == [4, 9, 2]
        assert data.attrs["kind"] == "spatial"
        assert json.loads(data.attrs["configuration"]) == {"model": "cnn", "seed": 0}
        assert (data.attrs["model"], data.attrs["seed"]) == ("cnn", 0)
    with xr.open_dataset(path, engine="h5netcdf", group="directions") as directions:
        assert directions.x.dims == ("parameter",)
    assert store.facts(store.load_surface(path))["provenance"] == {"python": "3.11"}
    np.testing.assert_array_equal(store.load_directions(path)["y"], -np.arange(6.0))


def test_an_unfinished_file_opens_says_so_and_has_nan_where_nothing_is(tmp_path):
    path, layout = tmp_path / "s.h5", make_layout()
    fill(path, layout, stop=7)
    data = store.load_surface(path)
    assert data.attrs["complete"] == 0
    assert int(data.done.sum()) == 7
    assert np.isnan(data.loss.where(data.done == 0, drop=True)).all()
    assert np.isfinite(data.loss.transpose("x", "y", "image").values[data.done.values == 1]).all()
    assert (data.prediction.transpose("x", "y", "image").values[data.done.values == 0] == -1).all()


def test_a_packed_file_is_compressed_and_detects_flipped_bits(tmp_path):
    path, layout = tmp_path / "s.h5", make_layout((40, 40), 3)
    fill(path, layout, chunk=1600)
    with h5py.File(path) as file:
        loss = file["loss"]
        assert loss.compression == "gzip"
        offset = loss.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 20] ^= 0xFF
    path.write_bytes(content)
    with h5py.File(path) as file, pytest.raises(OSError, match=r"(?i)checksum|filter"):
        file["loss"][...]


def test_inf_and_nan_are_stored_as_measured(tmp_path):
    path, layout = tmp_path / "s.h5", make_layout((2, 1), 0, directions={})
    with store.SurfaceWriter(path, layout) as writer:
        loss = np.array([np.inf, np.nan])
        writer.write(np.array([0, 1]), {"loss": loss, "prediction": np.zeros(2)})
        writer.finish({})
    np.testing.assert_array_equal(store.load_surface(path).loss.values.ravel(), [np.inf, np.nan])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"configuration": {"model": "cnn", "seed": 7}}, "seed is 0 in the file, 7 was asked for"),
        ({"configuration": {"model": "cnn"}}, "seed is 0 in the file, None was asked for"),
        ({"kind": "weights"}, "kind is 'spatial' in the file, 'weights' was asked for"),
        (
            {"points": make_axes((6, 4))},
            "x is 5 values from -1 to 1 in the file, 6 values from -1 to 1 was asked for",
        ),
    ],
)
@pytest.mark.parametrize("stop", [3, None], ids=["unfinished", "finished"])
def test_a_file_of_another_surface_is_refused_and_left_alone(tmp_path, change, named, stop):
    path = tmp_path / "s.h5"
    fill(path, make_layout(), stop=stop)
    before = path.read_bytes()
    with pytest.raises(InputError, match="holds another surface") as error:
        store.SurfaceWriter(path, make_layout(**change))
    assert named in str(error.value)
    assert "--overwrite" in str(error.value)
    assert path.read_bytes() == before
    with store.SurfaceWriter(path, make_layout(**change), overwrite=True) as writer:
        assert not writer.complete


def test_a_file_of_another_program_is_refused(tmp_path):
    path = tmp_path / "s.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(3)
    with pytest.raises(InputError, match="not written by landscape"):
        store.SurfaceWriter(path, make_layout())
    with pytest.raises(InputError, match="not a surface written by landscape"):
        store.open_surface(path)


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all"], ids=["empty", "text"])
def test_what_is_not_hdf5_is_refused(tmp_path, content):
    path = tmp_path / "s.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"s\.h5"):
        store.SurfaceWriter(path, make_layout())
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        store.load_surface(path)
    assert path.read_bytes() == content


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "s.h5"
    fill(path, make_layout())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        store.load_surface(path)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied"), r"s\.h5 may not be read here"),
        (OSError(5, "Input/output error"), r"not a readable HDF5 file \(Input/output error\)"),
    ],
    ids=str,
)
def test_what_the_system_refuses_to_read_is_told_in_words(tmp_path, monkeypatch, error, said):
    def fail(*_):
        raise error

    fill(path := tmp_path / "s.h5", make_layout())
    monkeypatch.setattr(watch._Watched, "_refuse_other_formats", fail)
    with pytest.raises(InputError, match=said):
        store.load_surface(path)


def test_a_newer_schema_is_refused(tmp_path):
    path = tmp_path / "s.h5"
    fill(path, make_layout())
    with h5py.File(path, "r+") as file:
        file.attrs["landscape_schema"] = 99
    with pytest.raises(InputError, match="schema 99"):
        store.load_surface(path)
    with pytest.raises(InputError, match="schema 99"):
        store.SurfaceWriter(path, make_layout())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no such file: .*nowhere\.h5"):
        store.load_surface(tmp_path / "nowhere.h5")


def test_a_second_writer_is_told_and_readers_are_not_disturbed(tmp_path):
    path, layout = tmp_path / "s.h5", make_layout()
    with store.SurfaceWriter(path, layout) as writer:
        part = writer.pending()[:4]
        writer.write(part, values_at(layout, part))
        with pytest.raises(InputError, match="being written by another process"):
            store.SurfaceWriter(path, layout)
        # A plain reader in a process of its own, with xarray's default settings.
        code = f"import xarray; print(int(xarray.open_dataset({str(path)!r}).done.sum()))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == "4", done.stderr
    store.SurfaceWriter(path, layout).close()


def test_a_full_disk_is_one_sentence_and_leaves_no_file(tmp_path):
    """A file size limit stands in for the disk: the same failing write in the same place."""
    path = tmp_path / "s.h5"
    code = f"""
import resource, signal, sys
sys.path[:0] = {[str(Path(__file__).parent)]!r}
from test_hdf5 import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.SurfaceWriter(Path({str(path)!r}), make_layout((200, 200)))
except InputError as error:
    print("refused:", error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("refused: cannot write"), done.stderr
    assert "\n" not in done.stdout.strip()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("shape", "items"), [((5, 4), 3), ((7,), 0), ((3, 2, 4), 2)])
def test_a_packed_file_with_gaps_is_reopened_and_filled(tmp_path, shape, items):
    path, layout = tmp_path / "s.h5", make_layout(shape, items)
    with store.SurfaceWriter(path, layout) as writer:
        some = np.arange(0, np.prod(shape), 2)
        writer.write(some, values_at(layout, some))
        writer.finish({"checks": [], "adaptive": {"budget": 10}})
    packed = store.load_surface(path)
    newer = replace(layout, about={"title": "another", "provenance": {"python": "9"}})
    with store.SurfaceWriter(path, newer) as writer:
        assert writer.complete
        writer.reopen()
        assert not writer.complete
        assert sorted(writer.pending()) == list(range(1, np.prod(shape), 2))
        opened = store.load_surface(path)
        for name in ("loss", "prediction", "done"):
            np.testing.assert_array_equal(opened[name].transpose(*packed[name].dims), packed[name])
        assert opened.attrs["provenance"] == packed.attrs["provenance"]  # of what is there already
        assert {"checks", "adaptive"} & opened.attrs.keys() == set()
        with pytest.raises(InputError, match="being written by another process"):
            store.SurfaceWriter(path, layout)
    fill(path, layout)
    data = store.load_surface(path)
    for name, values in expected(layout).items():
        np.testing.assert_array_equal(data[name], values)
    assert (data.done == 1).all()
    np.testing.assert_array_equal(store.load_directions(path)["y"], -np.arange(6.0))


def test_a_packed_file_is_whole_until_the_reopened_one_takes_its_place(tmp_path):
    """As above, a file size limit stands in for a full disk; the unpacked file is the larger."""
    path, layout = tmp_path / "s.h5", make_layout((200, 200), 0)
    with store.SurfaceWriter(path, layout) as writer:
        writer.write(np.arange(9), values_at(layout, np.arange(9)))
        writer.finish({})
    before = path.read_bytes()
    code = f"""
import resource, signal, sys
sys.path[:0] = {[str(Path(__file__).parent)]!r}
from test_hdf5 import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with store.SurfaceWriter(Path({str(path)!r}), make_layout((200, 200), 0)) as writer:
    try:
        writer.reopen()
    except InputError as error:
        print("refused:", error)
    print(writer.complete, int(writer.done.sum()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("refused: cannot write"), done.stderr
    assert done.stdout.splitlines()[-1] == "True 9"
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_finished_surface_is_no_longer_called_adaptive_unless_it_is(tmp_path):
    path = tmp_path / "s.h5"
    chosen = {"title": "a surface", "adaptive": {"budget": 5}}
    fill(path, make_layout(about=chosen), stop=5)
    assert store.facts(store.load_surface(path))["adaptive"] == {"budget": 5}
    fill(path, make_layout())
    assert "adaptive" not in store.load_surface(path).attrs


KILLED = """
import sys
sys.path[:0] = [{here!r}]
from test_hdf5 import *
layout = make_layout((9, 8))
print("ready", flush=True)
fill(Path({path!r}), layout, chunk=1)
"""


@pytest.mark.parametrize("attempt", range(2))
@pytest.mark.processes
def test_kill_9_at_any_instant_loses_only_the_chunk_in_hand(tmp_path, attempt):
    """The process is killed again and again until it gets through; then nothing is wrong."""
    path, layout = tmp_path / "s.h5", make_layout((9, 8))
    delay = np.random.default_rng(attempt)
    code = KILLED.format(here=str(Path(__file__).parent), path=str(path))
    kills = 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(delay.uniform(0.0, 0.02))
            os.kill(process.pid, signal.SIGKILL)
        kills += process.returncode == -signal.SIGKILL
        if path.exists():
            data = store.load_surface(path)
            done = data.done.values == 1
            got = data.loss.transpose("x", "y", "image").values[done]
            want = np.moveaxis(expected(layout)["loss"], 0, -1)[done]
            np.testing.assert_array_equal(got, want)
    assert kills
    fill(path, layout)
    np.testing.assert_array_equal(store.load_surface(path).loss, expected(layout)["loss"])


def flip(path, offset, bit=0x10):
    content = bytearray(path.read_bytes())
    content[offset] ^= bit
    path.write_bytes(content)


def test_points_damaged_while_the_file_is_being_filled_are_computed_again(tmp_path, caplog):
    path, layout = tmp_path / "s.h5", make_layout((5, 4), 3)
    fill(path, layout, stop=9)
    with h5py.File(path) as file:
        first = coarse = int(np.flatnonzero(file["done"][...].ravel())[0])
        place = file["prediction"].id.get_offset() + 4 * (3 * coarse + 1)
    flip(path, place)
    with store.SurfaceWriter(path, layout) as writer:
        assert first in writer.pending()
        assert int(writer.done.sum()) == 8
    assert "checksums of 1 points do not match" in caplog.text
    fill(path, layout)
    for name, values in expected(layout).items():
        np.testing.assert_array_equal(store.load_surface(path)[name], values)


def test_damaged_points_of_an_unfinished_file_are_missing_for_its_readers(
    tmp_path, caplog, monkeypatch
):
    path, layout = tmp_path / "s.h5", make_layout()
    fill(path, layout, stop=9)
    with store.SurfaceWriter(path, layout) as writer:
        first = int(np.flatnonzero(writer.done)[0])
    with h5py.File(path) as file:
        place = file["prediction"].id.get_offset() + 4 * 3 * first
    flip(path, place)
    for read in (store.load_surface, store.open_surface):
        caplog.clear()
        with read(path) as data:
            assert data.done.values.flat[first] == 0
            assert int(data.done.sum()) == 8
        assert "the checksums of 1 points do not match" in caplog.text
    monkeypatch.setattr(reader, "VERIFIED", 0)  # as of a file that takes long to go through
    with store.open_surface(path) as data:
        assert int(data.done.sum()) == 9
    assert int(store.load_surface(path).done.sum()) == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("ctrl_c")
def test_a_stop_waits_until_the_file_is_packed(tmp_path, monkeypatch, number):
    """Raised within HDF5's own writing it would be lost, or leave a file half closed."""
    path, layout = tmp_path / "s.h5", make_layout()
    fill(path, layout, stop=15)

    def stopped_pack(*arguments):
        os.kill(os.getpid(), number)
        pack(*arguments)

    monkeypatch.setattr(hdf5, "pack", stopped_pack)
    with unwinding(), store.SurfaceWriter(path, layout) as writer:
        writer.write(writer.pending(), values_at(layout, writer.pending()))
        with pytest.raises(Terminated if number == signal.SIGTERM else KeyboardInterrupt):
            writer.finish({"checks": []})
        writer.close()  # as whoever unwinds does once more
    assert store.load_surface(path).attrs["complete"] == 1
    with store.SurfaceWriter(path, layout) as writer:
        assert writer.complete
    assert [file.name for file in tmp_path.iterdir()] == ["s.h5"]


@pytest.mark.parametrize("stop", [9, None], ids=["unfinished", "finished"])
@pytest.mark.parametrize("text", [b'"seed": 0', b"cross-entropy", b"a surface"])
def test_flipped_bits_in_facts_are_noticed(tmp_path, stop, text):
    path, layout = tmp_path / "s.h5", make_layout()
    fill(path, layout, stop=stop)
    flip(path, path.read_bytes().index(text), 0x01)
    with pytest.raises(InputError, match=r"damaged|not a readable"):
        store.load_surface(path)
    with pytest.raises(InputError, match=r"damaged|cannot be opened|holds another"):
        store.SurfaceWriter(path, layout)


@pytest.mark.parametrize("name", ["image", "x", "label"])
def test_flipped_bits_in_what_was_known_before_are_noticed(tmp_path, name):
    path, layout = tmp_path / "s.h5", make_layout()
    fill(path, layout)
    with h5py.File(path) as file:
        data = file[name]
        place = data.id.get_chunk_info(0).byte_offset if data.chunks else data.id.get_offset()
    flip(path, place + 9)
    with pytest.raises(InputError):
        store.load_surface(path)


@pytest.mark.parametrize(("name", "when"), [("loss", "filled"), ("done", "looked at")])
def test_damage_that_a_writer_comes_upon_late_is_told_and_the_file_stays(tmp_path, name, when):
    path, layout = tmp_path / "s.h5", make_layout()
    with store.SurfaceWriter(path, layout) as writer:
        points = writer.pending()[:9]
        writer.write(points, values_at(layout, points))
        writer.finish({})
    with h5py.File(path) as file:
        chunk = file[name].id.get_chunk_info(0)
    flip(path, chunk.byte_offset + chunk.size // 2)
    before = path.read_bytes()
    with (
        store.SurfaceWriter(path, layout) as writer,
        pytest.raises(InputError, match="not a readable"),
    ):
        writer.reopen() if when == "filled" else writer.pending()
    assert path.read_bytes() == before


def test_a_file_of_the_first_schema_is_read_and_continued(tmp_path):
    path, layout = tmp_path / "s.h5", make_layout()
    for stop in (7, None):
        fill(path, layout, stop=stop)
        with h5py.File(path, "r+") as file:
            file.attrs["landscape_schema"] = 1
            del file.attrs["facts_crc32"]
            if "crc32" in file:
                del file["crc32"]
        assert int(store.load_surface(path).done.sum()) == (stop or 20)
    fill(path, layout, stop=0)
    path.unlink()
    fill(path, layout, stop=7)
    with h5py.File(path, "r+") as file:
        file.attrs["landscape_schema"] = 1
        del file.attrs["facts_crc32"], file["crc32"]
    fill(path, layout)
    data = store.load_surface(path)
    assert data.attrs["landscape_schema"] == 2
    for name, values in expected(layout).items():
        np.testing.assert_array_equal(data[name], values)


def test_a_good_file_stays_until_the_one_that_replaces_it_is_whole(tmp_path):
    path, old, new = tmp_path / "s.h5", make_layout(), make_layout((3, 7))
    fill(path, old)
    before = path.read_bytes()
    with store.SurfaceWriter(path, new, overwrite=True) as writer:
        writer.write(np.arange(5), values_at(new, np.arange(5)))
        assert writer.path == tmp_path / "s.partial.h5"
    assert path.read_bytes() == before
    with store.SurfaceWriter(path, new, overwrite=True) as writer:  # as the same command does
        assert len(writer.pending()) == 16
        writer.write(writer.pending(), values_at(new, writer.pending()))
        with pytest.raises(InputError, match="being written by another process"):
            store.SurfaceWriter(path, old, overwrite=True)
        writer.finish({})
        assert writer.path == path
    assert list(tmp_path.iterdir()) == [path]
    np.testing.assert_array_equal(store.load_surface(path).loss, expected(new)["loss"])


def test_what_was_begun_for_another_surface_is_begun_anew(tmp_path):
    path = tmp_path / "s.h5"
    fill(path, make_layout())
    with store.SurfaceWriter(path, make_layout((3, 7)), overwrite=True) as writer:
        writer.write(np.arange(5), values_at(writer.layout, np.arange(5)))
    with store.SurfaceWriter(path, make_layout((2, 2)), overwrite=True) as writer:
        assert len(writer.pending()) == 4


@pytest.mark.processes
def test_of_two_that_create_a_file_at_once_one_is_told(tmp_path):
    path = tmp_path / "s.h5"
    code = KILLED.replace("fill(", "input(); fill(").format(
        here=str(Path(__file__).parent), path=str(path)
    )
    start = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen([sys.executable, "-c", code], **start) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == b"ready\n"
    for process in both:
        process.stdin.write(b"\n")
        process.stdin.flush()
    told = [process.communicate()[1].decode() for process in both]
    assert sum("being written by another process" in text for text in told) in (0, 1), told
    assert 0 in [process.returncode for process in both]
    assert (store.load_surface(path).done == 1).all()
    assert list(tmp_path.iterdir()) == [path]
