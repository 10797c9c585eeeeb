"""What directions are made from, and what is known of them once they are made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from landscape.errors import InputError
from landscape.losses import LOSSES, Loss
from landscape.typing import Inputs, Targets, Weights


@dataclass(frozen=True)
class Around:
    """Where directions start, and all that they may depend on.

    Attributes:
        weights: the centre.
        seed: of random numbers.
        model: the network, where the loss decides.
        inputs: the data of the loss, on the CPU or where the model is.
        targets: likewise.
        loss: of outputs and targets.
        checkpoints: other weights of the same architecture by name, in order.
    """

    weights: Weights
    seed: int = 0
    model: nn.Module | None = None
    inputs: Inputs | None = None
    targets: Targets | None = None
    loss: Loss = LOSSES["cross-entropy"]
    checkpoints: Mapping[str, Weights] = field(default_factory=dict)

    def network(self) -> tuple[nn.Module, Inputs, Targets]:
        """The model and the data of its loss.

        Raises:
            InputError: they are not given.
        """
        if self.model is None or self.inputs is None or self.targets is None:
            raise InputError("these directions depend on the loss; give the model and its data")
        return self.model, self.inputs, self.targets


@dataclass(frozen=True)
class Drawn:
    """One direction for each axis it was asked for.

    Attributes:
        vectors: one tensor per weight each.
        labels: of the axes, for figures; none: their numbers.
        facts: what a reader should know, such as eigenvalues; JSON values.
        places: checkpoints to be marked in the surface: displacements from the centre, by name.
        reach: lowest and highest coordinate that suits each axis; none: where the places are, or
            one unit.
    """

    vectors: Sequence[Weights]
    labels: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Weights] = field(default_factory=dict)
    reach: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class DirectionKind:
    """A way to make directions.

    Attributes:
        make: from where they start and the names of the axes.
        normalization: unless another is asked for.
        ignore: likewise.
        checkpoints: whether it is made from other weights.
        connects: whether they lead to other networks that were trained, whose BatchNorm statistics
            are not those of the centre.
    """

    make: Callable[[Around, Sequence[str]], Drawn]
    normalization: str = "none"
    ignore: str = "none"
    checkpoints: bool = False
    connects: bool = False
