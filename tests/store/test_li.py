"""The files of Li et al. 2018: read, written, and there and back without a bit lost."""

import json

import h5py
import numpy as np
import pytest

from landscape import store
from landscape.errors import InputError

X, Y = np.linspace(-1, 1, 7), np.linspace(-0.5, 1.5, 4)


def loss_at(x, y=0.0):
    return 20 + x + 10 * y


def li_file(path, *, x=X, y=Y, names=("train_loss", "train_acc"), missing=(), **more):
    """A file as their scripts fill it: a list of points, y outermost, into an array of (x, y)."""
    points = [(a, b) for b in y for a in x] if y is not None else [(a,) for a in x]
    shape = (len(x),) if y is None else (len(x), len(y))
    with h5py.File(path, "w") as file:
        file["dir_file"] = "net_weights_xignore=biasbn_xnorm=filter.h5"
        file["xcoordinates"] = x
        if y is not None:
            file["ycoordinates"] = y
        for number, name in enumerate(names):
            empty = 1.0 if name == "min_eig" else -1.0
            array = np.full(shape, empty)
            for i, point in enumerate(points):
                if i not in missing:
                    array.ravel()[i] = loss_at(*point) * 10**number
            file[name] = array
        for name, values in more.items():
            file[name] = values
    return path


def contents(path):
    """Every dataset of a file by its path, those of the group of ours aside."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]})
                if isinstance(item, h5py.Dataset) and not name.startswith("landscape/")
                else None
            )
        )
    return found


def assert_same(got, wanted):
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert np.asarray(got[name]).dtype == np.asarray(value).dtype, name
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def our_surface(path, shape=(5, 3), *, done=None, split="train", **changes):
    """A stored surface with fields that theirs has no names for, unfinished unless all is done."""
    rng = np.random.default_rng(0)
    axes = tuple(
        store.Axis(name, np.linspace(-1, 1, n), "1", f"multiples of {name}")
        for name, n in zip(("alpha", "beta", "gamma"), shape, strict=False)
    )
    names = ("loss", "loss_stderr", "accuracy", "accuracy_stderr", "gradient_norm", "hessian_min")
    layout = store.Layout(
        kind="weights",
        points=axes,
        fields=tuple(store.Field(name, "float64", "nat", f"the {name}") for name in names),
        configuration={"split": split, "seed": 3},
        about={"title": "plane", "provenance": {"python": "3.11"}},
        **changes,
    )
    done = np.ones(shape, bool) if done is None else done
    values = {name: rng.normal(size=shape) for name in names}
    values["loss"].flat[0], values["loss"].flat[-1] = np.inf, np.nan
    where = np.flatnonzero(done)
    with store.SurfaceWriter(path, layout) as writer:
        writer.write(where, {name: column.ravel()[where] for name, column in values.items()})
        if done.all():
            writer.finish({"checks": []})
    return store.load_surface(path)


@pytest.mark.parametrize("y", [None, Y, X])
def test_every_value_of_theirs_is_at_its_coordinates(tmp_path, y):
    """Arrays are allocated as (x, y) but filled row by row of y, also where they are not square."""
    source = li_file(tmp_path / "li.h5", y=y)
    data = store.read_li_surface(source).save(tmp_path / "s.h5")
    point = (data.alpha,) if y is None else (data.alpha, data.beta)
    np.testing.assert_array_equal(data.loss, loss_at(*point).broadcast_like(data.loss))
    np.testing.assert_allclose(data.accuracy, loss_at(*point) / 10)  # percent became shares
    assert data.attrs["complete"] == 1
    assert bool(data.done.all())


def test_the_file_says_where_it_comes_from(tmp_path):
    source = li_file(tmp_path / "li.h5")
    store.read_li_surface(source).save(tmp_path / "s.h5")
    told = store.facts(store.load_surface(tmp_path / "s.h5"))
    assert told["kind"] == "weights"
    assert told["configuration"]["source"].startswith("loss-landscape")
    assert told["configuration"]["dir_file"] == "net_weights_xignore=biasbn_xnorm=filter.h5"
    assert len(told["configuration"]["sha256"]) == 64
    assert told["checks"] == []


def test_missing_points_are_not_done_and_stay_missing(tmp_path):
    source = li_file(tmp_path / "li.h5", missing=(0, 5, 27))
    data = store.read_li_surface(source).save(tmp_path / "s.h5")
    assert data.attrs["complete"] == 0
    absent = data.done.values == 0
    assert [tuple(i) for i in np.argwhere(absent)] == [(0, 0), (5, 0), (6, 3)]
    np.testing.assert_array_equal(np.isnan(data.loss.values), absent)
    store.write_li_surface(data, tmp_path / "back.h5")
    assert_same(contents(tmp_path / "back.h5"), contents(source))


def test_losses_that_are_no_numbers_are_data(tmp_path):
    source = li_file(tmp_path / "li.h5")
    with h5py.File(source, "r+") as file:
        file["train_loss"][0, 0], file["train_loss"][6, 3] = np.nan, np.inf
    data = store.read_li_surface(source).save(tmp_path / "s.h5")
    assert bool(data.done.all())
    assert np.isnan(data.loss[0, 0])
    assert np.isposinf(data.loss[-1, -1])


ALL = ("train_loss", "train_acc", "test_loss", "test_acc", "min_eig", "max_eig")


@pytest.mark.parametrize("y", [None, Y])
@pytest.mark.parametrize("names", [ALL, ALL[2:], ALL[:1], ("test_loss", "min_eig")])
def test_theirs_to_ours_and_back_is_the_same_file(tmp_path, y, names):
    """Every second value is an accuracy that no share in float64 gives back, times a hundred."""
    source = li_file(tmp_path / "li.h5", y=y, names=names, missing=(1, 3))
    with h5py.File(source, "r+") as file:
        for name in names:
            array = file[name][()]
            array[2] += np.random.default_rng(0).random(array[2].shape)
            file[name][...] = array
        if "max_eig" in names:
            file["max_eig"][0], file["min_eig"][0] = -1, 1  # not computed, though the loss was
    data = store.read_li_surface(source).save(tmp_path / "s.h5")
    store.write_li_surface(data, tmp_path / "back.h5")
    assert_same(contents(tmp_path / "back.h5"), contents(source))


def test_an_eigenvalue_may_be_minus_one_where_the_largest_is_known(tmp_path):
    """-1 marks a missing `max_eig`, 1 the `min_eig` beside it, which by itself may be either."""
    source = li_file(tmp_path / "li.h5", y=None, names=("train_loss", "min_eig", "max_eig"))
    with h5py.File(source, "r+") as file:
        file["min_eig"][:4], file["max_eig"][:4] = [-1, 1, 1, -3], [5, 1, -1, 2]
    data = store.read_li_surface(source).save(tmp_path / "s.h5")
    np.testing.assert_array_equal(data.hessian_min[:4], [-1, 1, np.nan, -3])
    np.testing.assert_array_equal(data.hessian_max[:4], [5, 1, np.nan, 2])


def test_losses_of_training_images_come_first_and_the_others_are_kept(tmp_path):
    data = store.read_li_surface(li_file(tmp_path / "li.h5", names=ALL)).save(tmp_path / "s.h5")
    loss = loss_at(data.alpha, data.beta).transpose(*data.loss.dims)
    for name, factor in {
        "loss": 1,
        "accuracy": 0.1,
        "test_loss": 100,
        "test_accuracy": 10,
        "hessian_min": 1e4,
        "hessian_max": 1e5,
    }.items():
        np.testing.assert_allclose(data[name], factor * loss, err_msg=name)
    only = store.read_li_surface(li_file(tmp_path / "t.h5", names=ALL[2:4])).save(tmp_path / "u.h5")
    np.testing.assert_array_equal(only.loss, loss)
    assert store.facts(only)["configuration"]["split"] == "test"


UNFINISHED = np.arange(15).reshape(5, 3) % 4 == 0


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("done", [None, UNFINISHED], ids=["whole", "unfinished"])
@pytest.mark.parametrize("shape", [(5, 3), (5,)])
def test_ours_to_theirs_and_back_is_the_same_surface(tmp_path, shape, done, split):
    done = done if done is None or len(shape) == 2 else done[:, 0]
    data = our_surface(tmp_path / "s.h5", shape, done=done, split=split)
    store.write_li_surface(data, tmp_path / "li.h5", dir_file="d.h5")
    again = store.read_li_surface(tmp_path / "li.h5").save(tmp_path / "again.h5")
    assert set(again.data_vars) - set(data.data_vars) <= {"li_train_acc", "li_test_acc"}
    for name in (*data.coords, *data.data_vars):
        np.testing.assert_array_equal(again[name], data[name], err_msg=str(name))
        assert again[name].dtype == data[name].dtype
        assert again[name].attrs["long_name"]
    assert store.facts(again)["origin"]["configuration"] == {"split": split, "seed": 3}


def test_what_is_written_has_their_names_places_and_units(tmp_path):
    """Read the way their plots do: the coordinates meshed, the array laid over the mesh."""
    data = our_surface(tmp_path / "s.h5", (5, 5), done=np.eye(5) == 0)
    store.write_li_surface(data, tmp_path / "li.h5", dir_file="d.h5")
    got = contents(tmp_path / "li.h5")
    wanted = {"dir_file", "xcoordinates", "ycoordinates", "train_loss", "train_acc", "min_eig"}
    assert got.keys() == wanted
    assert got["dir_file"] == b"d.h5"
    for i, j in np.ndindex(5, 5):
        here = data.isel(alpha=j, beta=i)
        assert got["train_loss"][i, j] == (-1 if i == j else here.loss) or np.isnan(here.loss)
        assert got["train_acc"][i, j] == (-1 if i == j else 100 * here.accuracy)
        assert got["min_eig"][i, j] == (1 if i == j else here.hessian_min)
    store.write_li_surface(our_surface(tmp_path / "t.h5", (5, 3)), tmp_path / "oblong.h5")
    assert contents(tmp_path / "oblong.h5")["train_loss"].shape == (5, 3)


def test_our_own_fields_are_dropped_when_somebody_went_on_with_their_file(tmp_path):
    data = our_surface(tmp_path / "s.h5", done=UNFINISHED)
    store.write_li_surface(data, tmp_path / "li.h5")
    with h5py.File(tmp_path / "li.h5", "r+") as file:
        file["train_loss"].write_direct(np.where(file["train_loss"][()] == -1, 7, 2.0))
    changed = store.read_li_surface(tmp_path / "li.h5")
    assert changed.done.all()
    assert set(changed.values) == {"loss", "accuracy", "hessian_min"}


def test_a_trajectory_becomes_a_path_and_back(tmp_path):
    places = {"alpha": np.array([1.5, 0.3, 0.0]), "beta": np.array([-2.0, 0.1, 0.0])}
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["proj_xcoord"], file["proj_ycoord"] = places["alpha"], places["beta"]
    source = li_file(tmp_path / "li.h5")
    data = store.read_li_surface(source, projection=tmp_path / "p.h5").save(tmp_path / "s.h5")
    for axis, place in places.items():
        assert data[f"path_{axis}"].dims == ("path",)
        np.testing.assert_array_equal(data[f"path_{axis}"], place)
    store.write_li_projection(places, tmp_path / "q.h5")
    assert_same(contents(tmp_path / "q.h5"), contents(tmp_path / "p.h5"))
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        del file["proj_ycoord"]
        file["proj_ycoord"] = np.zeros(2)
    with pytest.raises(InputError, match="lists of equal length"):
        store.read_li_surface(source, projection=tmp_path / "p.h5")


SHAPES = [(4, 3, 2, 2), (4,), (), (2, 5), *[(i,) for i in range(1, 10)]]  # 13: "10" is after "9"


def tensors(seed=0):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=shape), np.float32) for shape in SHAPES]


def test_directions_are_in_the_order_of_their_numbers(tmp_path):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        for name, seed in (("xdirection", 0), ("ydirection", 1)):
            for i, tensor in enumerate(tensors(seed)):
                file[f"{name}/{i}"] = tensor
        file["explained_variance_ratio_"] = [0.8, 0.1]
    found = store.read_li_directions(tmp_path / "d.h5")
    assert list(found) == ["alpha", "beta"]
    for axis, seed in (("alpha", 0), ("beta", 1)):
        assert [tensor.shape for tensor in found[axis]] == SHAPES
        for got, wanted in zip(found[axis], tensors(seed), strict=True):
            np.testing.assert_array_equal(got, wanted)
    store.write_li_directions(found, tmp_path / "again.h5")
    with h5py.File(tmp_path / "d.h5", "r+") as file:
        del file["explained_variance_ratio_"]
    assert_same(contents(tmp_path / "again.h5"), contents(tmp_path / "d.h5"))


def test_our_directions_there_and_back(tmp_path):
    flat = {
        a: np.concatenate([t.ravel() for t in tensors(i)]) for i, a in enumerate(("alpha", "beta"))
    }
    shapes = {f"layer{i}": shape for i, shape in enumerate(SHAPES)}
    our_surface(tmp_path / "s.h5", directions=flat, parameters=shapes)
    store.write_li_directions(store.split_directions(tmp_path / "s.h5"), tmp_path / "d.h5")
    source = li_file(tmp_path / "li.h5")
    store.read_li_surface(source, directions=tmp_path / "d.h5").save(tmp_path / "again.h5")
    assert_same(store.load_directions(tmp_path / "again.h5"), flat)
    back = store.split_directions(tmp_path / "again.h5")
    assert [tensor.shape for tensor in back["beta"]] == SHAPES


def test_kinds_of_files_are_told_apart(tmp_path):
    surface, text = li_file(tmp_path / "li.h5"), tmp_path / "text.h5"
    text.write_text("no HDF5")
    store.write_li_directions({"alpha": tensors()}, tmp_path / "d.h5")
    our_surface(tmp_path / "s.h5")
    paths = [surface, tmp_path / "d.h5", tmp_path / "s.h5", text, tmp_path / "absent.h5"]
    assert [store.is_li_surface(path) for path in paths] == [True, False, False, False, False]
    assert [store.is_li_directions(path) for path in paths] == [False, True, False, False, False]


def test_files_that_cannot_be_used_get_one_sentence(tmp_path):
    ours = our_surface(tmp_path / "s.h5", directions={"alpha": np.ones(3)})
    store.write_li_directions({"alpha": tensors()}, tmp_path / "d.h5")
    with h5py.File(tmp_path / "d.h5", "r+") as file:
        del file["xdirection/4"]
    volume = our_surface(tmp_path / "v.h5", (3, 3, 3))
    minus_one = ours.assign(loss=ours.loss.fillna(-1.0))
    odd = li_file(tmp_path / "odd.h5", names=(), train_loss=np.zeros(5))
    none, good = li_file(tmp_path / "none.h5", names=("min_eig",)), li_file(tmp_path / "g.h5")
    cases = [
        (
            lambda: store.read_li_surface(tmp_path / "s.h5"),
            "a surface file of Li et al., which holds",
        ),
        (lambda: store.read_li_surface(tmp_path / "absent.h5"), "no such file"),
        (lambda: store.read_li_surface(odd), "expected 28 values of train_loss"),
        (lambda: store.read_li_surface(none), "expected train_loss or test_loss"),
        (lambda: store.read_li_directions(tmp_path / "d.h5"), "numbered from 0 to 11"),
        (lambda: store.read_li_directions(odd), "a direction file of Li et al., which holds"),
        (lambda: store.read_li_surface(good, projection=none), "a projection file"),
        (lambda: store.split_directions(tmp_path / "s.h5"), "compute it again with this version"),
        (lambda: store.write_li_surface(volume, tmp_path / "o.h5"), "over alpha, beta, gamma"),
        (lambda: store.write_li_surface(minus_one, tmp_path / "o.h5"), "losses other than -1"),
        (lambda: store.write_li_directions({"gamma": []}, tmp_path / "o.h5"), "named alpha"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()
    assert not (tmp_path / "o.h5").exists()
    assert json.loads(ours.attrs["configuration"])["seed"] == 3


def test_a_constant_of_ours_that_is_no_field_does_not_go_along(tmp_path):
    path = store.Constant("path_alpha", ("path",), np.array([0.5, 0.0]), "place along alpha")
    data = our_surface(tmp_path / "s.h5", constants=(path,))
    store.write_li_surface(data, tmp_path / "li.h5")
    with h5py.File(tmp_path / "li.h5") as file:
        assert not [name for name in file if name.startswith("path")]
