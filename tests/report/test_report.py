"""All that a run left, on one page."""

import json
import re
import shutil

import numpy as np
import pytest

from landscape.cli import main
from landscape.errors import InputError
from landscape.evaluation.extras import seen_by
from landscape.report import write_report
from landscape.report.found import look_through
from landscape.report.sections import accuracy_sections
from landscape.store import Axis, Constant, Field, Layout, SurfaceWriter

EVIL = "<script>alert(1)</script>\x1b[31m"


def write_surface(path, layout, measured):
    path.parent.mkdir(parents=True, exist_ok=True)
    with SurfaceWriter(path, layout) as writer:
        points = writer.pending()
        writer.write(points, measured(layout.coordinates(points)))
        writer.finish({"checks": []})


def plane(path, depth):
    axes = tuple(Axis(name, np.linspace(-1, 1, 5), "1", name) for name in ("alpha", "beta"))
    fields = (Field("loss", "float64", "nat", "mean cross-entropy"),)
    layout = Layout("weights", axes, fields, about={"title": f"a bowl {EVIL}", "provenance": {}})
    write_surface(path, layout, lambda x: {"loss": 0.1 + depth * (x**2).sum(1)})


def attack(path, wrong, name=None, **facts):
    """What an attack did to 8 images, `wrong` of which are misclassified afterwards by whomever."""
    predictions = ("prediction", "voted_prediction", seen_by(0))
    layout = Layout(
        kind="attack",
        points=(Axis("image", np.arange(8.0), "1", "position"),),
        fields=(
            *(Field(n, "float32", "nat", "cross-entropy") for n in ("loss", "voted_loss")),
            *(Field(n, "int32", "1", "predicted class") for n in predictions),
            Field("evaluations", "int32", "1", "evaluations"),
        ),
        constants=(Constant("label", ("image",), np.zeros(8, "int64"), "true class"),),
        configuration={"attack_name": name or path.stem, **facts},
        about={"title": "an attack", "provenance": {}},
    )
    write_surface(
        path,
        layout,
        lambda x: {
            **dict.fromkeys(("loss", "voted_loss"), np.ones(8)),
            **dict.fromkeys(predictions, (x[:, 0] < wrong).astype(int)),
            "evaluations": np.ones(8, int),
        },
    )


def training(folder, accuracies):
    folder.mkdir()
    settings = {"model": {"name": EVIL}, "training": {"epochs": 2, "schedule": {"name": "cosine"}}}
    (folder / "config.json").write_text(json.dumps(settings))
    lines = [
        json.dumps({"epoch": i, "train_loss": 1 / (i + 1), "validation_accuracy": accuracy})
        for i, accuracy in enumerate(accuracies, 1)
    ]
    (folder / "metrics.jsonl").write_text("\n".join([*lines, '{"epoch": 3, "train']))  # cut short
    (folder / "tokenizer_config.json").write_text("{}")  # not of a training


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    folder.mkdir()
    training(folder / "standard", [0.5, 0.8125])
    plane(folder / "a.h5", 1.0)
    plane(folder / "b.h5", 30.0)
    attack(folder / "plain" / "natural.h5", 0)
    attack(folder / "plain" / "grid.h5", 3)
    (folder / "junk.h5").write_bytes(b"junk")
    return folder


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "digits")


@pytest.fixture
def light(run):
    """Without surfaces to draw."""
    for name in "ab":
        (run / f"{name}.h5").unlink()
    return run


@pytest.fixture(scope="module")
def page(made):
    path = write_report(made, made.parent / "report.html")
    text = path.read_text(encoding="utf-8")
    return re.sub(r"<script>.*?plotly\.js v.*?</script>", "", text, count=1, flags=re.DOTALL)


def words(page):
    """What a reader sees."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", bare).split())


def test_everything_is_there_in_order(page):
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Training: standard",
        "Accuracy under attack",
        "On one scale: weights",
        "Surface: a.h5",
        "Surface: b.h5",
        "Not shown",
    ]
    links = re.findall(r'href="#(s\d+)"', page)
    assert links == re.findall(r'<section id="(s\d+)"', page)


def test_the_numbers_are_those_of_the_files(page):
    seen = words(page)
    assert "epoch 2 train loss 0.3333 validation accuracy 0.8125" in seen
    assert "training.schedule.name cosine" in seen
    assert "accuracy in % natural grid plain 100.0 (67.6 to 100.0) 62.5 (30.6 to 86.3)" in seen
    assert "loss 0.1 to 60.1 nat" in seen
    assert "junk.h5 is not a readable HDF5 file" in seen


def test_attacked_votes_have_a_column_and_models_shown_others_images_one_row(tmp_path):
    for wrong, target in ((1, "network"), (4, "vote")):
        told = {"name": "grid", "vote": {"k": 3}, "target": target}
        attack(tmp_path / "run" / "a" / f"{target}.h5", wrong, **told)
    for model, other in ("ab", "ba", "bc"):
        file = tmp_path / "run" / model / f"natural-{other}.h5"
        attack(file, 2, "natural", shown_to={other: "its weights"})
    (section,) = accuracy_sections(look_through(tmp_path).attacks)
    rows = re.findall("<tr>.*?</tr>", section.body)
    head, *lines = (re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in rows)
    made = {"natural made on run/a", "natural made on run/b"}
    assert set(head[1:]) == {"natural", "grid", "grid, vote of 3", "grid on the vote of 3"} | made
    assert [line[0] for line in lines] == ["run/a", "run/b", "c"]  # there is no run/c
    assert lines[0][head.index("grid on the vote of 3")].startswith("50.0 ")


def test_the_page_needs_nothing_else(page):
    """Neither a network nor another file; plotly's script is in it once."""
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page)
    assert page.count("Plotly.newPlot") == 1 + 2  # the training, two planes
    assert page.count("data:image/png;base64,") == 2  # contours and 3-D of both planes


def test_text_of_files_is_text(page):
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\x1b" not in page


def test_the_same_run_gives_the_same_page(run):
    first = write_report(run).read_bytes()
    assert write_report(run, run / "other.html").read_bytes() == first


def test_what_is_unfinished_is_said(light, capsys):
    for name in ("plain/half.h5", "half.h5"):
        axis = Axis("image" if "/" in name else "alpha", np.arange(4.0), "1", "x")
        fields = (Field("loss", "float32", "nat", "loss"),)
        kind = "attack" if "/" in name else "weights"
        with SurfaceWriter(light / name, Layout(kind, (axis,), fields, about={"title": "x"})) as w:
            w.write(np.arange(2), {"loss": np.ones(2)})
    assert main(["report", str(light)]) == 0
    assert capsys.readouterr().out.split() == [str(light / "report.html")]
    seen = words((light / "report.html").read_text(encoding="utf-8"))
    assert "plain/half.h5 is unfinished." in seen
    assert "unfinished, 2 of 4 points" in seen


BROKEN = {
    "no JSON": ("config.json", "{", "cannot be read as a training"),
    "a list": ("config.json", "[]", "no epochs of a training"),
    "no epochs": ("metrics.jsonl", "", "no epochs of a training"),
    "cut open": ("metrics.jsonl", '{"epoch": 1}\n{"epo\n', "cannot be read as a training"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_training_does_not_hide_the_rest(light, case):
    name, text, why = BROKEN[case]
    (light / "standard" / name).write_text(text)
    seen = words(write_report(light).read_text(encoding="utf-8"))
    assert why in seen
    assert "62.5 (30.6 to 86.3)" in seen


def test_epochs_of_strange_types_are_shown_as_what_they_are(light):
    lines = '{"epoch": [1], "train_loss": "x"}\n{"epoch": {"a": 1}, "train_loss": null}\n'
    (light / "standard" / "metrics.jsonl").write_text(lines)
    assert "train loss none" in words(write_report(light).read_text(encoding="utf-8"))


def test_nothing_to_report_is_one_sentence(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "expected trainings, surfaces or results of attacks" in capsys.readouterr().err
    (tmp_path / "junk.h5").write_bytes(b"junk")
    assert main(["report", str(tmp_path)]) == 2
    assert "junk.h5 is not a readable HDF5 file" in capsys.readouterr().err
    with pytest.raises(InputError, match="expected the folder of a run"):
        write_report(tmp_path / "none")
