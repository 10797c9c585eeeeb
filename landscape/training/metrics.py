"""What a training run writes down about itself, one line per epoch."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from landscape.errors import InputError
from landscape.files import atomic_write
from landscape.runs import whole_lines


@dataclass(frozen=True)
class EpochMetrics:
    """One epoch.

    Attributes:
        epoch: counted from 1.
        step: steps taken since the start of the training.
        learning_rate: of the epoch's last step.
        train_loss: mean over the epoch's images, each as augmented and as the network was when it
            saw it; nats.
        train_accuracy: likewise, in [0, 1].
        validation_loss: mean over the validation images after the epoch; None without them.
        validation_accuracy: likewise, in [0, 1].
        seconds: spent on training, without validation and writing.
        images_per_second: training images over `seconds`.
    """

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float
    images_per_second: float

    def summary(self) -> str:
        """A few words for the progress bar."""
        text = f"epoch {self.epoch}: loss {self.train_loss:.4f}"
        if self.validation_accuracy is None:
            return f"{text}, accuracy {self.train_accuracy:.2%}"
        return f"{text}, validation accuracy {self.validation_accuracy:.2%}"


class MetricsLog:
    """`metrics.jsonl` of a run, and its TensorBoard events where TensorBoard is installed.

    Attributes:
        history: all epochs of the run so far.
    """

    def __init__(self, lines: Path, events: Path, *, step: int) -> None:
        """Go on from what the files hold up to `step`; what lies behind it is dropped.

        Args:
            lines: the file of JSON lines.
            events: the folder of TensorBoard's event files.
            step: steps taken by the state that training goes on from.
        """
        self.history = [metrics for metrics in read_metrics(lines) if metrics.step <= step]
        with atomic_write(lines) as temporary:
            temporary.write_text("".join(map(_line, self.history)), encoding="utf-8")
        self._lines = lines
        self._events = _event_writer(events, step)

    def add(self, metrics: EpochMetrics) -> None:
        """Write down one epoch."""
        self.history.append(metrics)
        with self._lines.open("a", encoding="utf-8") as file:
            file.write(_line(metrics))
        if self._events is not None:
            for name, value in asdict(metrics).items():
                if value is not None and name != "step":
                    self._events.add_scalar(name, value, metrics.step)
            self._events.flush()

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *error: object) -> None:
        if self._events is not None:
            self._events.close()


def read_metrics(path: Path) -> list[EpochMetrics]:
    """The epochs in a `metrics.jsonl`; none if there is no file.

    A last line that a kill cut short is left out.

    Raises:
        InputError: another line cannot be read.
    """
    if not path.exists():
        return []
    try:
        return [EpochMetrics(**json.loads(line)) for line in whole_lines(path)]
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path} is not a metrics file of a training run ({error}); move it away"
        ) from error


def _line(metrics: EpochMetrics) -> str:
    return json.dumps(asdict(metrics)) + "\n"


def _event_writer(folder: Path, step: int) -> Any:
    """A TensorBoard writer that overrules events after `step`, or None without TensorBoard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
