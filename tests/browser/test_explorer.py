"""The explorer in a real browser, on files that are made up and on a real network."""

import shutil
import time
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch

import landscape
from landscape.models import ModelSpec, build_model, save_checkpoint

pytestmark = pytest.mark.browser

NUMBERS = """((id, type, name) => Array.from(document.querySelector('#' + id + ' .js-plotly-plot')
    ._fullData.find(trace => trace.type === type)[name]).flatMap(row => Array.from(row)))"""
TWO_PANELS = "() => document.querySelectorAll('{} .hm').length === 2"


def shown(page):
    """The picture at the cursor."""
    return page.locator("#s-posed").get_attribute("src")


def changed(visit, before):
    visit.until("before => document.getElementById('s-posed').src !== before", before)


def place(page):
    """The cursor, as the URL has it."""
    (at,) = parse_qs(urlsplit(page.url).query)["at"]
    return [float(value) for value in at.split(",")]


def figure(page, name):
    """The traces of a figure, by name and type."""
    return page.evaluate(
        "id => document.querySelector('#' + id + ' .js-plotly-plot').data"
        ".map(trace => [trace.type, trace.name || ''])",
        name,
    )


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("surfaces")
    made.write_spatial(folder / "s.h5", 60)
    made.write_spatial(folder / "t.h5", 60, seed=5)
    made.write_weights(folder / "plane.h5", made.bowl)
    made.write_weights(folder / "steep.h5", lambda a, b: 10 * made.bowl(a, b))
    (folder / "broken.h5").write_bytes((folder / "s.h5").read_bytes()[:4000])
    return folder


@pytest.fixture(scope="module")
def address(folder, explore):
    names = ("s", "t", "plane", "steep", "broken")
    with explore(*(folder / f"{name}.h5" for name in names)) as address:
        yield address


def test_it_loads_and_a_slider_moves_the_image(visit, address):
    look = visit(address)
    page = look.go()
    look.text("#states", "s complete, 135 points")
    look.text("#s-pages", "1\N{EN DASH}50 of 60")
    before = shown(page)
    page.focus("#s-rotation")
    page.keyboard.press("ArrowRight")
    look.text("#s-rotation-text", "7.5°")
    changed(look, before)
    look.until("() => location.search.includes('at=7.5%2C0%2C0')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_click_in_the_plane_puts_the_cursor_there(visit, address):
    look = visit(address)
    page = look.go()
    look.text("#s-rotation-text", "0°")
    before = shown(page)
    box = page.locator("#s-heat .nsewdrag").first.bounding_box()
    page.mouse.click(box["x"] + 0.06 * box["width"], box["y"] + 0.1 * box["height"])
    changed(look, before)
    look.until("() => location.search.includes('at=-30%2C3%2C0')")
    assert place(page) == [-30, 3, 0]
    look.text("#s-pose", "\N{MINUS SIGN}30°, 3 px, 0 px")


def test_keys_move_the_cursor_and_turn_the_images(visit, address):
    look = visit(address)
    page = look.go()
    look.text("#s-rotation-text", "0°")
    for key, text in (("ArrowRight", "7.5°"), ("ArrowRight", "15°"), ("ArrowLeft", "7.5°")):
        page.keyboard.press(key)
        look.text("#s-rotation-text", text)
    page.keyboard.press("ArrowUp")
    look.text("#s-shift_x-text", "1.5")
    page.keyboard.press("PageDown")
    look.until("() => location.search.includes('image=17')")
    page.keyboard.press("k")
    look.until("() => location.search.includes('image=7&')")
    page.keyboard.press("?")
    assert page.locator("#keys").get_attribute("open") is not None


def test_the_list_turns_and_sorts_its_pages(visit, address):
    look = visit(address)
    page = look.go()
    look.text("#s-pages", "1\N{EN DASH}50 of 60")
    page.click("#s-on")
    look.text("#s-pages", "51\N{EN DASH}60 of 60")
    page.click("#s-list [data-image='577']")
    look.until("() => location.search.includes('image=577')")
    sync = "() => document.querySelectorAll('#s-list [aria-current=true]').length === 1"
    look.until(sync)
    page.click("#s-sort >> text=loss")
    look.text("#s-pages", "1\N{EN DASH}50 of 60")
    look.until("() => location.search.includes('sort=loss')")


def test_two_models_are_compared_side_by_side(visit, address):
    look = visit(address)
    page = look.go()
    page.click("#s-compare")
    page.get_by_role("option", name="t", exact=True).click()
    look.until(TWO_PANELS.format("#s-heat"))
    look.until("() => location.search.includes('compare=t')")
    look.text("#states", "t complete")
    heads = page.locator("#s-pose thead th").all_inner_texts()
    assert [head.strip() for head in heads] == ["", "s", "t"]
    lines = [trace for trace in figure(page, "s-profiles") if trace[0] == "scatter"]
    assert {name for _, name in lines} == {"s", "t"}


def test_a_url_reproduces_a_view(visit, address):
    query = "?file=s&compare=t&image=37&plane=shift_x-shift_y&at=15,-1.5,2&field=margin&levels=both"
    look = visit(address)
    page = look.go(query)
    look.until(TWO_PANELS.format("#s-heat"))
    for name, text in (("rotation", "15°"), ("shift_x", "1.5"), ("shift_y", "2")):
        look.text(f"#s-{name}-text", text)
    look.text("#s-plane .selected", "shift right")
    look.text("#s-field .selected", "margin")
    look.until("() => location.search.includes('at=15%2C-1.5%2C2')")
    again = visit(address)
    copied = again.go(urlsplit(page.url).query and "?" + urlsplit(page.url).query)
    again.until(TWO_PANELS.format("#s-heat"))
    look.text("#s-pose", "15°, \N{MINUS SIGN}1.5 px, 2 px")
    again.text("#s-pose", "15°, \N{MINUS SIGN}1.5 px, 2 px")
    assert shown(copied) == shown(page)


@pytest.mark.parametrize(
    ("query", "figure"),
    [("?file=s", "s-volume"), ("?file=plane&beside=plane&beside=steep", "w-surface")],
)
def test_a_url_reproduces_where_scenes_are_seen_from(visit, address, query, figure):
    """All scenes, one of which was turned by hand."""
    look = visit(address)
    page = look.go(query)
    look.until(f"() => document.querySelectorAll('#{figure} .gl-container canvas').length >= 1")
    box = page.locator(f"#{figure} .gl-container canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=5)
    page.mouse.up()
    look.until("() => location.search.includes('camera=')")
    (eye,) = parse_qs(urlsplit(page.url).query)["camera"]
    again = visit(address)
    copied = again.go("?" + urlsplit(page.url).query)
    eyes = f"""() => Object.entries(document.querySelector('#{figure} .js-plotly-plot')._fullLayout)
        .filter(([name]) => /^scene\\d*$/.test(name)).map(([, scene]) => scene.camera.eye)
        .map(eye => ['x', 'y', 'z'].map(letter => Number(eye[letter].toFixed(3))))"""
    again.until(f"() => document.querySelectorAll('#{figure} .gl-container canvas').length >= 1")
    seen = copied.evaluate(eyes)
    assert len(seen) == 1 + query.count("beside=steep")
    for one in seen:
        assert one == [float(value) for value in eye.split(",")]


@pytest.mark.parametrize("query", ["?file=%3Cscript%3E&image=x&at=nan&plane=..", "?quantile=9&at="])
def test_a_url_of_nonsense_shows_the_first_file(visit, address, query):
    look = visit(address)
    look.go(query)
    look.text("#states", "s complete")


def test_a_broken_file_is_told_of_and_the_application_lives(visit, address):
    look = visit(address)
    page = look.go("?file=broken", ready=".notice.large")
    look.text(".notice.large", "is not a readable HDF5 file")
    look.text("#states", "broken cannot be read")
    page.click("#file")
    page.get_by_role("option", name="t (spatial, 3 axes)", exact=True).click()
    page.wait_for_selector("#s-heat .main-svg")
    look.text("#states", "t complete")
    page.go_back()
    look.text(".notice.large", "is not a readable HDF5 file")


def test_two_weight_surfaces_stand_side_by_side_with_one_cursor(visit, address):
    look = visit(address)
    page = look.go("?file=plane")
    page.click("#w-beside >> text=steep")
    look.until(TWO_PANELS.format("#w-contour"))
    look.until("() => document.querySelectorAll('#w-surface .gl-container canvas').length >= 2")
    page.focus("#w-alpha")
    page.keyboard.press("ArrowRight")
    look.text("#w-alpha-text", "0.25")
    cursors = """() => document.querySelector('#w-contour .js-plotly-plot').data
        .filter(trace => trace.name === 'cursor').every(trace => trace.x[0] === 0.25)"""
    look.until(cursors)
    box = page.locator("#w-contour .nsewdrag").nth(1).bounding_box()
    page.mouse.click(box["x"] + 0.97 * box["width"], box["y"] + 0.03 * box["height"])
    look.text("#w-alpha-text", "1")
    look.text("#w-beta-text", "1")
    look.text("#w-values", "40")  # 10 (1 + 1 + 2)
    page.click("#w-scale >> text=clipped")
    look.text("#w-remark", "cut off at")


def test_checkpoints_follow_each_other_on_one_scale(visit, explore, made, tmp_path):
    """The animation of surfaces around the weights of one epoch after the other."""
    for epoch in (1, 2, 3):
        made.write_weights(tmp_path / f"epoch{epoch}.h5", lambda a, b, e=epoch: made.bowl(a, b) / e)
    with explore(*(tmp_path / f"epoch{epoch}.h5" for epoch in (1, 2, 3))) as address:
        look = visit(address)
        page = look.go("?scale=linear")
        page.click("#w-mode >> text=in turn")
        look.text("#w-frame-text", "epoch1 (1/3)")
        highest = f"Math.max(...{NUMBERS}('w-surface', 'surface', 'z'))"
        first = page.evaluate(highest)
        assert first > 1
        page.click("#w-play")
        for epoch in (2, 3, 1):  # again from the start
            look.text("#w-frame-text", f"epoch{epoch} ({epoch}/3)")
            look.until(f"() => Math.abs({highest} - {first} / {epoch}) < 1e-6")
        page.close()


def test_a_volume_is_nested_surfaces_and_a_cut_that_a_slider_moves(visit, explore, made, tmp_path):
    path = tmp_path / "volume.h5"
    made.write_weights(path, lambda a, b, c: made.bowl(a, b) + 3 * c**2, (9, 7, 5))
    with explore(path) as address:
        look = visit(address)
        page = look.go("?scale=linear")
        look.until("() => document.querySelectorAll('#w-surface .gl-container canvas').length >= 1")
        assert "isosurface" in {kind for kind, _ in figure(page, "w-surface")}
        lowest = f"Math.min(...{NUMBERS}('w-contour', 'heatmap', 'z'))"
        before = page.evaluate(lowest)
        page.focus("#w-gamma")
        page.keyboard.press("ArrowRight")
        look.text("#w-gamma-text", "0.5")
        look.until(f"() => Math.abs({lowest} - {before} - 3 * 0.5 ** 2) < 1e-6")
        page.close()


def test_a_file_that_is_written_is_followed_to_its_end(visit, explore, made, tmp_path):
    path = tmp_path / "growing.h5"
    made.write_weights(path, made.bowl, points=20)
    with explore(path) as address:
        look = visit(address)
        page = look.go()
        look.text("#states", "unfinished, 20 of 63 points")
        rows = "document.querySelector('#w-contour .js-plotly-plot')._fullData"
        rows += ".find(trace => trace.type === 'heatmap').y.length"
        assert page.evaluate(rows) < 7
        made.write_weights(path, made.bowl, points=30)
        look.text("#states", "unfinished, 50 of 63 points")
        made.write_weights(path, made.bowl)
        look.text("#states", "complete, 63 points")
        look.until(f"() => {rows} === 7")
        page.wait_for_timeout(500)
        asked = len(look.requests)
        page.wait_for_timeout(5000)
        assert len(look.requests) == asked  # nobody looks at a finished file again
        page.close()  # before there is nobody left to ask


def test_a_file_that_disappears_leaves_a_sentence_and_may_come_back(
    visit, explore, folder, tmp_path
):
    path = tmp_path / "moving.h5"
    shutil.copy(folder / "s.h5", path)
    with explore(path, folder / "t.h5") as address:
        look = visit(address)
        page = look.go()
        look.text("#states", "complete")
        path.unlink()
        time.sleep(1.1)  # for so long a file is taken to be as it was
        page.focus("#s-rotation")
        page.keyboard.press("ArrowRight")
        look.text("#s-notice", "no such file")
        shutil.copy(folder / "s.h5", path)
        time.sleep(1.1)
        page.keyboard.press("ArrowRight")
        look.until("() => document.getElementById('s-notice').textContent === ''")
        page.close()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A checkpoint, and its surface on two images."""
    run = tmp_path_factory.mktemp("run")
    spec = ModelSpec("cnn", classes=10, channels=1)
    model = build_model(spec, generator=landscape.generator(0))
    save_checkpoint(run / "model.pt", model, spec, configuration={}, provenance={})
    pixels = torch.randint(0, 256, (2, 1, 8, 8), generator=landscape.generator(0))
    landscape.spatial_surface(
        model,
        pixels / 255,
        torch.tensor([3, 1]),
        rotation=np.linspace(-20, 20, 5),
        shift_x=[-1, 0, 1],
        shift_y=[-1, 0, 1],
        out=run / "real.h5",
    )
    return run


def test_a_checkpoint_answers_live_and_is_refused_for_another_file(visit, explore, network, folder):
    with explore(network / "real.h5", folder / "s.h5", "--checkpoint", network / "model.pt") as at:
        look = visit(at)
        page = look.go()
        look.text("#s-live", "live loss")
        assert page.locator("#s-live .likely").count() == 5
        page.click("#s-attack")
        look.text("#s-attack-told", "of 6 reach 90%")
        for name in ("s-heat", "s-volume"):
            drawn = f"document.querySelector('#{name} .js-plotly-plot').data"
            look.until(f"() => {drawn}.some(trace => trace.name === 'attack')")
        page.keyboard.press("j")
        look.until("() => document.getElementById('s-attack-told').textContent === ''")
        look.go("?file=s")
        look.text("#s-live", "the checkpoints given are others")
        page.close()
