import json

import pytest

from landscape.attacks import RandomPose
from landscape.errors import InputError
from landscape.spatial import SpatialLimits
from landscape.training import Augment, Cosine, Step, TrainConfig


def test_settings_that_differ_are_described_differently():
    configs = [
        TrainConfig(),
        TrainConfig(schedule=Cosine(warmup=0.1)),
        TrainConfig(schedule=Step()),
        TrainConfig(schedule=Step((0.5,))),
        TrainConfig(augment=Augment(crop=1)),
        TrainConfig(augment=Augment(pose=SpatialLimits())),
        TrainConfig(decay="weights"),
        TrainConfig(precision="bf16"),
        TrainConfig(accumulate=2),
        TrainConfig(adversary="worst-of-10"),
        TrainConfig(adversary=RandomPose(k=10, limits=SpatialLimits(rotation=40.0))),
    ]
    assert len({json.dumps(config.as_dict()) for config in configs}) == len(configs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"accumulate": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"learning_rate": float("nan")},
        {"momentum": 1.0},
        {"momentum": 0.0, "nesterov": True},
        {"weight_decay": -1e-4},
        {"decay": "none"},
    ],
)
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrainConfig(**wrong)
