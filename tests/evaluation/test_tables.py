"""Tables, read back by those who read them elsewhere."""

import csv
import json
import math
import shutil
import subprocess

import pytest

from landscape.errors import InputError
from landscape.evaluation import TABLES, Evaluation, write_table
from landscape.numerics import Mean

ROWS = {
    "worst10_30 & more": [
        Evaluation("natural", 0.991, (0.988, 0.993), 0.03, 1000, 1.0),
        Evaluation("grid", 0.5, (0.4, 0.6), float("inf"), 1000, 775.0),
        Evaluation("grid", 0.6, (0.5, 0.7), 0.9, 1000, 775.0, vote=10),
        Evaluation("grid", 0.4, (0.3, 0.5), 1.1, 1000, 7750.0, vote=10, target="vote"),
    ],
    "standard": [Evaluation("natural", 1.0, (0.99, 1.0), 0.0, 1000, 1.0)],
}


def test_csv_has_one_line_per_model_and_attack(tmp_path):
    write_table(tmp_path / "t.csv", ROWS)
    with (tmp_path / "t.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    names = ("model", "attack", "vote", "target")
    assert [tuple(line[name] for name in names) for line in lines] == [
        ("worst10_30 & more", "natural", "0", "network"),
        ("worst10_30 & more", "grid", "0", "network"),
        ("worst10_30 & more", "grid", "10", "network"),
        ("worst10_30 & more", "grid", "10", "vote"),
        ("standard", "natural", "0", "network"),
    ]
    assert float(lines[2]["accuracy"]) == 0.6
    assert float(lines[1]["loss"]) == float("inf")


def test_json_holds_the_same(tmp_path):
    write_table(tmp_path / "t.JSON", ROWS)
    rows = json.loads((tmp_path / "t.JSON").read_text())
    assert [row["loss"] for row in rows] == [0.03, None, 0.9, 1.1, 0.0]
    assert rows[2] == {
        "model": "worst10_30 & more",
        "attack": "grid",
        "accuracy": 0.6,
        "interval": [0.5, 0.7],
        "loss": 0.9,
        "images": 1000,
        "evaluations": 775.0,
        "vote": 10,
        "target": "network",
        "tested_on": "",
        "dissimilarity": None,
        "dissimilarity_of_successes": None,
    }


def test_latex_has_a_line_per_model_and_a_column_per_attack(tmp_path):
    write_table(tmp_path / "t.tex", ROWS)
    text = (tmp_path / "t.tex").read_text()
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [row.count("&") - row.count(r"\&") for row in rows] == [4, 4, 4]
    assert r"worst10\_30 \& more" in text
    assert "grid, vote of 10 & grid on the vote of 10" in text
    assert r"50.00 {\scriptsize (40.0--60.0)}" in text
    assert rows[2].startswith("standard & 100.00")
    if shutil.which("pdflatex"):
        page = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
        (tmp_path / "p.tex").write_text(f"{page}{text}\\end{{document}}")
        words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "p.tex"]
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("name", ["t.xls", "t", "t.cvs"])
def test_another_ending_is_refused_and_nothing_written(tmp_path, name):
    with pytest.raises(InputError, match=r"\.csv, \.json, \.tex"):
        write_table(tmp_path / name, ROWS)
    assert not list(tmp_path.iterdir())
    assert set(TABLES) == {".csv", ".json", ".tex"}


TRANSFERRED = {
    "a": [
        Evaluation("fgsm", 0.1, (0.0, 0.2), 3.0, 100, 2.0, dissimilarity=Mean(0.04, 0.001, 100)),
        Evaluation("fgsm", 0.6, (0.5, 0.7), math.nan, 100, 2.0, tested_on="b"),
    ],
    "b": [Evaluation("fgsm", 0.3, (0.2, 0.4), 2.0, 100, 2.0)],
}


def test_images_shown_to_others_stand_in_the_row_of_those_who_saw_them(tmp_path):
    write_table(tmp_path / "t.tex", TRANSFERRED)
    rows = [line for line in (tmp_path / "t.tex").read_text().splitlines() if line[-2:] == r"\\"]
    assert rows[0] == r"model & fgsm & fgsm made on a \\"
    assert rows[1].startswith("a & 10.00")
    assert rows[1].endswith(r"&  \\")
    assert "30.00" in rows[2]
    assert "60.00" in rows[2]


def test_programs_are_told_who_was_attacked_who_tested_and_how_unlike_the_images_are(tmp_path):
    write_table(tmp_path / "t.csv", TRANSFERRED)
    with (tmp_path / "t.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["model"], line["tested_on"]) for line in lines] == [
        ("a", ""),
        ("a", "b"),
        ("b", ""),
    ]
    assert (lines[0]["dissimilarity"], lines[0]["dissimilarity_stderr"]) == ("0.04", "0.001")
    write_table(tmp_path / "t.json", TRANSFERRED)
    rows = json.loads((tmp_path / "t.json").read_text())
    assert rows[0]["dissimilarity"] == {"value": 0.04, "standard_error": 0.001, "count": 100}
    assert rows[1]["loss"] is None
