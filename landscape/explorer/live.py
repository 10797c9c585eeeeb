"""The live half: what a network says of an image in a pose, and gradient ascent in the pose.

The one room of the explorer that needs torch.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from landscape.attacks import FirstOrder
from landscape.engine import Network
from landscape.errors import InputError
from landscape.explorer.sources import Source
from landscape.explorer.spatial_figures import Way
from landscape.losses import cross_entropy
from landscape.models import Checkpoint, load_checkpoint
from landscape.plots.prepare import POSE_AXES, displayed_pixels, pose_settings
from landscape.rng import generator
from landscape.spatial import SpatialLimits, Warp
from landscape.typing import Images, Labels

Load = Callable[[Path], Checkpoint]

TOP = 5
WAYS, STEPS = 6, 200


@dataclass(frozen=True)
class Said:
    """What a network says of an image in a pose.

    Attributes:
        classes: the likeliest ones, the likeliest first.
        probabilities: of them.
        loss: cross-entropy of the true class, nats.
    """

    classes: tuple[int, ...]
    probabilities: tuple[float, ...]
    loss: float


@dataclass(frozen=True, eq=False)
class Climbed:
    """Where gradient ascent went from a few poses.

    Attributes:
        ways: every pose visited: rotation, shift_x, shift_y.
        best: the highest loss on each way, nats.
    """

    ways: Sequence[Way]
    best: tuple[float, ...]


class Live:
    """Checkpoints, and the surfaces whose weights they hold."""

    def __init__(self, checkpoints: Sequence[Path], load: Load = load_checkpoint) -> None:
        """Load them.

        Args:
            checkpoints: files.
            load: how; another way where weights from elsewhere need to be told their network.

        Raises:
            InputError: one of them cannot be used.
        """
        self._lock = threading.Lock()
        self._loaded: list[tuple[Path, Checkpoint]] = [
            (Path(path), load(path)) for path in checkpoints
        ]
        self._networks: dict[str, Network] = {}

    def refusal(self, source: Source) -> str:
        """Why nothing can be said of a file; empty where it can.

        Raises:
            InputError: the file cannot be read.
        """
        told = source.summary()
        wanted = str(told.facts.get("weights_sha256", ""))
        if not told.can_show:
            return f"{source.label} holds no pixels that a network could be shown."
        if any(loaded.sha256 == wanted for _, loaded in self._loaded):
            return ""
        held = ", ".join(f"{path.name} {loaded.sha256[:10]}" for path, loaded in self._loaded)
        named = f"weights {wanted[:10]}" if wanted else "no weights"
        return (
            f"{source.label} names {named}, the checkpoints given are others ({held}); start the "
            "explorer with the checkpoint that this surface was computed from."
        )

    def say(self, source: Source, image: xr.Dataset, at: Sequence[float]) -> Said:
        """The likeliest classes, live.

        Args:
            source: the file.
            image: of it, with pixels.
            at: rotation, shift_x, shift_y.

        Raises:
            InputError: no checkpoint is that of the file.
        """
        network, (images, labels) = self._network(source), _pictures(image, 1)
        pose = torch.tensor([list(at)], dtype=torch.float32)
        with self._lock:
            moved = Warp(*pose_settings(image))(images.to(network.device, network.dtype), pose)
            logits = network.logits(moved).double().cpu()
        loss = float(cross_entropy(logits, labels))
        top = logits.softmax(dim=1)[0].topk(min(TOP, logits.shape[1]))
        classes = tuple(top.indices.tolist())
        return Said(classes, tuple(top.values.tolist()), loss)

    def climb(self, source: Source, image: xr.Dataset, steps: int = STEPS) -> Climbed:
        """The package's first-order attack on one image, as far as the grid reaches from 0.

        Its limits are alike on both sides of 0, those of a grid need not be.

        Args:
            source: the file.
            image: of it, with pixels.
            steps: of each way.

        Raises:
            InputError: no checkpoint is that of the file.
        """
        network, (images, labels) = self._network(source), _pictures(image, WAYS)
        reach = [float(np.abs(image[axis].values).max()) for axis in POSE_AXES]
        limits = SpatialLimits(rotation=reach[0], shift_x=reach[1], shift_y=reach[2])
        attack = FirstOrder(steps=steps, limits=limits, warp=Warp(*pose_settings(image)))
        with self._lock:
            found = attack(network, images, labels, generator=generator(0, "explorer"))
        ways = found.trajectory[0].transpose(0, 1).double().cpu().numpy()
        best = found.trajectory_loss[0].amax(dim=0).tolist()
        return Climbed(list(ways), tuple(best))

    def _network(self, source: Source) -> Network:
        if refusal := self.refusal(source):
            raise InputError(refusal)
        wanted = str(source.summary().facts["weights_sha256"])
        with self._lock:
            if wanted not in self._networks:
                model = next(c.model for _, c in self._loaded if c.sha256 == wanted)
                self._networks[wanted] = Network(model)
            return self._networks[wanted]


def _pictures(image: xr.Dataset, count: int) -> tuple[Images, Labels]:
    """The picture of an image, and its label, as often as wanted."""
    pixels = torch.from_numpy(displayed_pixels(image).copy()).permute(2, 0, 1).float() / 255
    return pixels.expand(count, -1, -1, -1).contiguous(), torch.full((count,), int(image["label"]))
