"""One step of gradient descent, and everything that steps change."""

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from landscape.data import ImageSet
from landscape.engine import MICRO_BATCH, Compute, LearningPass, Network, learning_pays
from landscape.errors import InputError
from landscape.processes import ALONE, Group
from landscape.rng import derived_seed, generator
from landscape.training.config import TrainConfig
from landscape.training.course import Course
from landscape.training.distributed import align, averaging, gathering
from landscape.training.optimizer import make_optimizer

log = logging.getLogger("landscape.training")


@dataclass
class EpochTotals:
    """Sums over the images of the present epoch so far, with `clean_too` over both versions."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0
    seconds: float = 0.0


class Learner:
    """A model in training: its weights, the momentum, and the number of steps taken.

    A step is a function of these, of the settings and of the seed alone: the order of the images,
    their augmentation, the adversary's draws and those of random layers come from generators that
    are named after epoch or step. Whoever puts the state back goes on as if there had been no
    pause.

    Where several processes train together, each learner takes its share of every batch, and its
    methods are called by all of them alike.

    Attributes:
        model: in training mode, on the device.
        course: which images each step sees.
        step: steps taken since the start.
        totals: of the present epoch, as of the last `collect`.
        device: where it runs.
    """

    def __init__(
        self,
        model: nn.Module,
        data: ImageSet,
        config: TrainConfig,
        *,
        seed: int,
        device: torch.device,
        memory_format: torch.memory_format = torch.channels_last,
        compile: str = "auto",
        group: Group = ALONE,
    ) -> None:
        self.course = Course(data, config, seed=seed, group=group)
        self.model = model.to(device).to(memory_format=memory_format).train()
        self._memory_format = memory_format
        self.step = 0
        self.totals = EpochTotals()
        self._data, self._config, self._seed, self.device = data, config, seed, device
        self._group, self._attack = group, config.attack()
        self._compiles = self._decide(compile)
        compute = self._compute()
        self._network = Network(self.model, compute)
        self._shared = averaging(self.model, self._blank(2), group)
        self._pass = LearningPass(self._shared, compute)
        self._optimizer = make_optimizer(self.model, config, device)
        # Looked at now and then, since every look makes a GPU wait: loss, correct, images.
        self._fresh: list[tuple[Tensor, Tensor, int]] = []
        self._fresh_since = 0.0

    @property
    def epoch(self) -> int:
        """The epoch, from 0, that the next step belongs to."""
        return self.step // self.course.steps_per_epoch

    @property
    def finished(self) -> bool:
        """Whether all steps are taken."""
        return self.step >= self.course.steps

    @property
    def random_devices(self) -> list[torch.device]:
        """Devices beside the CPU whose global random state the steps change."""
        return [self.device] if self.device.type == "cuda" else []

    def prepare(self) -> None:
        """Compile what is to run compiled; called before the first step, new or taken up again.

        Ctrl-C reaches the compiler too, and no step may depend on whether that got through.
        """
        if not self._compiles:
            return
        blank = self._blank(self.course.full_batch)
        seen = self._blank(self.course.full_part * (1 + self._config.clean_too))
        labels = torch.zeros(len(seen), dtype=torch.int64, device=self.device)
        self._pass.compile(seen.contiguous(memory_format=self._memory_format), labels)
        if self._attack is not None:
            self.network().logits(blank)

    def network(self) -> Network:
        """The model as it is now, in evaluation mode; the same object is brought up to date."""
        self._network.refresh(self.model)
        return self._network

    def rest_of_epoch(self) -> list[Tensor]:
        """Positions of the images of each step from the next one to the end of its epoch."""
        return self.course.batches(self.epoch)[self.step % self.course.steps_per_epoch :]

    def learning_rate(self, step: int) -> float:
        """The rate of the step that follows `step` others."""
        return self._config.learning_rate * self._config.schedule(step / self.course.steps)

    def take_step(self, positions: Tensor) -> None:
        """Descend along the gradient of the mean loss of the images at `positions`."""
        if not self._fresh:
            self._fresh_since = time.perf_counter()
        seen, weight = self.course.share(positions)
        versions, labels = self._batch(seen)
        self._seed_layers()
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate(self.step)
        self._optimizer.zero_grad()
        loss, correct = self._accumulate(versions, labels, weight)
        self._optimizer.step()
        self.step += 1
        self._fresh.append((loss, correct, len(versions) * len(labels) if weight else 0))

    def collect(self) -> None:
        """Add the latest steps to the totals of the epoch.

        Raises:
            InputError: a loss among them is not finite.
        """
        if not self._fresh:
            return
        means = torch.stack([loss for loss, _, _ in self._fresh]).tolist()
        correct = torch.stack([correct for _, correct, _ in self._fresh]).tolist()
        images = [images for _, _, images in self._fresh]
        losses = [mean * n if n else 0.0 for mean, n in zip(means, images, strict=True)]
        correct = [right if n else 0 for right, n in zip(correct, images, strict=True)]
        sums = self._group.sum(torch.tensor([losses, correct, images], dtype=torch.float64))
        first = self.step - len(self._fresh)
        for i, (loss, right, n) in enumerate(sums.T.tolist()):
            if not abs(loss) < float("inf"):
                raise self._divergence(f"the loss is {loss}", first + i)
            self.totals.loss += loss
            self.totals.correct += int(right)
            self.totals.images += int(n)
        self.totals.seconds += time.perf_counter() - self._fresh_since
        self._fresh.clear()

    def close_epoch(self) -> EpochTotals:
        """The totals of the epoch that is over; the next one starts from zero."""
        self.collect()
        totals, self.totals = self.totals, EpochTotals()
        return totals

    def state(self) -> dict[str, Any]:
        """All that another learner of the same settings needs to go on from here.

        Raises:
            InputError: a loss or weight is not finite: there is nothing to go on from.
        """
        self.collect()
        align(self.model, self._group)
        weights = self.model.state_dict()
        for name, tensor in weights.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise self._divergence(f"{name} is not finite", self.step - 1)
        return {
            "step": self.step,
            "totals": asdict(self.totals),
            "weights": weights,
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state()` of another learner gave.

        Raises:
            InputError: it is of another network or optimizer.
        """
        try:
            self.model.load_state_dict(state["weights"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
            self.totals = EpochTotals(**state["totals"])
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                "the state to go on from does not fit this network and its optimizer; give another "
                "--out, or --overwrite to start anew"
            ) from error

    def _accumulate(
        self, versions: list[Tensor], labels: Tensor, weight: float
    ) -> tuple[Tensor, Tensor]:
        """Leave the mean gradient of all images in the weights, going through them part by part.

        All versions of an image are in the same part.

        Args:
            versions: of the images, each in the order of the labels.
            labels: (N,).
            weight: of the whole.

        Returns:
            The mean loss [nats] and the number of correct predictions, as scalars on the device.
        """
        losses, correct, parts = [], [], self.course.parts(len(labels))
        for number, part in enumerate(parts, 1):
            chosen = [version[part] for version in versions]
            images = torch.cat(chosen) if len(chosen) > 1 else chosen[0]
            share = (part.stop - part.start) / len(labels)
            with gathering(self._shared, last=number == len(parts)):
                mean, right = self._pass(
                    images.contiguous(memory_format=self._memory_format),
                    labels[part].repeat(len(versions)),
                    weight=weight * share,
                )
            losses.append(mean * share)
            correct.append(right)
        return torch.stack(losses).sum(), torch.stack(correct).sum()

    def _batch(self, positions: Tensor) -> tuple[list[Tensor], Tensor]:
        """The versions of these images that the network is to learn from, and their labels."""
        images = self.course.images(positions, self.step, self.device)
        draw = generator(self._seed, "augment", self.step, *self._group.purpose)
        images = self._config.augment(images, generator=draw)
        labels = self._data.labels[positions].to(self.device)
        if self._attack is not None:
            align(self.model, self._group)
            draw = generator(self._seed, "adversary", self.step, *self._group.purpose)
            attacked = self._attack(self.network(), images, labels, generator=draw).images
            return [images, attacked] if self._config.clean_too else [attacked], labels
        return [images], labels

    def _decide(self, compile: str) -> bool:
        if self._group.size > 1 and compile != "never":
            log.info("training runs as it is: what several processes share is not compiled")
            return False
        if compile != "auto":
            return compile == "always"
        images = self.course.images_per_epoch * self.course.epochs * (1 + self._config.clean_too)
        passes = self.course.steps * self.course.accumulate
        return learning_pays(self.model, self._blank(2), images=images, batches=passes)

    def _blank(self, count: int) -> Tensor:
        return torch.zeros(count, *self._data.shape, device=self.device)

    def _compute(self) -> Compute:
        """Settings under which nothing depends on a clock, or a pause would change the rounding."""
        course = self.course
        fits = course.full_batch if course.accumulate == 1 else course.full_part
        return Compute(
            self.device,
            self._config.precision,
            micro_batch=fits if self.device.type == "cuda" else min(MICRO_BATCH, fits),
            compile="always" if self._compiles and self._attack is not None else "never",
        )

    def _seed_layers(self) -> None:
        """Seed what layers like dropout draw from, on this device alone."""
        seed = derived_seed(self._seed, "layers", self.step, *self._group.purpose)
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            with torch.cuda.device(self.device):
                torch.cuda.manual_seed(seed)

    def _divergence(self, what: str, step: int) -> InputError:
        epoch, rate = step // self.course.steps_per_epoch + 1, self.learning_rate(step)
        return InputError(
            f"training has diverged: {what} after step {step + 1} (epoch {epoch}, learning rate "
            f"{rate:.3g}); the last state on disk is kept, start anew with a lower learning rate"
        )
