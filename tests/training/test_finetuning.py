"""Fine-tuning: another start, another optimizer, clean and attacked images side by side."""

import copy
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from landscape.attacks import FGSM
from landscape.engine import Network
from landscape.errors import InputError
from landscape.models import build_model
from landscape.rng import generator
from landscape.training import TrainConfig
from landscape.training.learner import Learner

CONFIG = TrainConfig(epochs=2, batch_size=16, learning_rate=0.01, weight_decay=1e-3)


@pytest.fixture
def start(cnn):
    return build_model(cnn, generator=generator(7))


def learner(config, data, model):
    return Learner(model, data, config, seed=0, device=torch.device("cpu"))


def test_a_run_begins_with_the_weights_it_is_given_and_leaves_them_alone(run, shapes, start):
    before = copy.deepcopy(start.state_dict())
    tiny = replace(CONFIG, epochs=1, learning_rate=1e-12, weight_decay=0.0)
    result = run(shapes(32), tiny, start=start)
    found = dict(result.checkpoint.model.named_parameters())
    for name, weight in start.named_parameters():
        assert_close(found[name], weight, rtol=0, atol=1e-6)
    assert_close(start.state_dict(), before, rtol=0, atol=0)


def test_a_run_goes_on_only_from_the_start_it_had(run, shapes, start, cnn):
    data, another = shapes(32), build_model(cnn, generator=generator(8))
    stopped = []

    def stop():
        stopped.append(1)
        raise KeyboardInterrupt

    whole = run(data, CONFIG, start=start)
    springing = shapes(32, spring=stop, at=3)
    with pytest.raises(KeyboardInterrupt):
        run(springing, CONFIG, start=start, out=whole.path.parent.parent / "other")
    assert stopped
    with pytest.raises(InputError, match="start"):
        run(data, CONFIG, start=another, out=whole.path.parent.parent / "other")
    again = run(data, CONFIG, start=start, out=whole.path.parent.parent / "other")
    assert again.checkpoint.sha256 == whole.checkpoint.sha256


@pytest.mark.parametrize(
    ("name", "kind", "decay", "least"),
    [("adam", torch.optim.Adam, 1e-3, 0.005), ("adamw", torch.optim.AdamW, 0.1, 0.004)],
)
def test_adam_takes_pytorchs_steps(shapes, cnn, start, name, kind, decay, least):
    data, config = shapes(40), replace(CONFIG, optimizer=name, weight_decay=decay)
    ours = learner(config, data, copy.deepcopy(start))
    model = copy.deepcopy(start).to(memory_format=torch.channels_last).train()
    optimizer = kind(model.parameters(), lr=0.01, weight_decay=decay)
    for step, positions in enumerate(ours.rest_of_epoch()[:2]):
        ours.take_step(positions)
        optimizer.param_groups[0]["lr"] = ours.learning_rate(step)
        optimizer.zero_grad()
        F.cross_entropy(model(data.images(positions)), data.labels[positions]).backward()
        optimizer.step()
    found, expected = (
        torch.cat([p.detach().flatten() for p in m.parameters()]) for m in (ours.model, model)
    )
    # Where a gradient is next to nothing, Adam makes a whole step of its rounding.
    assert ((found - expected).abs() > 1e-5).double().mean() < 0.01
    moved = found - torch.cat([p.detach().flatten() for p in start.parameters()])
    assert moved.abs().mean() > least


def test_clean_and_attacked_images_are_learned_from_one_to_one(shapes, start):
    data = shapes(40)
    config = replace(CONFIG, adversary=FGSM(eps=0.1), clean_too=True)
    ours = learner(config, data, copy.deepcopy(start))
    positions = ours.rest_of_epoch()[0]
    ours.take_step(positions)
    ours.collect()
    assert ours.totals.images == 32

    model = copy.deepcopy(start).to(memory_format=torch.channels_last)
    images, labels = data.images(positions), data.labels[positions]
    attacked = FGSM(eps=0.1)(Network(model), images, labels, generator=generator(0)).images
    model.train()
    both = model(torch.cat([images, attacked]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-3)
    F.cross_entropy(both, torch.cat([labels, labels])).backward()
    optimizer.step()
    for found, expected in zip(ours.model.parameters(), model.parameters(), strict=True):
        assert_close(found, expected, rtol=0, atol=1e-5)


def test_an_image_counts_once_however_often_it_is_learned_from(run, shapes, start, ctrl_c):
    config = replace(CONFIG, epochs=1, adversary=FGSM(eps=0.1), clean_too=True)
    with pytest.raises(KeyboardInterrupt):
        run(shapes(40, spring=ctrl_c, at=2), config, start=start)
    (epoch,) = run(shapes(40), config, start=start).history
    assert epoch.images_per_second * epoch.seconds == pytest.approx(40, rel=0.2)


@pytest.mark.processes
def test_a_compiled_run_with_both_goes_on_as_one_that_is_not(
    run, shapes, start, tmp_path, monkeypatch
):
    """Traced for real; that the code which comes of it is right, others test."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    config = replace(CONFIG, epochs=1, adversary=FGSM(eps=0.1), clean_too=True)
    plain, fast = (
        run(shapes(48), config, start=start, compile=how, out=tmp_path / how)
        for how in ("never", "always")
    )
    for found, expected in zip(
        fast.checkpoint.model.parameters(), plain.checkpoint.model.parameters(), strict=True
    ):
        assert_close(found, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimizer": "lion"}, "unknown optimizer 'lion'"),
        ({"optimizer": "adam", "nesterov": True}, "a way of sgd, not of adam"),
        ({"clean_too": True}, "goes with an adversary, there is none"),
    ],
)
def test_senseless_settings_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**wrong)
