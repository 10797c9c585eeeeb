"""Batches of a data set that can be gone through again."""

import torch

from landscape.rng import generator as rng
from landscape.training import Augment
from landscape.training.batches import ImageBatches


def test_images_come_in_a_new_order_and_augmented_anew_but_again_the_same(shapes):
    def batches():
        return ImageBatches(shapes(11), 5, augment=Augment(crop=1), seed=3)

    one, again = batches(), batches()
    assert len(one) == 2  # a rest of a single image joins the batch before it
    epochs = [list(one), list(one)]
    assert [len(y) for _, y in epochs[0]] == [5, 6]
    for epoch, repeated in zip(epochs, [list(again), list(again)], strict=True):
        assert sorted(torch.cat([y for _, y in epoch]).tolist()) == sorted([0, 1, 2] * 4)[:-1]
        for (x, y), (x2, y2) in zip(epoch, repeated, strict=True):
            assert x.equal(x2)
            assert y.equal(y2)
    # As `train` names its draws: the order after the epoch, changes after the step.
    data = shapes(11)
    for epoch, found in enumerate(epochs):
        order = torch.randperm(11, generator=rng(3, "order", epoch))
        for step, positions in enumerate((order[:5], order[5:])):
            draw = rng(3, "augment", 2 * epoch + step)
            assert found[step][1].equal(data.labels[positions])
            expected = Augment(crop=1)(data.images(positions), generator=draw)
            assert found[step][0].equal(expected)
