"""A batch that is computed in parts is learned from as a whole."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from landscape.attacks import RandomPose
from landscape.errors import InputError
from landscape.processes import ALONE, Group
from landscape.spatial import SpatialLimits
from landscape.training import Augment, TrainConfig
from landscape.training.course import Course
from landscape.training.learner import Learner

# 41 images in batches of 16 in parts of 6: two batches of 6, 6 and 4, the last one of 6 and 3.
PLAIN = TrainConfig(epochs=1, batch_size=16, learning_rate=0.05, accumulate=3)
CHANGED = replace(
    PLAIN,
    augment=Augment(flip=True, crop=1),
    adversary=RandomPose(k=3, limits=SpatialLimits(rotation=30.0)),
    clean_too=True,
)


class Watched(nn.Sequential):
    """Notes how many images it sees in each pass; so do its copies."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.seen = Sizes()

    def forward(self, images):
        self.seen.sizes.append(len(images))
        return super().forward(images)


class Sizes:
    def __init__(self):
        self.sizes = []

    def __deepcopy__(self, memo):
        return self


def network(*, norm=False):
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)] if norm else [nn.Conv2d(1, 4, 3)]
    return Watched(*layers, nn.Tanh(), nn.Flatten(), nn.Linear(144, 3))


def learned(model, data, config, *, steps=3):
    learner = Learner(model, data, config, seed=0, device=torch.device("cpu"), compile="never")
    model.seen.sizes.clear()
    for positions in learner.rest_of_epoch()[:steps]:
        learner.take_step(positions)
    learner.collect()
    return learner


@pytest.mark.parametrize("count", [2, 5, 16, 17, 60, 61, 67, 83, 166])
@pytest.mark.parametrize(("size", "processes", "accumulate"), [(83, 2, 9), (16, 1, 3), (60, 3, 10)])
def test_parts_are_the_share_and_no_image_is_alone(shapes, count, size, processes, accumulate):
    config = TrainConfig(batch_size=size, accumulate=accumulate)
    for rank in range(processes):
        course = Course(shapes(count), config, seed=0, group=Group(rank, processes))
        for batch in course.batches(0):
            share, _ = course.share(batch)
            parts = course.parts(len(share))
            assert torch.cat([share[part] for part in parts]).equal(share)
            lengths = [part.stop - part.start for part in parts]
            assert 1 < min(lengths) <= max(lengths) <= course.full_part + 1
            assert len(parts) <= accumulate
    assert course.full_part <= max(2, -(-size // processes // accumulate) + 1)


def test_steps_in_parts_are_those_of_the_mean_loss_of_whole_batches(shapes):
    """Against a loop in 64 bits, over batches that cannot be divided evenly."""
    data, ours = shapes(41), network()
    twin, total = copy.deepcopy(ours).double(), 0.0
    learner = learned(ours, data, PLAIN)
    assert sorted(ours.seen.sizes) == [3, 4, 4, 6, 6, 6, 6, 6]
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for step, positions in enumerate(learner.course.batches(0)):
        optimizer.param_groups[0]["lr"] = learner.learning_rate(step)
        optimizer.zero_grad()
        loss = F.cross_entropy(twin(data.images(positions).double()), data.labels[positions])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(positions)
    assert learner.totals.loss == pytest.approx(total, rel=1e-6)
    assert learner.totals.images == 41
    for name, value in twin.state_dict().items():
        assert_close(ours.state_dict()[name].double(), value, rtol=0, atol=1e-6)


def test_what_is_drawn_for_a_batch_does_not_depend_on_its_parts(shapes):
    """Neither does what the adversary finds, which sees no more images at once than a part has."""
    whole, ours = network(), network()
    expected = learned(whole, shapes(41), replace(CHANGED, accumulate=1))
    learner = learned(ours, shapes(41), CHANGED)
    assert max(whole.seen.sizes) == 32
    assert max(ours.seen.sizes) == 12  # six images, each as it is and as the adversary leaves it
    assert learner.totals.loss == pytest.approx(expected.totals.loss, rel=1e-6)
    assert learner.totals.correct == expected.totals.correct
    assert learner.totals.images == expected.totals.images
    assert_close(ours.state_dict(), whole.state_dict(), rtol=0, atol=1e-6)


def test_batchnorm_goes_by_the_parts_in_which_all_versions_of_an_image_are(shapes):
    data, ours = shapes(16), network(norm=True)
    twin, config = copy.deepcopy(ours), replace(CHANGED, momentum=0.0, weight_decay=0.0)
    learner = learned(ours, data, config)
    again = Learner(copy.deepcopy(twin), data, config, seed=0, device=torch.device("cpu"))
    versions, labels = again._batch(again.rest_of_epoch()[0])
    for part in (slice(0, 6), slice(6, 12), slice(12, 16)):
        logits = twin(torch.cat([version[part] for version in versions]))
        (F.cross_entropy(logits, labels[part].repeat(2), reduction="sum") / 32).backward()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter -= 0.05 * parameter.grad
    assert learner.step == 1
    assert ours[1].num_batches_tracked == 3
    assert_close(ours.state_dict(), twin.state_dict(), rtol=1e-5, atol=1e-6)


def test_gradients_travel_once_a_step(shapes):
    """Through the real DistributedDataParallel, which asks a hook to send them."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        calls = []

        def send(_, bucket):
            calls.append(bucket.index())
            future = torch.futures.Future()
            future.set_result(bucket.buffer())
            return future

        arguments = {"seed": 0, "device": torch.device("cpu"), "group": Group(0, 2)}
        learner = Learner(network(), shapes(41), PLAIN, **arguments)
        learner._shared.register_comm_hook(None, send)
        batch = learner.rest_of_epoch()[0]
        assert len(learner.course.parts(len(learner.course.share(batch)[0]))) == 3
        for steps in (1, 2, 3):
            learner.take_step(batch)
            assert calls == [0] * steps
    finally:
        dist.destroy_process_group()


def test_batches_that_cannot_be_computed_in_so_many_parts_are_refused(shapes):
    with pytest.raises(InputError, match=r"2 images for each of 3 parts.*=5, give 6 or more"):
        Course(shapes(20), TrainConfig(batch_size=5, accumulate=3), seed=0, group=ALONE)
    with pytest.raises(InputError, match=r"each of 2 processes x 3 parts.*=11, give 12 or more"):
        Course(shapes(20), TrainConfig(batch_size=11, accumulate=3), seed=0, group=Group(0, 2))
    Course(shapes(20), TrainConfig(batch_size=6, accumulate=3), seed=0, group=ALONE)


def test_random_layers_draw_anew_in_every_part(shapes):
    masks = []
    model = Watched(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 3))
    model[1].register_forward_hook(lambda module, images, result: masks.append(result == 0))
    learned(model, shapes(12), replace(PLAIN, batch_size=12, accumulate=2), steps=1)
    assert [len(mask) for mask in masks[-2:]] == [6, 6]
    assert not masks[-1].equal(masks[-2])
