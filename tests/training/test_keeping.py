"""Epochs that are kept along the way."""

from dataclasses import replace

import pytest

from landscape.errors import InputError
from landscape.models import build_model, load_checkpoint, weights_sha256
from landscape.rng import generator
from landscape.training import TrainConfig

CONFIG = TrainConfig(epochs=3, batch_size=16, learning_rate=0.05)


def shas(result):
    return {epoch: load_checkpoint(path).sha256 for epoch, path in result.kept.items()}


def test_every_epoch_is_kept_from_the_first_weights_on(run, shapes, cnn):
    result = run(shapes(67), CONFIG, keep_every=1)
    found = shas(result)
    assert list(found) == [0, 1, 2, 3]
    first = build_model(cnn, generator=generator(0, "weights"))
    assert found[0] == weights_sha256(first)
    assert found[3] == result.checkpoint.sha256
    assert len(set(found.values())) == 4
    kept = load_checkpoint(result.kept[1])
    assert kept.spec == cnn
    assert kept.configuration == result.checkpoint.configuration
    again = run(shapes(67), CONFIG, keep_every=1)
    assert shas(again) == found


def test_only_every_so_many_epochs_are_kept(run, shapes):
    result = run(shapes(67), CONFIG, keep_every=2)
    assert list(result.kept) == [0, 2]
    files = sorted(path.name for path in result.kept[0].parent.iterdir())
    assert files == ["0000.pt", "0002.pt"]


@pytest.mark.parametrize("step", [3, 5, 12])
def test_an_interrupted_run_keeps_what_a_straight_one_does(run, shapes, ctrl_c, step, tmp_path):
    straight = run(shapes(67), CONFIG, keep_every=1, out=tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        run(shapes(67, spring=ctrl_c, at=step), CONFIG, keep_every=1)
    assert shas(run(shapes(67), CONFIG, keep_every=1)) == shas(straight)


@pytest.mark.parametrize("part", ["Run.keep", "write_settings"])
def test_a_run_that_was_killed_before_its_first_step_starts_anew(run, shapes, monkeypatch, part):
    def kill(*_):
        raise KeyboardInterrupt

    config = replace(CONFIG, epochs=1)
    with monkeypatch.context() as patched:
        patched.setattr(f"landscape.training.run.{part}", kill)
        with pytest.raises(KeyboardInterrupt):
            run(shapes(20), config, keep_every=1)
    result = run(shapes(20), config, keep_every=1)
    assert list(shas(result)) == [0, 1]
    assert (result.path.parent / "config.json").exists()


def test_what_was_not_kept_in_its_time_is_missed_before_anything_is_lost(run, shapes):
    result = run(shapes(67), CONFIG)
    assert not result.kept
    with pytest.raises(InputError, match=r"did not keep 0000\.pt, 0001\.pt, .*3\.pt"):
        run(shapes(67), CONFIG, keep_every=1)
    assert result.path.exists()
    kept = run(shapes(67), CONFIG, keep_every=3, overwrite=True)
    assert list(kept.kept) == [0, 3]
    anew = run(shapes(67), CONFIG, overwrite=True)
    assert not kept.kept[0].exists()
    assert anew.checkpoint.sha256 == result.checkpoint.sha256


def test_a_negative_number_is_refused(run, shapes):
    with pytest.raises(InputError, match="keep_every is a number, 0 or more, got -1"):
        run(shapes(20), CONFIG, keep_every=-1)
