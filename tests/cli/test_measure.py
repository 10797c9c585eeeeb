"""`landscape measure` on the digits."""

import json
import re

import pytest
import torch

import landscape
from landscape.cli import main
from landscape.curvature import trace
from landscape.models import ModelSpec, build_model, save_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An untrained network for the digits."""
    path = tmp_path_factory.mktemp("measure") / "model.pt"
    spec = ModelSpec("cnn", classes=10, channels=1)
    model = build_model(spec, generator=landscape.generator(0))
    configuration = {"data": {"name": "digits"}}
    save_checkpoint(path, model, spec, configuration=configuration, provenance={})
    return path


def test_numbers_go_to_a_table_and_with_their_origin_to_a_file(checkpoint, tmp_path, capsys):
    out = tmp_path / "found" / "measures.json"
    words = ["measure", str(checkpoint), "--measures", "trace:samples=2", "gradient"]
    words += ["density:steps=2,vectors=1,points=20"]
    assert main([*words, "--samples", "20", "--seed", "5", "--out", str(out)]) == 0
    record = json.loads(out.read_text())
    data = landscape.load_dataset("digits").subset(20, generator=landscape.generator(5, "images"))
    loaded = landscape.load_checkpoint(checkpoint)
    expected = trace(loaded.model, data.images(), data.labels, samples=2, seed=5)
    summed = record["measures"]["trace:samples=2"]
    (reading,) = summed["readings"]
    assert reading["value"] == pytest.approx(expected.value, rel=1e-5)
    assert reading["standard_error"] == pytest.approx(expected.standard_error, rel=1e-5)
    assert summed["settings"]["samples"] == 2
    assert list(summed["details"]["by_parameter"]) == [
        name for name, _ in loaded.model.named_parameters()
    ]
    density = record["measures"]["density:steps=2,vectors=1,points=20"]["details"]
    assert len(density["density"]) == len(density["eigenvalues"]) == 20
    assert record["identity"] == {
        "model": "cnn",
        "weights_sha256": loaded.sha256,
        "dataset": "digits",
        "split": "test",
        "data_sha256": data.sha256,
        "images": 20,
    }
    assert record["configuration"]["seed"] == 5
    assert record["provenance"]["landscape"] == landscape.__version__
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert f"trace {reading['value']:.5g} +- {reading['standard_error']:.2g} nat" in shown
    assert "gradient norm" in shown
    assert "mean over 20 images; written:" in shown


def test_what_is_not_finite_is_valid_json(checkpoint, tmp_path):
    """Weights so large that the loss overflows are finite, its derivatives are not."""
    loaded = landscape.load_checkpoint(checkpoint)
    for weight in loaded.model.parameters():
        weight.data = torch.full_like(weight, 1e30)
    path, out = tmp_path / "model.pt", tmp_path / "measures.json"
    configuration = {"data": {"name": "digits"}}
    save_checkpoint(path, loaded.model, loaded.spec, configuration=configuration, provenance={})
    words = ["measure", str(path), "--measures", "hessian", "--samples", "5", "--out", str(out)]
    assert main(words) == 0

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    readings = json.loads(out.read_text(), parse_constant=refuse)["measures"]["hessian"]["readings"]
    assert [reading["value"] for reading in readings] == [None] * 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--measures", "traces"], "unknown measure 'traces'; did you mean 'trace'?"),
        (["--measures", "trace:samples=0"], "expected at least one sample for a trace, got 0"),
        (["--measures"], "expected at least one measure, got none"),
        (["--measures", "trace", "--precision", "bf16"], "only sharpness and average"),
    ],
)
def test_bad_input_gets_one_sentence(checkpoint, capsys, words, message):
    assert main(["measure", str(checkpoint), "--samples", "5", *words]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("landscape: ")
    assert message in error
