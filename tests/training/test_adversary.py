"""Robust optimization: the batch that is learned from is the worst that the adversary found."""

import copy
import json
from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from landscape.attacks import ATTACKS, RandomPose
from landscape.errors import InputError
from landscape.models import build_model
from landscape.rng import generator
from landscape.spatial import SpatialLimits, rotate_shift
from landscape.training import Augment, TrainConfig
from landscape.training.learner import Learner

LIMITS = SpatialLimits(rotation=40.0, shift_x=1.5, shift_y=1.0)
CONFIG = TrainConfig(
    epochs=2,
    batch_size=16,
    learning_rate=0.05,
    augment=Augment(flip=True, crop=1),
    adversary=RandomPose(k=4, limits=LIMITS),
)


def learner(config, data, spec):
    model = build_model(spec, generator=generator(0, "weights"))
    return Learner(model, data, config, seed=0, device=torch.device("cpu"))


def worst_poses(model, images, labels, step):
    """One image and one pose after the other; misclassified first, then the highest loss."""
    judge = copy.deepcopy(model).eval()
    poses = LIMITS.draw(images, 4, generator=generator(0, "adversary", step))
    chosen = []
    for image, label, tries in zip(images, labels, poses, strict=True):
        moved = [rotate_shift(image[None], pose) for pose in tries]
        with torch.no_grad():
            logits = [judge(x)[0] for x in moved]
        ranks = [
            (bool(row.argmax() != label), float(F.cross_entropy(row, label))) for row in logits
        ]
        chosen.append(moved[max(range(4), key=ranks.__getitem__)])
    return torch.cat(chosen)


def test_training_is_a_plain_loop_on_the_worst_of_the_poses(shapes, cnn):
    data = shapes(40)
    ours = learner(CONFIG, data, cnn)
    batches = ours.rest_of_epoch()[:2]
    for positions in batches:
        ours.take_step(positions)
    ours.collect()

    model = build_model(cnn, generator=generator(0, "weights"))
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    total = 0.0
    for step, positions in enumerate(batches):
        images, labels = data.images(positions), data.labels[positions]
        images = CONFIG.augment(images, generator=generator(0, "augment", step))
        images = worst_poses(model, images, labels, step)
        for group in optimizer.param_groups:
            group["lr"] = ours.learning_rate(step)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(positions)
    assert ours.totals.loss == pytest.approx(total, rel=1e-5)
    assert_close(ours.model.state_dict(), model.state_dict(), rtol=1e-4, atol=1e-5)


def test_a_stronger_adversary_makes_a_higher_loss(run, shapes, tmp_path):
    """With hardly a step taken the losses compare the batches, not the networks."""
    losses = []
    for k in (None, 1, 10):
        adversary = k and RandomPose(k=k, limits=LIMITS, include_clean=True)
        config = replace(CONFIG, epochs=1, learning_rate=1e-9, adversary=adversary)
        result = run(shapes(67), config, out=tmp_path / str(k))
        losses.append(result.history[0].train_loss)
    assert losses[0] < losses[1] < losses[2]


def test_the_adversary_leaves_no_trace_in_the_network(shapes, cnn, untouched):
    ours = learner(CONFIG, shapes(40), cnn)
    with untouched(ours.model):
        (images,), _ = ours._batch(torch.arange(16))
    assert images.shape == (16, 1, 8, 8)
    assert ours.model.training


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_trains_by_its_name(name, run, shapes):
    config = replace(CONFIG, epochs=1, batch_size=2, adversary=name)
    result = run(shapes(2), config)
    assert result.history[0].train_loss > 0
    described = result.checkpoint.configuration["training"]["adversary"]
    assert described["name"] == type(ATTACKS[name]()).__name__.lower()


def test_a_name_and_the_attack_it_stands_for_are_the_same_settings():
    named, built = (
        replace(CONFIG, adversary=adversary) for adversary in ("worst-of-10", RandomPose(k=10))
    )
    assert named.as_dict() == built.as_dict()
    assert json.loads(json.dumps(named.as_dict()["adversary"])) == {
        "name": "randompose",
        "k": 10,
        "limits": {"rotation": 30.0, "shift_x": None, "shift_y": None, "share": 0.1},
        "include_clean": False,
        "warp": {"convention": "landscape", "padding": "zeros"},
    }
    assert CONFIG.as_dict() != named.as_dict()
    assert replace(CONFIG, adversary=None).as_dict()["adversary"] is None


def test_an_unknown_adversary_is_refused_at_once():
    with pytest.raises(InputError, match="unknown attack 'worst-of-01'; did you mean"):
        TrainConfig(adversary="worst-of-01")


@dataclass(frozen=True)
class Mask(RandomPose):
    """An attack that could not be told from another by its description."""

    mask: torch.Tensor | None = None


def test_an_adversary_that_cannot_be_written_down_is_refused():
    with pytest.raises(InputError, match="JSON values"):
        TrainConfig(adversary=Mask(mask=torch.ones(2)))
    assert TrainConfig(adversary=Mask()).as_dict()["adversary"]["mask"] is None
