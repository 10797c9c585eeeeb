import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from landscape.errors import InputError
from landscape.plots import draw, save, write_plots
from landscape.store import facts

FORMATS = ("png", "pdf", "svg", "html")


@pytest.fixture
def plane(make_weights):
    data = make_weights(lambda a, b: 1 + a**2 + b**2, (11, 11))
    return data.assign_attrs(title="Ångström & <b>bold</b></script>")


def test_every_plot_in_every_format_it_has(make_spatial, make_weights, tmp_path):
    line = make_weights(lambda a: 1 + a**2, (11,))
    spatial = write_plots(make_spatial(1, (3, 3, 3)), stem=tmp_path / "deep" / "s", formats=FORMATS)
    assert [path.name for path in spatial] == [
        "s-spatial-slices.png",
        "s-spatial-slices.pdf",
        "s-spatial-slices.svg",
        "s-spatial-3d.png",
        "s-spatial-3d.pdf",
        "s-spatial-3d.svg",
        "s-spatial-interactive.html",
    ]
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == sorted(p.name for p in spatial)
    assert len(write_plots(line, stem=tmp_path / "l.v1", formats=("svg", "html"))) == 2
    assert (tmp_path / "l.v1-weight-line.svg").exists()


def test_names_formats_and_images_are_chosen(make_spatial, tmp_path):
    (path,) = write_plots(
        make_spatial(3), stem=tmp_path / "s", names=["spatial-3d"], formats=[".PNG"], images=[17]
    )
    with Image.open(path) as image:
        assert image.size[0] == round(3.25 * 300)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_surface_gives_the_same_bytes(plane, tmp_path, suffix):
    name = "weight-interactive" if suffix == "html" else "weight-3d"
    for folder in "ab":
        save(draw(plane, name), tmp_path / folder / f"x.{suffix}", data=plane)
    first, second = ((tmp_path / folder / f"x.{suffix}").read_bytes() for folder in "ab")
    assert first == second
    save(draw(plane, name), tmp_path / f"c.{suffix}", data=plane.assign_attrs(seed=1))
    assert (tmp_path / f"c.{suffix}").read_bytes() != first


def read_png(path):
    with Image.open(path) as image:
        image.load()
        assert image.text["Title"]
        return image.text["landscape"]


def read_pdf(path):
    content = path.read_bytes()
    assert b"/CreationDate" not in content
    (subject,) = re.findall(rb"/Subject \((.*?)(?<!\\)\)", content, flags=re.DOTALL)
    return re.sub(rb"\\([()\\])", rb"\1", subject).decode()


def read_svg(path):
    (description,) = ET.parse(path).iter("{http://purl.org/dc/elements/1.1/}description")
    assert not list(ET.parse(path).iter("{http://purl.org/dc/elements/1.1/}date"))
    return description.text


def read_html(path):
    pattern = r'<script type="application/json" id="landscape-provenance">(.*?)</script>'
    (text,) = re.findall(pattern, path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return text


READERS = {"png": read_png, "pdf": read_pdf, "svg": read_svg, "html": read_html}


@pytest.mark.parametrize("suffix", FORMATS)
def test_provenance_can_be_read_back(plane, tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    name = "weight-interactive" if suffix == "html" else "weight-contour"
    save(draw(plane, name), path, data=plane)
    read = json.loads(READERS[suffix](path))
    assert read == facts(plane)
    assert read["provenance"]["commit"] == "0123abc"
    assert read["title"] == plane.attrs["title"]


def test_pages_need_no_network(plane, tmp_path):
    save(draw(plane, "weight-interactive"), tmp_path / "x.html", data=plane)
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    pieces = text.split("</script>")
    pieces.remove(max(pieces, key=len))  # plotly itself, whose code names hosts
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*\b(?:src|href)=", "".join(pieces))
    assert "<title>Ångström &amp; &lt;b&gt;" in text


def test_fonts_in_pdf_are_truetype(plane, tmp_path):
    save(draw(plane, "weight-contour"), tmp_path / "x.pdf", data=plane)
    content = (tmp_path / "x.pdf").read_bytes()
    assert b"/CIDFontType2" in content
    assert b"/Type3" not in content


def test_facts_are_plain_json(plane):
    plane.attrs |= {"levels": np.arange(3), "share": np.float32(0.5), "note": "{not json"}
    assert json.loads(json.dumps(facts(plane)))["levels"] == [0, 1, 2]
    assert facts(plane)["share"] == 0.5
    assert facts(plane)["note"] == "{not json"
    assert facts(plane)["configuration"] == {"samples": 100}


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("weight-contour", "x.jpg", r"\.png or \.pdf or \.svg for this figure, got 'x\.jpg'"),
        ("weight-contour", "x.html", "got 'x.html'"),
        ("weight-interactive", "x.png", r"ends in \.html for this figure, got 'x\.png'"),
        ("weight-contour", "x", "got 'x'"),
    ],
)
def test_other_suffixes_are_refused(plane, tmp_path, name, file, expected):
    with pytest.raises(InputError, match=expected):
        save(draw(plane, name), tmp_path / file, data=plane)
    assert list(tmp_path.iterdir()) == []


def test_unknown_plots_and_formats_are_refused(plane, tmp_path):
    with pytest.raises(InputError, match="unknown figure format 'pgn'; did you mean 'png'"):
        write_plots(plane, stem=tmp_path / "x", formats=["pgn"])
    with pytest.raises(InputError, match="unknown plot 'contour'"):
        write_plots(plane, stem=tmp_path / "x", names=["contour"])
    with pytest.raises(InputError, match="spatial surface over 3 axes"):
        write_plots(plane, stem=tmp_path / "x", names=["spatial-3d"])
    with pytest.raises(InputError, match="got html; there is weight-3d as png, pdf, svg"):
        write_plots(plane, stem=tmp_path / "x", names=["weight-3d"], formats=["html"])


def test_a_failed_save_leaves_the_old_file(plane, tmp_path, make_weights):
    path = tmp_path / "x.svg"
    path.write_text("old")
    figure = draw(plane, "weight-contour")
    figure.text(0, 0, "$\\nonsense$")
    with pytest.raises(ValueError, match="nonsense"):
        save(figure, path, data=plane)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
