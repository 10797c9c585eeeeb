"""Which parameters shrink."""

from dataclasses import replace

import torch
from torch.testing import assert_close

from landscape.models import build_model
from landscape.rng import generator
from landscape.training import TrainConfig
from landscape.training.learner import Learner

CONFIG = TrainConfig(epochs=1, batch_size=16, learning_rate=0.1, momentum=0.0)


def after_a_step(config, data, spec):
    model = build_model(spec, generator=generator(0))
    learner = Learner(model, data, config, seed=0, device=torch.device("cpu"))
    learner.take_step(learner.rest_of_epoch()[0])
    return dict(model.named_parameters())


def test_weights_alone_or_all_parameters_decay(shapes, cnn):
    data = shapes(40)
    before = dict(build_model(cnn, generator=generator(0)).named_parameters())
    none, every, weights = (
        after_a_step(replace(CONFIG, weight_decay=rate, decay=which), data, cnn)
        for rate, which in ((0.0, "all"), (0.2, "all"), (0.2, "weights"))
    )
    assert {p.ndim for p in before.values()} == {1, 2, 4}
    for name, start in before.items():
        shrunk = none[name] - 0.1 * 0.2 * start
        assert_close(every[name], shrunk, rtol=0, atol=1e-6)
        assert_close(weights[name], shrunk if start.ndim > 1 else none[name], rtol=0, atol=1e-6)
