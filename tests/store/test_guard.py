"""What a file from a stranger may hold: everything else is refused in one sentence, or ignored."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from landscape import store
from landscape.errors import InputError
from landscape.store import guard
from landscape.store.checksums import seal
from landscape.store.guard import refuse_hostile
from landscape.store.members import MOST_UNWRITTEN

SECRET = 1234.5


def layout():
    axes = (
        store.Axis("alpha", np.linspace(-1, 1, 5), "1", "first"),
        store.Axis("beta", np.arange(3.0), "1", "second"),
    )
    return store.Layout(
        kind="weights",
        points=axes,
        fields=(store.Field("loss", "float64", "nat", "mean loss"),),
        constants=(store.Constant("path_alpha", ("path",), np.arange(4.0), "place"),),
        configuration={"seed": 0},
        about={"title": "a surface", "provenance": {}, "path_names": list("abcd")},
        directions={"alpha": np.arange(6.0), "beta": np.ones(6)},
        parameters={"weight": (2, 2), "bias": (2,)},
    )


def write(path, *, whole=True):
    with store.SurfaceWriter(path, layout()) as writer:
        points = writer.pending()[: None if whole else 7]
        writer.write(points, {"loss": 1.0 + points})
        if whole:
            writer.finish({"checks": []})
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return {
        "whole": write(folder / "whole.h5"),
        "unfinished": write(folder / "unfinished.h5", whole=False),
    }


@pytest.fixture
def whole(files, tmp_path):
    return Path(shutil.copy(files["whole"], tmp_path / "s.h5"))


@pytest.mark.parametrize("change", ["none", "written to", "another"])
def test_what_is_read_is_what_was_looked_through(whole, tmp_path, monkeypatch, change):
    """Looked through once; again where it was written to, or another file took its place since."""
    looks, look = [], guard.parts_of
    other_file = Path(shutil.copy(whole, tmp_path / "other.h5"))

    def watched(file, path):
        looks.append(path)
        parts = look(file, path)
        if change == "another" and len(looks) == 1:
            with h5py.File(other_file, "r+") as other:
                other["loss"].attrs["long_name"] = "x" * 1000
                seal(other)
            other_file.replace(whole)
        if change == "written to" and len(looks) == 1:
            os.utime(whole)
        return parts

    monkeypatch.setattr(guard, "parts_of", watched)
    if change == "another":
        with pytest.raises(InputError, match="short long_name of 'loss'"):
            store.open_surface(whole)
    else:
        with store.open_surface(whole) as data:
            np.testing.assert_array_equal(data.loss, 1.0 + np.arange(15).reshape(5, 3))
            assert data.loss.attrs["units"] == "nat"
    assert len(looks) == (1 if change == "none" else 2)


@pytest.fixture
def unfinished(files, tmp_path):
    return Path(shutil.copy(files["unfinished"], tmp_path / "s.h5"))


@pytest.fixture(params=["whole", "unfinished"])
def path(request, files, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.full((5, 3), SECRET)
    (tmp_path / "secret.bin").write_bytes(np.full(15, SECRET).tobytes())
    return Path(shutil.copy(files[request.param], tmp_path / "s.h5"))


def go_on(path):
    """The writer that would fill the rest reads the file as well."""
    store.SurfaceWriter(path, layout()).close()


READERS = (
    store.open_surface,
    store.load_surface,
    store.load_directions,
    store.split_directions,
    refuse_hostile,
    go_on,
)
LI_READERS = (store.read_li_surface, store.read_li_directions, store.read_li_projection)


def change(path, how, *, sealed=True):
    """Change a file as somebody who means it: its checksum fits afterwards."""
    with h5py.File(path, "r+") as file:
        how(file)
        if sealed and "landscape_schema" in file.attrs:
            seal(file)


def refused(path, words, readers=READERS):
    for reader in readers:
        with pytest.raises(InputError, match=words) as caught:
            reader(path)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 700


def replaced(name, make):
    """A change that puts something else where a dataset was, with its attributes."""

    def how(file):
        kept = dict(file[name].attrs)
        del file[name]
        make(file, name)
        if isinstance(file.get(name, getlink=True), h5py.HardLink) and file[name] != file["/"]:
            for key, value in kept.items():
                file[name].attrs[key] = value

    return how


def chunked(shape, **options):
    def make(file, name):
        file.create_dataset(name, shape, "f8", chunks=tuple(min(n, 64) for n in shape), **options)

    return make


def virtual(file, name):
    sources = h5py.VirtualLayout((5, 3), "f8")
    sources[...] = h5py.VirtualSource("secret.h5", "secret", shape=(5, 3))
    file.create_virtual_dataset(name, sources)


def outside(file, name):
    file.create_dataset(name, (5, 3), "f8", external=[("secret.bin", 0, h5py.h5f.UNLIMITED)])


STORED = {
    "external link": (
        lambda f, name: f.__setitem__(name, h5py.ExternalLink("secret.h5", "secret")),
        r"'loss' in the file itself in .*, got a ExternalLink",
    ),
    "soft link": (lambda f, name: f.__setitem__(name, h5py.SoftLink("/done")), "got a SoftLink"),
    "a link to itself": (lambda f, name: f.__setitem__(name, f["/"]), "as a dataset.*Group"),
    "external storage": (outside, "got storage in another file"),
    "virtual dataset": (virtual, "got virtual storage"),
    "type": (lambda f, name: f.__setitem__(name, np.dtype("f8")), "as a dataset.*Datatype"),
    "never written": (chunked((2**20, 2**20)), r"bytes of 'loss' in .*got 0 stored bytes"),
    "may grow": (chunked((5, 3), maxshape=(None, 3)), "a size that may change"),
    "other filter": (chunked((5, 3), compression="lzf"), r"got the filters \[32000\]"),
    "objects": (
        lambda f, name: f.create_dataset(name, (5, 3), h5py.ref_dtype),
        "numbers in 'loss'.*object",
    ),
    "text": (lambda f, name: f.create_dataset(name, (5, 3), "S9"), "numbers in 'loss'"),
    "records": (
        lambda f, name: f.create_dataset(name, (5, 3), [("a", "f8")]),
        "numbers in 'loss'",
    ),
    "complex": (lambda f, name: f.create_dataset(name, (5, 3), "c16"), "numbers in 'loss'"),
    "foreign bytes": (lambda f, name: f.create_dataset(name, (5, 3), ">f8"), "machine's order"),
    "other shape": (
        lambda f, name: f.create_dataset(name, (3, 5), "f8"),
        "'loss' over 'alpha', 'beta'",
    ),
    "other rank": (
        lambda f, name: f.create_dataset(name, (1,), "f8"),
        "the 1 dimensions of 'loss'",
    ),
    "empty": (lambda f, name: f.create_dataset(name, data=h5py.Empty("f8")), "no values"),
}


@pytest.mark.parametrize("case", STORED)
def test_only_numbers_in_the_file_itself_are_read(path, case):
    make, words = STORED[case]
    change(path, replaced("loss", make), sealed=case != "never written")
    refused(path, words)


def test_what_links_lead_to_is_never_opened(path, monkeypatch):
    """Where somebody follows, a pipe without a writer would make the test hang."""
    folder = path.parent
    os.mkfifo(folder / "pipe")
    change(
        path, replaced("loss", lambda f, n: f.__setitem__(n, h5py.ExternalLink("pipe", "secret")))
    )
    refused(path, "ExternalLink")


def many(file):
    for i in range(4097):
        file.create_group(f"g{i}")


STRUCTURES = {
    "reference": (lambda f: f.attrs.__setitem__("title", f["loss"].ref), "attribute 'title'"),
    "array": (lambda f: f.attrs.__setitem__("note", np.zeros((30, 40))), r"shape \(30, 40\)"),
    "on a dataset": (
        lambda f: f["loss"].attrs.__setitem__("units", f.ref),
        "attribute 'units' of 'loss'",
    ),
    "huge": (
        lambda f: f["loss"].attrs.__setitem__("units", "x" * 1_000_000),
        "short units of 'loss'.*1000000 characters",
    ),
    "not UTF-8": (lambda f: f.attrs.__setitem__("title", np.bytes_(b"\xff\xfe")), "utf-8"),
    "kind": (lambda f: f.attrs.__setitem__("kind", 3), "a name as kind"),
    "complete": (lambda f: f.attrs.__setitem__("complete", "yes"), "0 or 1 as complete"),
    "convention": (lambda f: f.attrs.__setitem__("convention", True), "a name as convention"),
    "padding": (lambda f: f.attrs.__setitem__("padding", 2), "a name as padding"),
    "schema": (lambda f: f.attrs.__setitem__("landscape_schema", "x"), "as landscape_schema"),
    "items": (lambda f: f.attrs.__setitem__("items", '{"a": 1}'), "a list of names as JSON"),
    "an item that is no axis": (lambda f: f.attrs.__setitem__("items", '["loss"]'), "as an axis"),
    "configuration": (lambda f: f.attrs.__setitem__("configuration", "[" * 9000), "an object"),
    "half a character": (
        lambda f: f.attrs.__setitem__("configuration", '{"a": "\\ud800"}'),
        "an object as JSON as configuration",
    ),
    "checks": (lambda f: f.attrs.__setitem__("checks", '[{"name": 1}]'), "a list of checks"),
    "run": (lambda f: f.attrs.__setitem__("run", "[]"), "an object as JSON as run"),
    "nothing": (lambda f: f.attrs.__delitem__("kind"), "expected an attribute of every surface"),
    "no marks": (lambda f: f.__delitem__("done"), "marks 'done'"),
    "no axis": (lambda f: f.__delitem__("beta"), "dimensions of"),
    "groups": (many, "at most 4096 members"),
    "a group": (lambda f: f.create_group("more"), "'more' as a dataset"),
    "nan": (lambda f: f["alpha"].__setitem__(0, np.nan), "distinct numbers as coordinates 'alpha'"),
    "twice": (lambda f: f["alpha"].__setitem__(0, 1.0), "distinct numbers"),
    "huge places": (
        lambda f: f["alpha"].__setitem__(0, -1e300),
        "'alpha' of sizes to compute with",
    ),
    "places alike": (
        lambda f: f["alpha"].__setitem__(..., 1e-300 * np.arange(5)),
        "'alpha' of sizes to compute with",
    ),
    "dimensions": (
        lambda f: f["loss"].attrs.__setitem__("DIMENSION_LIST", "alpha, beta"),
        "the 2 dimensions of 'loss'",
    ),
    "short vector": (
        replaced("directions/beta", lambda f, n: f.create_dataset(n, (5,), "f8")),
        "directions of 6 numbers",
    ),
    "tensors": (
        replaced("directions/parameters", lambda f, n: f.create_dataset(n, data='[["w", [7]]]')),
        "tensors of 6 numbers",
    ),
    "no tensors": (
        replaced("directions/parameters", lambda f, n: f.create_dataset(n, data='[["w", -7]]')),
        "names and shapes of tensors",
    ),
}


@pytest.mark.parametrize("case", STRUCTURES)
def test_what_a_surface_never_says_of_itself_is_refused(whole, case):
    how, words = STRUCTURES[case]
    change(whole, how, sealed=case not in ("reference", "schema"))
    refused(whole, words)


def test_dimensions_elsewhere_are_refused(whole):

    def how(file):
        references = np.empty(2, dtype=object)
        for i in range(2):
            references[i] = np.array([file["directions/alpha"].ref], dtype=h5py.ref_dtype)
        kind = h5py.vlen_dtype(h5py.ref_dtype)
        file["loss"].attrs.create("DIMENSION_LIST", references, (2,), kind)

    change(whole, how)
    refused(whole, "does not stand beside it")


def test_a_packed_constant_may_be_a_thousandth_of_its_size(tmp_path):
    """A sweep over nothing but one loss is no bomb, and what was never written may be small."""
    axes = (
        store.Axis("alpha", np.arange(2000.0), "1", "a"),
        store.Axis("beta", np.arange(1000.0), "1", "b"),
    )
    wide = store.Layout("weights", axes, (store.Field("loss", "float64", "nat", "mean loss"),))
    path = tmp_path / "s.h5"
    with store.SurfaceWriter(path, wide) as writer:
        writer.finish({})
    with h5py.File(path) as file:
        data = file["loss"]
        assert data.size * 8 > 200 * data.id.get_storage_size()
    assert store.load_surface(path).loss.size == 2_000_000


def test_a_bomb_is_refused_by_what_it_would_take(whole):
    room = MOST_UNWRITTEN // 8 + 2**20

    def how(file):
        make = chunked((room,), compression="gzip")
        make(file, "bomb")

    change(whole, how)
    refused(whole, "bytes of 'bomb'")


def test_what_is_no_text_and_no_number_of_ours_is_ignored(whole):
    """What netCDF software adds, and the words of who annotates a file, change nothing."""
    before = store.load_surface(whole)

    def how(file):
        file["loss"].attrs.update(
            _FillValue=1.0, scale_factor=3.0, missing_value=2.0, coordinates="../../secret"
        )
        file["alpha"].attrs["units"] = "days since 2000-01-01"

    change(whole, how)
    after = store.load_surface(whole)
    np.testing.assert_array_equal(after.loss, before.loss)
    np.testing.assert_array_equal(after.alpha, before.alpha)


def test_it_is_what_plain_xarray_opens(path):
    with xr.open_dataset(path, engine="h5netcdf") as plain:
        plain = plain.drop_vars("crc32", errors="ignore").load()
    with store.open_surface(path) as ours:
        assert list(ours.variables) == list(plain.variables)
        xr.testing.assert_identical(ours.load(), plain)
        assert json.loads(ours.attrs["configuration"]) == {"seed": 0}


def test_a_copy_by_xarray_is_read(tmp_path, whole):
    store.load_surface(whole).to_netcdf(tmp_path / "copy.h5", engine="h5netcdf")
    change(tmp_path / "copy.h5", seal, sealed=False)
    copy = store.load_surface(tmp_path / "copy.h5")
    np.testing.assert_array_equal(copy.loss, store.load_surface(whole).loss)
    assert store.facts(copy)["path_names"] == list("abcd")


@pytest.mark.parametrize("size", [0, 7, 2**40])
def test_a_heap_that_hdf5_reads_for_ever_is_withheld(path, size):
    """Entry 0 of a global heap is what is left of it; HDF5 takes a size of 0 and does not move."""
    data = bytearray(path.read_bytes())
    start = data.index(b"GCOL")
    at = start + 16
    while number := int.from_bytes(data[at : at + 2], "little"):
        assert number
        length = int.from_bytes(data[at + 8 : at + 16], "little")
        at += 16 + (length + 7) // 8 * 8
    data[at + 8 : at + 16] = size.to_bytes(8, "little")
    path.write_bytes(data)
    refused(path, "not a readable HDF5 file")


@pytest.mark.parametrize("name", ["loss", "done"])
def test_damage_found_late_is_one_sentence_too(whole, name):
    """A chunk whose checksum is wrong is found when it is read."""
    with h5py.File(whole) as file:
        chunk = file[name].id.get_chunk_info(0)
    data = bytearray(whole.read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 4
    whole.write_bytes(data)
    with pytest.raises(InputError, match=r"s\.h5 is not a readable HDF5 file \(.*damaged"):
        store.load_surface(whole)


def test_what_is_to_be_filled_must_have_the_fields_that_are_written(unfinished):
    go_on(unfinished)
    change(
        unfinished, replaced("loss", lambda f, n: f.create_dataset(n, data=np.ones((5, 3), "f4")))
    )
    refused(unfinished, "'loss' as float64 of shape", [go_on])
    change(unfinished, lambda f: f.__delitem__("loss"))
    refused(unfinished, "got nothing", [go_on])


def test_what_is_filled_has_a_place_for_each_point(unfinished):
    """Points are written straight to their places, which chunks have not."""
    change(
        unfinished, replaced("loss", lambda f, n: f.create_dataset(n, (5, 3), "f8", chunks=(5, 3)))
    )
    with h5py.File(unfinished, "r+") as file:
        file["loss"][...] = 1
    refused(unfinished, "'loss' in one piece")


# -- files of Li et al. -----------------------------------------------------------------


@pytest.fixture
def li(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.full((3, 2), SECRET)
    with h5py.File(tmp_path / "li.h5", "w") as file:
        file["dir_file"] = "directions.h5"
        file["xcoordinates"], file["ycoordinates"] = np.arange(3.0), np.arange(2.0)
        file["train_loss"] = np.ones((3, 2))
        file["proj_xcoord"] = np.arange(4.0)
    return tmp_path / "li.h5"


def test_their_files_are_looked_through_as_well(li):
    store.read_li_surface(li)
    for make in (STORED["external link"], STORED["virtual dataset"], STORED["objects"]):
        change(li, replaced("train_loss", make[0]))
        for reader in (store.read_li_surface, store.read_li_projection):
            with pytest.raises(InputError, match=r"'train_loss'"):
                reader(li)
        assert not store.is_li_surface(li)
        change(li, replaced("train_loss", lambda f, n: f.create_dataset(n, data=np.ones((3, 2)))))


def test_file_names_in_their_files_never_become_paths(li, tmp_path):
    change(li, replaced("dir_file", lambda f, n: f.__setitem__(n, str(tmp_path / "secret.h5"))))
    told = store.read_li_surface(li)
    assert told.layout.configuration["dir_file"] == str(tmp_path / "secret.h5")
    assert not told.layout.directions
    change(li, replaced("dir_file", lambda f, n: f.create_dataset(n, data=b"\x1b[31m", dtype="S9")))
    assert store.read_li_surface(li).layout.configuration["dir_file"] == "\\x1b[31m"
    change(li, replaced("dir_file", lambda f, n: f.__setitem__(n, np.ones(3))))
    with pytest.raises(InputError, match="text as 'dir_file'"):
        store.read_li_surface(li)


def test_directions_of_theirs_are_groups_of_numbers(tmp_path):
    path = tmp_path / "directions.h5"
    store.write_li_directions({"alpha": [np.ones(3), np.ones(())]}, path)
    assert store.is_li_directions(path)
    change(path, lambda f: f["xdirection"].create_group("2"))
    with pytest.raises(InputError, match="'2' as a dataset"):
        store.read_li_directions(path)
    assert not store.is_li_directions(path)
    change(path, lambda f: (f.__delitem__("xdirection"), f.__setitem__("xdirection", np.ones(3))))
    with pytest.raises(InputError, match="'xdirection' as a group"):
        store.read_li_directions(path)


def test_what_they_carry_for_us_is_looked_at_too(li):
    def how(file):
        group = file.create_group("landscape")
        group.attrs["split"] = "train"
        sums = hashlib.sha256(file["train_loss"][()].tobytes()).hexdigest()
        group.attrs["loss_sha256"] = sums
        group["facts"] = "[1, 2"
        group["more"] = np.ones((3, 2))
        group["more"].attrs.update(units="1", long_name="more")

    change(li, how)
    assert "more" in store.read_li_surface(li).values
    change(li, lambda f: f.move("landscape/more", "landscape/done"))
    with pytest.raises(InputError, match="a field over the grid as 'done'"):
        store.read_li_surface(li)


SUMS = {
    "none": lambda f: f.__delitem__("crc32"),
    "of another shape": replaced("crc32", lambda f, n: f.create_dataset(n, data=np.ones(5, "u4"))),
    "of a group": lambda f: f.attrs.__setitem__("crc32_of", '["directions"]'),
    "of a field that is not there": lambda f: f.attrs.__setitem__("crc32_of", '["lose"]'),
    "of an axis": lambda f: f.attrs.__setitem__("crc32_of", '["beta"]'),
}


@pytest.mark.parametrize("case", [name for name in SUMS if name != "none"])
def test_checksums_that_do_not_fit_are_refused(unfinished, case):
    change(unfinished, SUMS[case])
    for read in (store.open_surface, store.load_surface):
        with pytest.raises(InputError, match="damaged, or was not written by landscape"):
            read(unfinished)


def test_without_checksums_a_file_is_read_and_not_written(unfinished):
    change(unfinished, SUMS["none"])
    assert int(store.load_surface(unfinished).done.sum()) == 7
    refused(unfinished, "'crc32' as uint32 of shape", [go_on])
