"""Attacking every image of a set with every attack, block by block, into one file per attack."""

import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from landscape.attacks import Attack, AttackResult, Vote, Voter, describe
from landscape.data import ImageSet
from landscape.engine import Compute, Network, Scores, settle_alike
from landscape.errors import InputError
from landscape.evaluation.extras import Columns, Dissimilarity, Extra, Kept, ShownTo, rounded
from landscape.evaluation.inputs import Labelled, labelled
from landscape.evaluation.rows import Evaluation, rows_of
from landscape.filling import Points, fill, help_fill, opened
from landscape.processes import ALONE, Group
from landscape.progress import progress
from landscape.provenance import provenance
from landscape.rng import generator
from landscape.store import Axis, Constant, Field, Layout, SurfaceWriter, open_surface
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


def evaluate(
    model: nn.Module,
    images: Images | ImageSet,
    labels: Labels | None,
    attacks: Mapping[str, Attack],
    *,
    seed: int,
    vote: Vote | None = None,
    target: Literal["network", "vote"] = "network",
    shown_to: Mapping[str, nn.Module] | None = None,
    similarity: bool = False,
    keep_images: bool = False,
    device: str | None = None,
    precision: str = "fp32",
    memory: int | None = None,
    compile: str = "auto",
    out: Path | str | None = None,
    identity: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    show_progress: bool = False,
    group: Group = ALONE,
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
        shown_to: other models, by name, that are shown the attacked images as well: transfer.
        similarity: measure the SSIM of attacked images and originals as well.
        keep_images: keep the attacked images in `out`, rounded to 8 bits as in any picture; loss,
            margin and prediction are then those of the rounded images.
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
        group: processes that attack together, `landscape.processes.joined()` under torchrun: each
            calls this alike, and the first one has the files and the rows.

    Returns:
        One row per attack in the order given, followed by that of its vote if there is one and by
        those of the models that its images were shown to. Of attacks on the vote there is that of
        the vote alone.

    Raises:
        InputError: no attacks, no images, not as many labels, labels the model has no output for,
            images too small for the SSIM, or results of something else in `out`.
    """
    data = labelled(images, labels)
    if not attacks:
        raise InputError("expected at least one attack, got none; natural attacks nothing")
    if target == "vote" and vote is None:
        raise InputError("expected a vote to attack, got none; give --vote 10 (vote=Vote(k=10))")
    if keep_images and out is None:
        raise InputError("attacked images are kept in a folder, got none; give one by --out (out=)")
    compute = Compute(group.device_of(model, device), precision, memory, compile=compile)
    network = Network(model, compute)
    extras: list[Extra] = [Dissimilarity()] * similarity
    if shown_to:
        extras.append(ShownTo({name: Network(other, compute) for name, other in shown_to.items()}))
    if keep_images:
        extras.append(Kept(data.shape))
    runs = [
        _Run(network, data, name, attack, vote, target, tuple(extras), seed, dict(identity or {}))
        for name, attack in attacks.items()
    ]
    network.expect(sum(run.passes for run in runs) * len(data.labels), unit=min(BLOCK, len(data)))
    if out is None:
        with tempfile.TemporaryDirectory(prefix="landscape-") as folder:
            return _all(runs, Path(folder), group, overwrite=overwrite, show=show_progress)
    if group.leads:
        Path(out).mkdir(parents=True, exist_ok=True)
    return _all(runs, Path(out), group, overwrite=overwrite, show=show_progress)


def _all(
    runs: list["_Run"], folder: Path, group: Group, *, overwrite: bool, show: bool
) -> list[Evaluation]:
    rows: list[Evaluation] = []
    for run in runs:
        path = folder / run.file_name
        run.fill(path, group, overwrite=overwrite, show_progress=show)
        if group.leads:
            with open_surface(path) as data:  # lazily: kept images stay on the disk
                rows += rows_of(data)
    return rows


@dataclass(frozen=True)
class _Run:
    """One attack on all images."""

    network: Network
    data: Labelled
    name: str
    attack: Attack
    vote: Vote | None
    target: str
    extras: tuple[Extra, ...]
    seed: int
    identity: dict[str, Any]

    @property
    def passes(self) -> int:
        """Forward passes for each image, at most."""
        voters = self.vote.k if self.vote is not None else 0
        return self.attack.evaluations * self._passes_per_look + voters

    @property
    def _passes_per_look(self) -> int:
        """How often the network sees an image when what is attacked looks at it once."""
        return self.vote.k if self.vote is not None and self.target == "vote" else 1

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
        noted = tuple(field for extra in self.extras for field in extra.fields)
        also = {key: value for extra in self.extras for key, value in extra.configuration.items()}
        return Layout(
            kind="attack",
            points=(
                Axis("image", self.data.ids.astype(np.int64), "1", "position in the data set"),
            ),
            fields=FIELDS + VOTED_FIELDS * voted + noted,
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
                **also,
            },
            about={
                "title": f"{self.name} attack on {self.identity.get('model', 'a model')}",
                "pose": "rotation in degrees counter-clockwise as displayed, shifts in pixels",
                "provenance": provenance(device=str(self.network.device)),
            },
        )

    def fill(self, path: Path, group: Group, *, overwrite: bool, show_progress: bool) -> None:
        """Attack the images that the file lacks.

        Raises:
            InputError: the file holds something else, is in use or cannot be written.
        """
        group.refuse_differences({"images": len(self.data), **self.layout.configuration})
        with opened(lambda: SurfaceWriter(path, self.layout, overwrite=overwrite), group) as writer:
            if not group.on_first(lambda: writer is not None and not writer.complete):
                return
            settle_alike(self.network, self.data.read(slice(0, BLOCK)), group)
            if writer is None:
                help_fill(self._attacked, group=group)
            else:
                self._write(writer, group, show_progress=show_progress)

    def _write(self, writer: SurfaceWriter, group: Group, *, show_progress: bool) -> None:
        started = time.monotonic()
        missing = np.unique(writer.pending() // BLOCK)
        total, lacking = len(self.data), len(writer.pending())
        points = np.concatenate([np.arange(BLOCK) + BLOCK * block for block in missing])
        with progress(
            total, self.name, unit="images", enabled=show_progress, done=total - lacking
        ) as bar:
            batches = iter([points[points < total]])
            fill(writer, batches, BLOCK, self._attacked, group=group, bar=bar)
        writer.finish(
            {
                "run": self.network.facts(),
                "wall_time_seconds": time.monotonic() - started,
                "points_from_earlier_runs": total - lacking,
            }
        )

    def _attacked(self, points: Points) -> Columns:
        """What the attack does to a block of images."""
        block, part = int(points[0]) // BLOCK, slice(int(points[0]), int(points[-1]) + 1)
        images, labels = self.data.read(part), self.data.labels[part]
        target: Network | Voter = self.network
        if self.vote is not None and self.target == "vote":
            known = generator(self.seed, "vote that is attacked", self.name, block)
            target = Voter(self.network, self.vote, generator=known)
        draws = generator(self.seed, "attack", self.name, block)
        found = self.attack(target, images, labels, generator=draws)
        keeps = any(isinstance(extra, Kept) for extra in self.extras)
        attacked = rounded(found.images) if keeps else found.images
        own = target is self.network and not keeps  # the attack's scores are those to be stored
        scores = found.scores if own else self.network.score(attacked, labels)
        columns = _columns(found, scores, self._passes_per_look)
        if self.vote is not None:
            deciding = generator(self.seed, "vote", self.name, block)
            voted = self.vote(self.network, attacked, labels, generator=deciding)
            columns |= {f"voted_{name}": values for name, values in _scores(voted).items()}
        for extra in self.extras:
            columns |= extra(attacked, images, labels)
        return columns


def _columns(found: AttackResult, scores: Scores, passes_per_look: int) -> Columns:
    rotation, shift_x, shift_y = found.pose.cpu().numpy().T
    return {
        **_scores(scores),
        "rotation": rotation,
        "shift_x": shift_x,
        "shift_y": shift_y,
        "evaluations": passes_per_look * found.evaluations.cpu().numpy(),
    }


def _scores(scores: Scores) -> Columns:
    return {
        "loss": scores.loss.cpu().numpy(),
        "margin": scores.margin.cpu().numpy(),
        "prediction": scores.prediction.cpu().numpy(),
    }
