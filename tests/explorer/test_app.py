"""The application as a browser meets it, without a browser."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from dash import no_update
from dash._utils import to_json

from landscape.explorer.app import Watch, make_app
from landscape.explorer.controls import telling
from landscape.explorer.guard import POLICY, protect
from landscape.explorer.sources import Sources
from landscape.explorer.spatial_page import SpatialPage

ROOT = Path(__file__).parents[2]
KINDS = {"s": "s-heat", "plane": "w-contour", "volume": "w-contour", "line": "w-surface"}


@pytest.fixture(scope="module")
def files(folder):
    return [folder / f"{name}.h5" for name in ("s", "t", "plane", "steep", "line", "volume")]


@pytest.fixture
def client(files):
    app = make_app(files)
    protect(app, "127.0.0.1")
    return app.server.test_client()


def ask(client, name, inputs, state=(), which=0):
    """What the server answers to a callback, as a browser asks; it is found by an output."""
    known = client.get("/_dash-dependencies").json
    wanted = [one for one in known if name in one["output"].split("@")[0]][which]
    outputs = [part.split(".") for part in wanted["output"].strip(".").split("...")]
    told = [{"id": part[0], "property": part[1].split("@")[0]} for part in outputs]
    given = {kind: [] for kind in ("inputs", "state")}
    for kind, values in (("inputs", inputs), ("state", state)):
        for entry, value in zip(wanted[kind], values, strict=True):
            given[kind].append({**entry, "value": value})
    changed = [f"{entry['id']}.{entry['property']}" for entry in given["inputs"][:1]]
    outputs = told if wanted["output"].startswith("..") else told[0]
    body = {"output": wanted["output"], "outputs": outputs, **given, "changedPropIds": changed}
    return client.post("/_dash-update-component", json=body)


@pytest.mark.processes
def test_reading_files_needs_no_torch():
    code = "import sys, landscape.explorer.app; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_contract_that_it_stays_so_names_every_module_but_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (named,) = (c["source_modules"] for c in contracts if c["name"].startswith("Exploring"))
    package = ROOT / "landscape" / "explorer"
    there = {f"landscape.explorer.{path.stem}" for path in package.glob("[!_]*.py")}
    assert there - set(named) == {"landscape.explorer.live"}


@pytest.mark.parametrize(("name", "part"), KINDS.items())
def test_every_kind_of_surface_has_its_page(client, name, part):
    answer = ask(client, "body.children", [f"?file={name}", 0], [None])
    assert answer.status_code == 200
    assert f'"id":"{part}"' in re.sub(r'": "', '":"', answer.text)
    assert answer.json["response"]["query"]["data"] == f"?file={name}"


def test_a_page_is_drawn_by_its_callbacks(client, folder):
    inputs = [7, 0, 0, 0, "rotation-shift_x", "loss", "auto", "", None, None]
    told = ask(client, "s-heat.figure", inputs, ["s"])
    assert told.status_code == 200
    assert {"s-heat", "s-profiles", "s-pose", "s-remark", "s-notice"} == set(told.json["response"])


def test_what_nobody_foresaw_is_told_in_the_page_and_in_the_log(client, caplog):
    inputs = ["no image", 0, 0, 0, "rotation-shift_x", "loss", "auto", "", None, None]
    told = ask(client, "s-heat.figure", inputs, ["s"])
    assert told.status_code in (200, 204)
    assert "the terminal says more" in told.text
    assert "could not answer" in caplog.text
    assert ask(client, "body.children", ["", 0], [None]).status_code == 200


def test_a_file_that_is_gone_is_no_surprise(folder, tmp_path, caplog):
    path = tmp_path / "s.h5"
    shutil.copy(folder / "s.h5", path)
    client = make_app([path]).server.test_client()
    path.unlink()
    told = ask(client, "s-volume.figure", [0, 1, 1], ["s"], which=1)
    assert told.status_code in (200, 204)
    assert caplog.text == ""
    assert "terminal" not in told.text


def test_a_file_that_cannot_be_read_is_told_of_and_the_others_are_shown(folder, tmp_path):
    broken = tmp_path / "broken.h5"
    broken.write_bytes((folder / "s.h5").read_bytes()[:3000])
    app = make_app([broken, tmp_path / "gone.h5", folder / "s.h5"])
    client = app.server.test_client()
    for name, words in (("broken", "not a readable HDF5 file"), ("gone", "no such file")):
        assert words in ask(client, "body.children", [f"?file={name}", 0], [None]).text
        states = ask(client, "states.children", [None, f"?file={name}"]).json["response"]
        assert "cannot be read" in json.dumps(states["states"])
        assert states["tick"]["disabled"] is False  # it may come
    assert "s-heat" in ask(client, "body.children", ["?file=s", 0], [None]).text
    assert "broken" in ask(client, "body.children", ["?file=nobody", 0], [None]).text


def test_a_file_that_disappears_leaves_the_page_as_it_is_with_a_sentence(folder, tmp_path):
    path = tmp_path / "s.h5"
    shutil.copy(folder / "s.h5", path)
    page = SpatialPage(Sources([path]), None)
    draw = telling(4, page.draw)
    arguments = (7, 1, 1, 1, "rotation-shift_x", "loss", "auto", "", None, None, "s")
    *_, sentence = draw(*arguments)
    assert sentence == ""
    path.unlink()
    page.sources["s"].look(now=True)
    *_, sentence = draw(*arguments)
    assert sentence.startswith("no such file: ")
    shutil.copy(folder / "s.h5", path)
    page.sources["s"].look(now=True)
    *_, sentence = draw(*arguments)
    assert sentence == ""


@pytest.mark.parametrize("kind", ["curve", "tradeoff-of-mine"])
def test_a_surface_without_an_interactive_view_says_how_it_is_drawn(tmp_path, make_weights, kind):
    path = make_weights(tmp_path / "t.h5", lambda a: a, (5,))
    import h5py

    from landscape.store.checksums import seal

    with h5py.File(path, "r+") as file:
        file.attrs["kind"] = kind
        seal(file)
    body, *_ = Watch(Sources([path]), live=False).body("", 0, None)
    assert "has no interactive view" in to_json(body)


def test_only_files_that_are_written_are_looked_at_again(tmp_path, make_weights, make_spatial):
    path = make_weights(tmp_path / "w.h5", lambda a, b: a + b, points=20)
    watch = Watch(Sources([path, make_spatial(tmp_path / "s.h5")]), live=False)
    body, version, query, _ = watch.body("?file=w", 0, None)
    shape = next(c.data for c in body._traverse() if getattr(c, "id", None) == "shape")
    told, settled = watch.states(version, query)
    assert "unfinished, 20 of 63 points" in to_json(told)
    assert not settled
    assert watch.look(1, query, version, 0, shape) == (no_update, no_update)
    make_weights(path, lambda a, b: a + b, points=40)
    new, _ = watch.look(2, query, version, 0, shape)
    assert new != version
    assert "unfinished, 60 of 63 points" in to_json(watch.states(new, query)[0])
    make_weights(path, lambda a, b: a + b)
    watch.look(3, query, new, 0, shape)
    told, settled = watch.states(None, query)
    assert settled
    assert "complete, 63 points" in to_json(told)
    assert watch.states(None, "?file=s")[1]


def test_a_file_that_becomes_readable_gets_its_page(folder, tmp_path):
    path = tmp_path / "later.h5"
    watch = Watch(Sources([path]), live=False)
    body, version, query, _ = watch.body("", 0, None)
    shape = next(c.data for c in body._traverse() if getattr(c, "id", None) == "shape")
    shutil.copy(folder / "s.h5", path)
    new, again = watch.look(1, query, version, 0, shape)
    assert new != version
    assert again == 1
    body, *_ = watch.body("", again, query)
    assert "s-heat" in to_json(body)


def test_another_file_keeps_what_is_asked_of_any(files):
    watch = Watch(Sources(files), live=False)
    query = "?file=s&image=17&at=1,2,3&scale=log&levels=both"
    same = watch.choose("t", "s", query)
    assert {"file=t", "image=17", "scale=log", "levels=both"} <= set(same[1:].split("&"))
    other = watch.choose("plane", "s", query)
    assert other == "?file=plane&scale=log"
    assert watch.choose("s", "s", query) is no_update


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8050"}, 200),
        ({"Host": "127.0.0.1:9"}, 200),
        ({"Host": "[::1]:8050"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8050"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "localhost:8050", "Origin": "http://localhost:8050"}, 200),
        ({"Host": "localhost:8050", "Origin": "http://evil.example"}, 403),
        ({"Host": "localhost:8050", "Origin": "null"}, 403),
    ],
)
def test_pages_from_elsewhere_are_refused(client, headers, status):
    """A name that is made to point to this machine is told by the name (DNS rebinding)."""
    assert client.get("/", headers=headers).status_code == status
    assert client.get("/_dash-layout", headers=headers).status_code == status


def test_where_other_machines_may_ask_their_names_are_taken(files):
    app = make_app(files)
    protect(app, "0.0.0.0")
    client = app.server.test_client()
    assert client.get("/", headers={"Host": "lab.example:8050"}).status_code == 200
    refused = {"Host": "lab.example:8050", "Origin": "http://evil.example"}
    assert client.get("/", headers=refused).status_code == 403


def test_a_page_names_nothing_beyond_this_machine(client):
    answer = client.get("/")
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text)
    for sheet in re.findall(r'href="(/assets/[^"]+)"', answer.text):
        with client.get(sheet) as answer:
            assert not re.findall(r"https?:|@import|url\(", answer.text)
