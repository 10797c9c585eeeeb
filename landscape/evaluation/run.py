"""Attacking every image of a set with every attack, block by block, into one file per attack."""

import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, Shaped
from torch import Tensor, nn

from landscape.attacks import Attack, AttackResult, Vote, Voter, describe
from landscape.data import ImageSet, content_sha256
from landscape.engine import Compute, Network, Scores
from landscape.errors import InputError
from landscape.evaluation.rows import Evaluation, rows_of
from landscape.interrupt import deferred_interrupt
from landscape.progress import Progress, progress
from landscape.provenance import provenance
from landscape.rng import generator
from landscape.store import Axis, Constant, Field, Layout, SurfaceWriter, load_surface
from landscape.typing import Images, Labels

BLOCK = 500  # images attacked together, and lost together by a kill; draws depend on it

FIELDS = (
    Field("loss", "float64", "nat", "cross-entropy of the attacked image"),
    Field("margin", "float32", "logit", "logit of the true class minus the largest other"),
    Field("prediction", "int32", "1", "class that the attacked image is taken for"),
    Field("rotation", "float32", "degree", "rotation found, counter-clockwise as displayed"),
    Field("shift_x", "float32", "pixel", "shift found, right"),
    Field("shift_y", "float32", "pixel", "shift found, down"),
    Field("evaluations", "int32", "1", "times that the network saw the image"),
)
VOTED_FIELDS = (
    Field("voted_loss", "float64", "nat", "cross-entropy of the mean probabilities of the voters"),
    Field("voted_margin", "float32", "1", "share of votes for the true class minus the next best"),
    Field("voted_prediction", "int32", "1", "class that most voters take the attacked image for"),
)

Columns = dict[str, Shaped[np.ndarray, " image"]]


def evaluate(
    model: nn.Module,
    images: Images | ImageSet,
    labels: Labels | None,
    attacks: Mapping[str, Attack],
    *,
    seed: int,
    vote: Vote | None = None,
    target: Literal["network", "vote"] = "network",
    device: str | None = None,
    precision: str = "fp32",
    memory: int | None = None,
    compile: str = "auto",
    out: Path | str | None = None,
    identity: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    show_progress: bool = False,
) -> list[Evaluation]:
    """Attack every image with every attack.

    Args:
        model: takes images and returns logits; evaluated as a copy in evaluation mode.
        images: (N, C, H, W), or a set of them with their labels, which may lie on disk.
        labels: (N,); None beside a set.
        attacks: by the name they have in the table.
        seed: of the random attacks and votes; each has a generator of its own.
        vote: let random poses of each attacked image vote on its class as well.
        target: what the attacks look at when there is a vote: the single network, whose images are
            then voted on, or the vote itself, with other random poses than those that decide.
        device: where to compute; the model's own device by default.
        precision: "fp32" (the model's own), "tf32" on NVIDIA GPUs, or "bf16".
        memory: bytes that the activations of a forward pass may take; half of what is free by
            default.
        compile: `torch.compile` "always", "never", or where it saves more time than it takes.
        out: a folder for one HDF5 file per attack, with what it did to each image; a killed
            evaluation goes on from there. None: nothing is kept.
        identity: what names model and data in the files; JSON values.
        overwrite: start anew even if `out` holds results.
        show_progress: show images per second on standard error.

    Returns:
        One row per attack in the order given, followed by that of its vote if there is one. Of
        attacks on the vote there is that of the vote alone.

    Raises:
        InputError: no images, not as many labels, labels the model has no output for, or results
            of something else in `out`.
    """
    data = _labelled(images, labels)
    if target == "vote" and vote is None:
        raise InputError("expected a vote to attack, got none; give vote=Vote(k=10)")
    network = Network(model, Compute(device, precision, memory, compile=compile))
    runs = [
        _Run(network, data, name, attack, vote, target, seed, dict(identity or {}))
        for name, attack in attacks.items()
    ]
    network.expect(sum(run.passes for run in runs) * len(data.labels), unit=min(BLOCK, len(data)))
    if out is None:
        with tempfile.TemporaryDirectory(prefix="landscape-") as folder:
            return _all(runs, Path(folder), overwrite, show_progress)
    Path(out).mkdir(parents=True, exist_ok=True)
    return _all(runs, Path(out), overwrite, show_progress)


def _all(runs: list["_Run"], folder: Path, overwrite: bool, show: bool) -> list[Evaluation]:
    rows: list[Evaluation] = []
    for run in runs:
        path = folder / run.file_name
        run.fill(path, overwrite=overwrite, show_progress=show)
        rows += rows_of(load_surface(path))
    return rows


@dataclass(frozen=True)
class _Labelled:
    """Images that are read when they are needed.

    Attributes:
        read: images at consecutive positions.
        labels: of all of them.
        ids: their numbers in the data set.
        sha256: their digest.
    """

    read: Callable[[slice], Images]
    labels: Labels
    ids: Int[np.ndarray, " image"]
    sha256: str

    def __len__(self) -> int:
        return len(self.labels)


def _labelled(images: Images | ImageSet, labels: Labels | None) -> _Labelled:
    if isinstance(images, ImageSet):
        return _Labelled(images.images, images.labels, images.indices.numpy(), images.sha256)
    if labels is None or len(images) == 0 or len(labels) != len(images):
        given = "none" if labels is None else str(len(labels))
        raise InputError(
            "expected one or more images and a label for each, "
            f"got {len(images)} images and {given} labels"
        )
    pixels: Tensor = images
    digest = content_sha256(images, labels)
    return _Labelled(lambda part: pixels[part], labels, np.arange(len(images)), digest)


@dataclass(frozen=True)
class _Run:
    """One attack on all images."""

    network: Network
    data: _Labelled
    name: str
    attack: Attack
    vote: Vote | None
    target: str
    seed: int
    identity: dict[str, Any]

    @property
    def passes(self) -> int:
        """Forward passes for each image, at most."""
        voters = self.vote.k if self.vote is not None else 0
        return self.attack.evaluations * (voters if self.target == "vote" else 1) + voters

    @property
    def file_name(self) -> str:
        """A name of its own for each attack and vote."""
        voted = f"-vote{self.vote.k}" if self.vote is not None else ""
        aimed = "-attacked" if self.target == "vote" else ""
        return re.sub(r"[^\w.+-]", "_", self.name) + voted + aimed + ".h5"

    @property
    def layout(self) -> Layout:
        """What the file holds."""
        voted = self.vote is not None
        return Layout(
            kind="attack",
            points=(
                Axis("image", self.data.ids.astype(np.int64), "1", "position in the data set"),
            ),
            fields=FIELDS + VOTED_FIELDS * voted,
            constants=(Constant("label", ("image",), self.data.labels.numpy(), "true class"),),
            configuration={
                **self.identity,
                "data_sha256": self.data.sha256,
                "attack_name": self.name,
                "attack": describe(self.attack),
                "vote": asdict(self.vote) if self.vote is not None else None,
                "target": self.target,
                "precision": self.network.precision,
                "seed": self.seed,
                "images_per_draw": BLOCK,
            },
            about={
                "title": f"{self.name} attack on {self.identity.get('model', 'a model')}",
                "pose": "rotation in degrees counter-clockwise as displayed, shifts in pixels",
                "provenance": provenance(device=str(self.network.device)),
            },
        )

    def fill(self, path: Path, *, overwrite: bool, show_progress: bool) -> None:
        """Attack the images that the file lacks.

        Raises:
            InputError: the file holds something else, is in use or cannot be written.
        """
        started = time.monotonic()
        with SurfaceWriter(path, self.layout, overwrite=overwrite) as writer:
            if writer.complete:
                return
            missing = np.unique(writer.pending() // BLOCK).tolist()
            total, lacking = len(self.data), len(writer.pending())
            with progress(
                total, self.name, unit="images", enabled=show_progress, done=total - lacking
            ) as bar:
                self._attack_blocks(missing, writer, bar)
            writer.finish(
                {
                    "run": self.network.facts(),
                    "wall_time_seconds": time.monotonic() - started,
                    "points_from_earlier_runs": total - lacking,
                }
            )

    def _attack_blocks(self, blocks: list[int], writer: SurfaceWriter, bar: Progress) -> None:
        with deferred_interrupt() as interrupted:
            for block in blocks:
                if interrupted():
                    raise KeyboardInterrupt
                part = slice(block * BLOCK, min(len(self.data), (block + 1) * BLOCK))
                writer.write(np.arange(part.start, part.stop), self._attacked(block, part))
                bar.advance(part.stop - part.start)

    def _attacked(self, block: int, part: slice) -> Columns:
        images, labels = self.data.read(part), self.data.labels[part]
        draws = generator(self.seed, "attack", self.name, block)
        if self.vote is None:
            return _columns(self.attack(self.network, images, labels, generator=draws))
        if self.target == "network":
            found = self.attack(self.network, images, labels, generator=draws)
            columns = _columns(found)
        else:
            known = generator(self.seed, "vote that is attacked", self.name, block)
            voter = Voter(self.network, self.vote, generator=known)
            found = self.attack(voter, images, labels, generator=draws)
            columns = _columns(found, self.network.score(found.images, labels))
        deciding = generator(self.seed, "vote", self.name, block)
        voted = self.vote(self.network, found.images, labels, generator=deciding)
        return columns | {f"voted_{name}": values for name, values in _scores(voted).items()}


def _columns(found: AttackResult, scores: Scores | None = None) -> Columns:
    rotation, shift_x, shift_y = found.pose.cpu().numpy().T
    return {
        **_scores(found.scores if scores is None else scores),
        "rotation": rotation,
        "shift_x": shift_x,
        "shift_y": shift_y,
        "evaluations": found.evaluations.cpu().numpy(),
    }


def _scores(scores: Scores) -> Columns:
    return {
        "loss": scores.loss.cpu().numpy(),
        "margin": scores.margin.cpu().numpy(),
        "prediction": scores.prediction.cpu().numpy(),
    }
