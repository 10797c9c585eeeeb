import io
import os
import pickle
import random
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.models import (
    ModelSpec,
    build_model,
    contents,
    load_checkpoint,
    save_checkpoint,
    weights_sha256,
)
from landscape.rng import generator

SPEC = ModelSpec("cnn", classes=7, channels=2, mean=(0.2, 0.4), std=(0.5, 1.0))
CONFIGURATION = {"epochs": 3, "augment": {"shift": 2.0}, "milestones": [1, 2]}
PROVENANCE = {"commit": "abc", "torch": "2.x"}


def made(spec: ModelSpec = SPEC, seed: int = 0) -> nn.Module:
    """A network whose buffers are as random as its weights."""
    model = build_model(spec, generator=generator(seed))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(generator=generator(seed, "mean"))
            module.num_batches_tracked.fill_(17)
    return model


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "model.pt"
    save_checkpoint(path, made(), SPEC, configuration=CONFIGURATION, provenance=PROVENANCE)
    return path


def same_bits(a: nn.Module, b: nn.Module) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(ours[key].equal(theirs[key]) for key in ours)


# -- our own files ----------------------------------------------------------------------


def test_comes_back_bit_for_bit(saved):
    found = load_checkpoint(saved)
    assert same_bits(found.model, made())
    assert (found.spec, found.configuration, found.provenance) == (SPEC, CONFIGURATION, PROVENANCE)
    assert found.sha256 == weights_sha256(made())
    assert not any(module.training for module in found.model.modules())
    x = torch.rand(3, 2, 9, 11)
    assert_close(found.model(x), made().eval()(x), rtol=0, atol=0)


def test_it_knows_what_it_was_trained_on_or_says_that_it_does_not(saved, tmp_path):
    for about in ({}, {"data": "digits"}, {"data": {"name": 7}}):
        elsewhere = replace(load_checkpoint(saved), configuration=about)
        with pytest.raises(InputError, match=r"do not say .* name the data set \(--dataset\)"):
            _ = elsewhere.trained_on
    about = {"data": {"name": "digits"}}
    assert replace(load_checkpoint(saved), configuration=about).trained_on == "digits"


def test_file_holds_tensors_and_plain_values_only(saved):
    contents = torch.load(saved, weights_only=True)
    assert contents["format"] == "landscape-checkpoint"
    assert contents["state_dict"].keys() == made().state_dict().keys()


def test_saving_changes_nothing_and_replaces_whole_files(saved):
    model = made(seed=1)
    before = weights_sha256(model)
    save_checkpoint(saved, model, SPEC, configuration={}, provenance={})
    assert model.training
    assert weights_sha256(model) == before == load_checkpoint(saved).sha256
    with pytest.raises(TypeError):
        save_checkpoint(saved, model, SPEC, configuration={"x": model}, provenance={})
    assert load_checkpoint(saved).sha256 == before
    assert list(saved.parent.iterdir()) == [saved]


def test_wrapped_user_network_comes_back(tmp_path):
    options = {"in_features": 4, "out_features": 2}
    spec = ModelSpec("torch.nn:Linear", mean=(0.5,), std=(2.0,), options=options)
    model = made(spec)
    path = tmp_path / "model.pt"
    save_checkpoint(path, model, spec, configuration={}, provenance={})
    found = load_checkpoint(path, spec=ModelSpec("torch.nn:Linear"))
    assert found.spec == spec
    assert same_bits(found.model, model)
    assert_close(found.model(torch.ones(1, 1, 2, 4)), model(torch.ones(1, 1, 2, 4)))


def test_model_may_be_named_again_but_not_otherwise(saved):
    assert load_checkpoint(saved, spec=SPEC).spec == SPEC
    with pytest.raises(InputError, match=r"says itself what it holds.*leave the model out"):
        load_checkpoint(saved, spec=ModelSpec("resnet20"))


def test_what_json_gives_back_otherwise_is_no_contradiction(tmp_path):
    spec = ModelSpec("torch.nn:LayerNorm", options={"normalized_shape": (2, 4)})
    path = tmp_path / "model.pt"
    save_checkpoint(path, made(spec), spec, configuration={}, provenance={})
    assert load_checkpoint(path, spec=spec).spec.options == {"normalized_shape": [2, 4]}
    for other in ((4, 2), {2, 4}):
        with pytest.raises(InputError, match="says itself what it holds"):
            load_checkpoint(path, spec=replace(spec, options={"normalized_shape": other}))


def test_file_of_a_newer_version(saved):
    contents = torch.load(saved, weights_only=True)
    torch.save({**contents, "version": 2}, saved)
    with pytest.raises(InputError, match="update landscape"):
        load_checkpoint(saved)


@pytest.mark.parametrize("part", ["spec", "configuration", "provenance", "state_dict", "seal"])
@pytest.mark.parametrize("change", ["drop", "replace"])
def test_own_file_with_a_part_missing_or_changed(saved, part, change):
    contents = torch.load(saved, weights_only=True)
    if change == "drop":
        del contents[part]
    else:
        contents[part] = {"other": 3}
    torch.save(contents, saved)
    with pytest.raises(InputError, match="damaged: its contents are not those that were saved"):
        load_checkpoint(saved)


# -- damaged and hostile files ----------------------------------------------------------


def test_no_damage_goes_unnoticed(saved):
    """Cut anywhere, or one bit turned anywhere: the same model, or one sentence."""
    whole, rng, refused = saved.read_bytes(), random.Random(0), 0
    for trial in range(120):
        place = rng.randrange(1, len(whole))
        damaged = bytearray(whole)
        if trial % 2:
            damaged[place] ^= 1 << rng.randrange(8)
        saved.write_bytes(damaged if trial % 2 else whole[:place])
        with suppress(InputError):
            found = load_checkpoint(saved)
            assert found.sha256 == weights_sha256(made())  # the bit was one of padding
            assert (found.spec, found.configuration) == (SPEC, CONFIGURATION)
            refused -= 1
        refused += 1
    assert refused > 100


class Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("archive", ["zip", "legacy", "pickle"])
def test_a_file_cannot_run_code(tmp_path, archive):
    target, path = tmp_path / "harm", tmp_path / "model.pth"
    if archive == "pickle":
        path.write_bytes(pickle.dumps(Evil(target)))
    else:
        content = {"state_dict": {"weight": torch.ones(2)}, "epoch": Evil(target)}
        torch.save(content, path, _use_new_zipfile_serialization=archive == "zip")
    with pytest.raises(InputError) as caught:
        load_checkpoint(path, spec=ModelSpec("cnn"))
    assert not target.exists()
    if archive != "pickle":
        assert f"{os.system.__module__}.system" in str(caught.value)
        assert "torch.save(model.state_dict()" in str(caught.value)


def test_a_name_as_long_as_a_file_is_refused_at_once(tmp_path, monkeypatch):
    """PyTorch alone would search such a name for minutes, in the square of its length."""
    searched = []

    def search(self, pattern, text):
        searched.append(len(text))
        return real(self, pattern, text)

    real = contents._Begin.search
    monkeypatch.setattr(contents._Begin, "search", search)
    (tmp_path / "long.pt").write_bytes(b"\x80\x02c" + b"a" * 400_000 + b"\nb\n.")
    before = torch.serialization.re
    with pytest.raises(InputError, match="wants to run code"):
        load_checkpoint(tmp_path / "long.pt")
    assert max(searched) > 400_000
    assert contents._Begin().search("b$", "a" * 400_000 + "b") is None
    assert contents._Begin().compile("b").match("b")
    assert torch.serialization.re is before


def test_a_whole_pickled_model_is_refused_with_the_way_out(tmp_path):
    torch.save(made(), tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"SmallCNN.*refused; have its author save the weights"):
        load_checkpoint(tmp_path / "model.pt", spec=SPEC)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("content", [b"x", b"no weights here\n" * 40, bytes(1000), b"PK\x03\x04"])
def test_files_of_another_kind(tmp_path, suffix, content):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=rf"^{path} is not a checkpoint, or is damaged or cut short$"
    ):
        load_checkpoint(path, spec=SPEC)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_what_may_not_be_read_is_not_called_damaged(saved, monkeypatch, suffix):
    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = saved.rename(saved.with_suffix(suffix))
    monkeypatch.setattr(torch, "load", denied)
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(InputError, match="may not be read here"):
        load_checkpoint(path)


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match=r"no such file: .*none\.pt"):
        load_checkpoint(tmp_path / "none.pt")
    with pytest.raises(InputError, match="is a folder"):
        load_checkpoint(tmp_path)
    (tmp_path / "empty.pt").touch()
    with pytest.raises(InputError, match=r"empty\.pt is empty"):
        load_checkpoint(tmp_path / "empty.pt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.ones(3), "holds Tensor; a checkpoint or a state dict was expected"),
        ({"epoch": 3}, "holds no weights.*found epoch"),
        ({}, "holds no weights.*found none"),
        ({"model": {"weight": torch.ones(2), "epoch": 3}}, "holds no weights.*found model"),
    ],
)
def test_files_without_weights(tmp_path, content, message):
    torch.save(content, tmp_path / "file.pt")
    with pytest.raises(InputError, match=message):
        load_checkpoint(tmp_path / "file.pt", spec=SPEC)


# -- weights from elsewhere -------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("key", [None, "state_dict", "model", "model_state_dict", "net"])
def test_public_state_dicts_fit_key_for_key(tmp_path, prefix, key):
    model = made(ModelSpec("resnet20", classes=10, channels=3))
    state = {prefix + name: value for name, value in model.state_dict().items()}
    content = state if key is None else {key: state, "best_prec1": 92.63, "epoch": 200}
    torch.save(content, tmp_path / "public.th")
    found = load_checkpoint(tmp_path / "public.th", spec=ModelSpec("resnet20"))
    assert same_bits(found.model, model)
    assert found.spec == ModelSpec("resnet20", classes=10, channels=3)
    assert (found.configuration, found.provenance) == ({}, {})


def test_old_and_safe_formats(tmp_path):
    state = made().state_dict()
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(state, tmp_path / "safe.safetensors")
    for path in tmp_path.iterdir():
        assert same_bits(load_checkpoint(path, spec=SPEC).model, made())


def test_weights_from_before_batches_were_counted(tmp_path):
    state = {k: v for k, v in made().state_dict().items() if "num_batches" not in k}
    torch.save(state, tmp_path / "old.pth")
    found = load_checkpoint(tmp_path / "old.pth", spec=SPEC).model.state_dict()
    assert all(found[name].equal(state[name]) for name in state)


def test_half_precision_becomes_single(tmp_path):
    torch.save(made().half().state_dict(), tmp_path / "half.pth")
    found = load_checkpoint(tmp_path / "half.pth", spec=SPEC).model
    assert same_bits(found, made().half().float())
    assert {p.dtype for p in found.parameters()} == {torch.float32}


def test_weights_go_inside_the_wrapper_of_a_users_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nets_for_checkpoint.py").write_text(
        "from torch import nn\ndef net(): return nn.Sequential(nn.Flatten(), nn.Linear(12, 3))"
    )
    weights = {"1.weight": torch.randn(3, 12), "1.bias": torch.randn(3)}
    torch.save(weights, "mine.pth")
    spec = ModelSpec("nets_for_checkpoint:net", mean=(0.5,) * 3, std=(0.25,) * 3)
    model = load_checkpoint("mine.pth", spec=spec).model
    x = torch.rand(4, 3, 2, 2)
    expected = ((x - 0.5) / 0.25).flatten(1) @ weights["1.weight"].T + weights["1.bias"]
    assert_close(model(x), expected)
    del sys.modules["nets_for_checkpoint"]


def test_weights_alone_need_a_network(tmp_path):
    torch.save(made().state_dict(), tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"say which network.*cnn, lenet5, .*module:factory"):
        load_checkpoint(tmp_path / "weights.pt")


def test_weights_of_another_network_are_counted(tmp_path):
    model = made(ModelSpec("resnet32", classes=10, channels=3))
    torch.save(model.state_dict(), tmp_path / "w.pt")
    with pytest.raises(InputError) as caught:
        load_checkpoint(tmp_path / "w.pt", spec=ModelSpec("resnet20"))
    assert "missing none" in str(caught.value)
    assert "unexpected layer1.3.conv1.weight, " in str(caught.value)
    assert f"and {3 * 2 * 12 - 3} more" in str(caught.value)
    with pytest.raises(InputError, match=r"missing layer1\.5\.conv1\.weight.*unexpected none"):
        load_checkpoint(tmp_path / "w.pt", spec=ModelSpec("resnet44"))


def test_weights_of_another_shape(tmp_path):
    torch.save(made().state_dict(), tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"linear\.bias \(7,\) instead of \(10,\), linear\.weight"):
        load_checkpoint(tmp_path / "w.pt", spec=replace(SPEC, classes=10))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("own", [True, False])
def test_weights_that_are_no_numbers(tmp_path, value, own):
    model, path = made(), tmp_path / "w.pt"
    with torch.no_grad():
        model.get_parameter("features.4.weight")[1, :2, 0, 0] = value
        model.get_parameter("linear.bias")[0] = value
    if own:
        save_checkpoint(path, model, SPEC, configuration={}, provenance={})
    else:
        torch.save(model.state_dict(), path)
    with pytest.raises(InputError, match=r"3 values, the first in features\.4\.weight"):
        load_checkpoint(path, spec=None if own else SPEC)


# -- the digest -------------------------------------------------------------------------


def test_digest_sees_names_shapes_dtypes_and_bits():
    layer = nn.Linear(4, 2)
    digests = {weights_sha256(layer), weights_sha256(layer.double())}
    layer.float()
    with torch.no_grad():
        layer.bias[0] = torch.nextafter(layer.bias[0], torch.tensor(9.0))
    digests.add(weights_sha256(layer))
    digests.add(weights_sha256(nn.Sequential(layer)))
    layer.weight = nn.Parameter(layer.weight.reshape(4, 2))
    digests.add(weights_sha256(layer))
    assert len(digests) == 5


def test_digest_does_not_see_layout_order_or_a_passage_through_a_file():
    model = made()
    before = weights_sha256(model)
    assert weights_sha256(made().to(memory_format=torch.channels_last)) == before
    file = io.BytesIO()
    torch.save(dict(reversed(model.state_dict().items())), file)
    file.seek(0)
    other = made(seed=1)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert weights_sha256(other) == before


def test_digest_of_bfloat16():
    assert weights_sha256(made().bfloat16()) != weights_sha256(made())
