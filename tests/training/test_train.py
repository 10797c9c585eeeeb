import importlib.util
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

from landscape.data import load_dataset
from landscape.errors import InputError
from landscape.models import ModelSpec, build_model, load_checkpoint
from landscape.rng import generator
from landscape.training import Augment, RunFolder, TrainConfig, read_metrics
from landscape.training.learner import Learner

CONFIG = TrainConfig(epochs=2, batch_size=16, learning_rate=0.05)


def test_training_is_what_a_plain_pytorch_loop_does(run, shapes, cnn):
    data = shapes(67)
    result = run(data, CONFIG)

    model = build_model(cnn, generator=generator(0, "weights"))
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    scheduler = CosineAnnealingLR(optimizer, T_max=10)
    for epoch in range(2):
        losses, correct = [], 0
        for batch in torch.randperm(67, generator=generator(0, "order", epoch)).split(16):
            images = data.images(batch).contiguous(memory_format=torch.channels_last)
            logits = model(images)
            loss = F.cross_entropy(logits, data.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses += [loss.item()] * len(batch)
            correct += int((logits.argmax(1) == data.labels[batch]).sum())
        assert result.history[epoch].train_loss == pytest.approx(sum(losses) / 67, rel=1e-6)
        assert result.history[epoch].train_accuracy == correct / 67
    for name, value in result.checkpoint.model.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name], rtol=1e-4, atol=1e-5)


@pytest.mark.walkthrough
def test_the_small_network_learns_the_digits(run):
    train, test = (load_dataset("digits", split=split) for split in ("train", "test"))
    train = train.take(torch.arange(2000))
    config = TrainConfig(epochs=4, batch_size=32, learning_rate=0.1, augment=Augment(crop=1))
    spec = ModelSpec("cnn", classes=10, channels=1)
    result = run(train, config, spec=spec, validation=test)
    assert result.history[-1].validation_accuracy > 0.93
    with torch.no_grad():
        logits = result.checkpoint.model(test.images())
    accuracy = (logits.argmax(dim=1) == test.labels).double().mean().item()
    assert accuracy == pytest.approx(result.history[-1].validation_accuracy, abs=0.002)
    loss = F.cross_entropy(logits, test.labels).item()
    assert loss == pytest.approx(result.history[-1].validation_loss, rel=1e-4)


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [
        (67, 16, [16, 16, 16, 16, 3]),
        (65, 16, [16, 16, 16, 17]),  # no batch of one image, BatchNorm could not learn from it
        (64, 16, [16, 16, 16, 16]),
        (5, 16, [5]),
        (17, 16, [17]),
        (1, 16, [1]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_every_image_is_used_once_an_epoch(shapes, cnn, count, size, sizes):
    config = replace(CONFIG, batch_size=size)
    model = build_model(cnn, generator=generator(0))
    learner = Learner(model, shapes(count), config, seed=0, device=torch.device("cpu"))
    batches = learner.rest_of_epoch()
    assert [len(batch) for batch in batches] == sizes
    assert len(batches) == learner.course.steps_per_epoch
    assert torch.cat(batches).sort().values.tolist() == list(range(count))


def test_epochs_have_orders_of_their_own(shapes, cnn):
    model = build_model(cnn, generator=generator(0))
    learner = Learner(model, shapes(67), CONFIG, seed=0, device=torch.device("cpu"))
    first = torch.cat(learner.rest_of_epoch())
    learner.step = learner.course.steps_per_epoch
    assert not torch.equal(first, torch.cat(learner.rest_of_epoch()))


def test_a_seed_decides_and_the_global_random_state_has_no_part(run, shapes, tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = run(shapes(67), CONFIG, out=tmp_path / "one")
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    two = run(shapes(67), CONFIG, out=tmp_path / "two")
    other = run(shapes(67), CONFIG, out=tmp_path / "other", seed=1)
    assert one.checkpoint.sha256 == two.checkpoint.sha256 != other.checkpoint.sha256


def test_bf16_rounds_but_keeps_float32_weights(run, shapes, tmp_path):
    exact = run(shapes(67), CONFIG, out=tmp_path / "fp32")
    rounded = run(shapes(67), replace(CONFIG, precision="bf16"), out=tmp_path / "bf16")
    assert {p.dtype for p in rounded.checkpoint.model.parameters()} == {torch.float32}
    difference = abs(rounded.history[0].train_loss - exact.history[0].train_loss)
    assert 0 < difference < 0.05


def test_the_folder_tells_the_whole_story(run, shapes, tmp_path, cnn):
    result = run(shapes(67), CONFIG, validation=shapes(20, seed=1))
    folder = tmp_path / "run"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 5), (2, 10)]
    assert lines[0].keys() == {
        "epoch", "step", "learning_rate", "train_loss", "train_accuracy", "validation_loss",
        "validation_accuracy", "seconds", "images_per_second",
    }  # fmt: skip
    assert all(line["seconds"] > 0 and 0 <= line["train_accuracy"] <= 1 for line in lines)
    assert tuple(read_metrics(folder / "metrics.jsonl")) == result.history

    settings = json.loads((folder / "config.json").read_text())
    assert settings["training"] == json.loads(json.dumps(CONFIG.as_dict()))
    assert settings["seed"] == 0
    assert settings["data"]["images"] == 67
    assert settings["provenance"]["device"] == "cpu"

    checkpoint = load_checkpoint(folder / "model.pt")
    assert checkpoint.spec == cnn
    assert checkpoint.configuration["training"] == settings["training"]
    assert not checkpoint.model.training


@pytest.mark.skipif(not importlib.util.find_spec("tensorboard"), reason="needs tensorboard")
def test_tensorboard_gets_every_epoch(run, shapes, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = run(shapes(67), CONFIG)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    logged = [(event.step, event.value) for event in events.Scalars("train_loss")]
    expected = [(metrics.step, pytest.approx(metrics.train_loss)) for metrics in result.history]
    assert logged == expected
    assert "validation_loss" not in events.Tags()["scalars"]


def test_a_finished_run_is_returned_as_it_is(run, shapes, tmp_path):
    first = run(shapes(67), CONFIG)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}

    def fail():
        raise AssertionError("trained again")

    second = run(shapes(67, spring=fail, at=0), CONFIG)
    assert second.checkpoint.sha256 == first.checkpoint.sha256
    assert second.history == first.history
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}


def test_a_run_whose_model_was_lost_gets_it_back(run, shapes):
    first = run(shapes(67), CONFIG)
    first.path.unlink()
    assert run(shapes(67), CONFIG).checkpoint.sha256 == first.checkpoint.sha256


def test_another_configuration_is_refused_with_both_values(run, shapes, tmp_path):
    first = run(shapes(67), CONFIG)
    other = replace(CONFIG, learning_rate=0.01)
    with pytest.raises(InputError) as refusal:
        run(shapes(67), other, seed=4)
    assert str(refusal.value) == (
        f"{tmp_path / 'run'} holds another training run: training.learning_rate is 0.05 there and "
        "0.01 here; seed is 0 there and 4 here; give another --out, or --overwrite to lose it"
    )
    assert load_checkpoint(first.path).sha256 == first.checkpoint.sha256


def test_overwrite_starts_anew(run, shapes, tmp_path):
    (tmp_path / "run").mkdir()
    notes = tmp_path / "run" / "notes.txt"
    notes.write_text("mine")
    run(shapes(67), CONFIG)
    other = replace(CONFIG, learning_rate=0.01)
    result = run(shapes(67), other, overwrite=True)
    fresh = run(shapes(67), other, out=tmp_path / "fresh")
    assert result.checkpoint.sha256 == fresh.checkpoint.sha256
    assert len(result.history) == 2
    assert notes.read_text() == "mine"


def files_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_trained_run_stays_until_one_that_overwrites_it_is_whole(run, shapes, tmp_path):
    run(shapes(67), CONFIG, keep_every=1)
    folder, kept = tmp_path / "run", tmp_path / "run" / "replaced"
    before = files_of(folder)
    for _ in range(2):  # the second takes the place of an unfinished run
        with pytest.raises(InputError, match="diverged"):
            run(shapes(67), replace(CONFIG, learning_rate=1e38), overwrite=True)
        assert files_of(kept) == before
        assert not (folder / "model.pt").exists()
    run(shapes(67), CONFIG, overwrite=True)
    assert not kept.exists()


@pytest.mark.parametrize("moves", range(6))
def test_a_run_that_was_partly_moved_is_moved_on(tmp_path, monkeypatch, moves):
    folder = RunFolder(tmp_path)
    for name in ("state.pt", "model.pt", "metrics.jsonl", "config.json", "epochs/0.pt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before, rename, left = files_of(tmp_path), Path.rename, iter(range(moves))

    def killed(path, target):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with suppress(KeyboardInterrupt):
            folder.make_room()
    if 0 < moves < 5:
        with pytest.raises(InputError, match="without the state"):
            folder.has_run()
    folder.make_room()
    assert files_of(folder.replaced.path) == before


@pytest.mark.parametrize("contents", [b"", b"not a state", "half", "foreign"])
def test_a_damaged_state_is_named(run, shapes, tmp_path, contents):
    run(shapes(67), CONFIG)
    path = tmp_path / "run" / "state.pt"
    if contents == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif contents == "foreign":
        torch.save({"weights": torch.zeros(3)}, path)
    else:
        path.write_bytes(contents)
    with pytest.raises(InputError, match=r"state\.pt is damaged .* --overwrite"):
        run(shapes(67), CONFIG)


def test_a_model_without_a_state_is_not_overwritten(run, shapes, tmp_path):
    first = run(shapes(67), CONFIG)
    (tmp_path / "run" / "state.pt").unlink()
    with pytest.raises(InputError, match="--overwrite"):
        run(shapes(67), CONFIG)
    assert load_checkpoint(first.path).sha256 == first.checkpoint.sha256


@pytest.mark.parametrize("rate", [1e18, 1e38])
def test_divergence_is_told_and_leaves_a_state_that_is_finite(run, shapes, tmp_path, rate):
    with pytest.raises(InputError, match=r"diverged: .* step \d+ .*lower learning rate"):
        run(shapes(67), replace(CONFIG, learning_rate=rate))
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert all(tensor.isfinite().all() for tensor in state["weights"].values())
    assert not (tmp_path / "run" / "model.pt").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spec": ModelSpec("cnn", classes=2, channels=1)}, "label"),
        ({"spec": ModelSpec("cnn", classes=3, channels=3)}, "channels"),
        ({"device": "gpu"}, "gpu"),
        ({"checkpoint_every": 0}, "checkpoint_every"),
        ({"workers": -1}, "workers"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    run, shapes, tmp_path, changes, message
):
    with pytest.raises(InputError, match=message):
        run(shapes(67), CONFIG, **changes)
    assert not (tmp_path / "run").exists()
