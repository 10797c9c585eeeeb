"""What a training run is made of, apart from the model, the data and the seed."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from landscape.errors import InputError
from landscape.training.augment import Augment
from landscape.training.schedule import Cosine, Schedule

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class TrainConfig:
    """Stochastic gradient descent with momentum on the mean cross-entropy.

    Attributes:
        epochs: passes over the training images.
        batch_size: images per step; the last batch of an epoch takes what is left.
        learning_rate: at its highest; `schedule` multiplies it.
        momentum: of the gradient, without dampening.
        nesterov: look ahead along the momentum.
        weight_decay: L2 penalty on all parameters, biases and BatchNorm included, as in He et al.
            2016 and torchvision's reference training.
        schedule: the factor of the learning rate over the course of the training.
        augment: random changes of the training images.
        precision: "bf16" runs the network under autocast; weights, gradients, momentum and the
            loss stay float32.
    """

    epochs: int = 15
    batch_size: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    schedule: Schedule = field(default_factory=Cosine)
    augment: Augment = field(default_factory=Augment)
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"learning_rate is positive and finite, got {self.learning_rate}")
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum lies in [0, 1), got {self.momentum}")
        if self.nesterov and self.momentum == 0:
            raise InputError("nesterov looks ahead along the momentum, which is 0; give a momentum")
        if not 0 <= self.weight_decay < float("inf"):
            raise InputError(f"weight_decay is finite and not negative, got {self.weight_decay}")
        if self.precision not in ("fp32", "bf16"):
            raise InputError(f"precision is fp32 or bf16, got {self.precision!r}")

    def as_dict(self) -> dict[str, Any]:
        """The settings as nested dictionaries of JSON's types; the schedule bears its name."""
        schedule = {"name": type(self.schedule).__name__.lower(), **asdict(self.schedule)}
        return {**asdict(self), "schedule": schedule}
