"""What a training run is made of, apart from the model, the data and the seed."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from landscape.attacks import Attack, describe, make_attack
from landscape.engine import PRECISIONS
from landscape.errors import InputError
from landscape.registry import lookup
from landscape.training.augment import Augment
from landscape.training.schedule import Cosine, Schedule

Precision = Literal["fp32", "tf32", "bf16"]
DECAY = ("all", "weights")
OPTIMIZERS = ("sgd", "adam", "adamw")


@dataclass(frozen=True)
class TrainConfig:
    """Gradient descent on the mean cross-entropy of batches.

    Attributes:
        epochs: passes over the training images.
        batch_size: images per step; the last batch of an epoch takes what is left.
        learning_rate: at its highest; `schedule` multiplies it.
        optimizer: "sgd", with momentum, or "adam" with its usual constants (Kingma and Ba 2015), or
            "adamw", whose decay is no part of the gradient (Loshchilov and Hutter 2019).
        momentum: of the gradient, without dampening; of "sgd" alone.
        nesterov: look ahead along the momentum.
        weight_decay: L2 penalty on the parameters that `decay` names.
        decay: "all" parameters, biases and BatchNorm included, as in He et al. 2016 and
            torchvision's reference training, or "weights", those of convolutions and linear layers
            alone, as in the TensorFlow release of Engstrom et al. 2019.
        schedule: the factor of the learning rate over the course of the training.
        augment: random changes of the training images.
        adversary: attacks each batch, as augmented, before the step: robust optimization, as in
            Engstrom et al. 2019. As `make_attack` reads it, or an attack with limits of its own. It
            sees the network of this step in evaluation mode.
        clean_too: learn from the images of each batch as they are as well, one to one, as the code
            of Prabhu et al. 2019 does.
        precision: "tf32" rounds the factors of matrix products, on NVIDIA GPUs; "bf16" runs the
            network under autocast. Weights, gradients, momentum and the loss stay float32.
        accumulate: parts in which each process computes its share of a batch, one after the other,
            so that activations take the memory of a part. The step is that of the whole batch, and
            the images are changed and attacked as without parts; BatchNorm goes by the parts, and
            random layers draw anew in each.

    Raises:
        InputError: a setting is out of range or not known.
    """

    epochs: int = 15
    batch_size: int = 128
    learning_rate: float = 0.1
    optimizer: str = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    decay: str = "all"
    schedule: Schedule = field(default_factory=Cosine)
    augment: Augment = field(default_factory=Augment)
    adversary: str | Attack | None = None
    clean_too: bool = False
    precision: Precision = "fp32"
    accumulate: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"learning_rate is positive and finite, got {self.learning_rate}")
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum lies in [0, 1), got {self.momentum}")
        lookup(dict.fromkeys(OPTIMIZERS), self.optimizer, kind="optimizer")
        if self.nesterov and self.optimizer != "sgd":
            raise InputError(f"nesterov is a way of sgd, not of {self.optimizer}; leave it out")
        if self.clean_too and self.adversary is None:
            raise InputError("clean_too goes with an adversary, there is none; give one")
        if self.nesterov and self.momentum == 0:
            raise InputError("nesterov looks ahead along the momentum, which is 0; give a momentum")
        if not 0 <= self.weight_decay < float("inf"):
            raise InputError(f"weight_decay is finite and not negative, got {self.weight_decay}")
        lookup(PRECISIONS, self.precision, kind="precision")
        lookup(dict.fromkeys(DECAY), self.decay, kind="choice of decaying parameters")
        _refuse_what_cannot_be_written_down(self.attack())

    def attack(self) -> Attack | None:
        """The adversary, looked up if it was named."""
        if isinstance(self.adversary, str):
            return make_attack(self.adversary)
        return self.adversary

    def as_dict(self) -> dict[str, Any]:
        """The settings as nested dictionaries of JSON's types; schedule and adversary are named."""
        attack = self.attack()
        return {
            **asdict(self),
            "schedule": _described(self.schedule),
            "adversary": None if attack is None else describe(attack),
        }


def _described(choice: Any) -> dict[str, Any]:
    return {"name": type(choice).__name__.lower(), **asdict(choice)}


def _refuse_what_cannot_be_written_down(attack: Attack | None) -> None:
    try:
        json.dumps(None if attack is None else describe(attack))
    except TypeError as error:
        raise InputError(
            "expected as adversary a dataclass whose fields are JSON values or such dataclasses, "
            f"so that a run can tell how it was trained; got {attack!r} ({error})"
        ) from error
